//! Observers are notified as often as reports and pools count.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::{Overflow, Pool, Priority, Retry};
use soiree_engine::Report;
use soiree_pool::WorkerPool;
use soiree_testkit::Journal;

use crate::support::named;

/// Checks that these reports match the notifications.
fn check(journal: &Journal, reports: &[Report]) {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>() as usize;
    let called = sum(|report| report.delivered() + report.retried());
    assert_eq!(journal.count("listener started"), called);
    let ended = |outcome: &str| {
        let lines = journal.lines_starting_with("listener ended");
        lines.iter().filter(|line| line.ends_with(outcome)).count()
    };
    let failed = ended("failed") + ended("panicked");
    assert_eq!(failed, sum(|report| report.failed() + report.retried()));
    assert_eq!(ended("succeeded") + failed, called);
    assert_eq!(
        journal.count("retry scheduled"),
        sum(|report| report.retried())
    );
    assert_eq!(journal.count("listener panicked"), ended("panicked"));
    let aborted = journal.lines_starting_with("emission ended");
    let aborted = aborted.iter().filter(|line| line.contains("aborted"));
    assert_eq!(
        aborted.count(),
        sum(|report| u64::from(report.is_aborted()))
    );
}

/// E1, P1: under a mixed load on several workers, the notifications match the reports and the statistics of the pools.
#[test]
fn notifications_match_reports_and_pool_statistics() {
    const ROUNDS: usize = 200;
    let small = WorkerPool::builder().max_workers(1).capacity(2);
    let small = small.overflow(Overflow::Reject).build().unwrap();
    let (pool, small) = (Arc::new(WorkerPool::new(3, 64).unwrap()), Arc::new(small));
    let journal = Journal::new();
    let soiree = soiree::Builder::with_pool(Arc::clone(&pool))
        .bulkhead("small", Arc::clone(&small))
        .route("small.**", "small")
        .observer(journal.clone())
        .build()
        .unwrap();
    let retry = Retry::fixed(Duration::ZERO, 2);
    soiree
        .on_with("load.fail", named("fail").retry(retry), |_| {
            Err::<(), _>("no")
        })
        .unwrap();
    soiree
        .on_with("load.panic", named("panic"), |_| panic!("oh"))
        .unwrap();
    soiree
        .on_with("load.abort", named("abort"), |event| {
            event.set_aborted(true)
        })
        .unwrap();
    soiree
        .on_with("*.*", named("ok").priority(Priority::Low), |_| ())
        .unwrap();
    let topics = [
        "load.fail",
        "load.panic",
        "load.abort",
        "load.ok",
        "small.ok",
        "nobody",
    ];
    let mut emissions = Vec::new();
    let mut rejected = 0;
    for round in 0..ROUNDS * topics.len() {
        match soiree.emit(topics[round % topics.len()], round) {
            Ok(emission) => emissions.push(emission),
            Err(_) => rejected += 1,
        }
    }
    let mut reports: Vec<Report> = emissions
        .iter()
        .map(soiree_engine::Emission::wait)
        .collect();
    reports.push(soiree.emit_sync("load.ok", ()).unwrap());
    soiree.close().unwrap();
    pool.release();
    small.release();
    check(&journal, &reports);
    let started = journal.count("emission started");
    assert_eq!(started, ROUNDS * topics.len() + 1);
    assert_eq!(journal.count("emission rejected"), rejected);
    assert_eq!(journal.count("emission ended"), started - rejected);
    assert_eq!(journal.count("unheard event: nobody"), ROUNDS);
    assert_eq!(journal.count("dead letter: load.fail"), ROUNDS);
    for (name, stats) in [("default", pool.stats()), ("small", small.stats())] {
        let count = |what: &str| journal.count(&format!("{what} {name}"));
        let (submitted, rejected) = (stats.submitted as usize, stats.rejected as usize);
        assert_eq!(count("job offered to"), submitted + rejected);
        assert_eq!(count("job rejected by"), rejected);
        assert_eq!(count("job started on"), submitted);
        let ended = format!("job ended on {name}: completed");
        assert_eq!(journal.count(&ended), stats.successful as usize);
        assert_eq!(count("job ended on"), submitted);
    }
}
