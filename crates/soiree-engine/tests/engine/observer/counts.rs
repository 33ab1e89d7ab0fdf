//! That observers are told as often as reports and pools count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree_core::{Overflow, Pool, Priority, Retry};
use soiree_engine::Report;
use soiree_pool::WorkerPool;
use soiree_testkit::{Journal, ManualPool};

use crate::observer::events::named;
use crate::support::{PATIENCE, until};

/// What an observer has to have been told of these emissions.
fn compare(journal: &Journal, reports: &[Report]) {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>() as usize;
    let called = sum(|report| report.delivered + report.retried);
    assert_eq!(journal.count("listener started"), called);
    let ended = |outcome: &str| {
        let lines = journal.about("listener ended");
        lines.iter().filter(|line| line.ends_with(outcome)).count()
    };
    let failed = ended("failed") + ended("panicked");
    assert_eq!(failed, sum(|report| report.failed + report.retried));
    assert_eq!(ended("succeeded") + failed, called);
    assert_eq!(
        journal.count("retry scheduled"),
        sum(|report| report.retried)
    );
    assert_eq!(journal.count("listener panicked"), ended("panicked"));
    let aborted = journal.about("emission ended");
    let aborted = aborted.iter().filter(|line| line.contains("aborted"));
    assert_eq!(aborted.count(), sum(|report| u64::from(report.aborted)));
}

/// E1, P1: under a load of everything at once, on several workers, every call comes as often as reports and figures say.
#[test]
fn counts_are_those_of_reports_and_figures() {
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
    let mut refused = 0;
    for round in 0..ROUNDS * topics.len() {
        match soiree.emit(topics[round % topics.len()], round) {
            Ok(emission) => emissions.push(emission),
            Err(_) => refused += 1,
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
    compare(&journal, &reports);
    let begun = journal.count("emission begun");
    assert_eq!(begun, ROUNDS * topics.len() + 1);
    assert_eq!(journal.count("emission refused"), refused);
    assert_eq!(journal.count("emission ended"), begun - refused);
    assert_eq!(journal.count("dead event: nobody"), ROUNDS);
    assert_eq!(journal.count("dead letter: load.fail"), ROUNDS);
    for (name, stats) in [("default", pool.stats()), ("small", small.stats())] {
        let count = |what: &str| journal.count(&format!("{what} {name}"));
        let (submitted, rejected) = (stats.submitted as usize, stats.rejected as usize);
        assert_eq!(count("job offered to"), submitted + rejected);
        assert_eq!(count("job refused by"), rejected);
        assert_eq!(count("job started on"), submitted);
        let ended = format!("job ended on {name}: completed");
        assert_eq!(journal.count(&ended), stats.successful as usize);
        assert_eq!(count("job ended on"), submitted);
    }
}

/// P1, P5, P6: a pool that is used without an `EventPool` tells of every job, whatever becomes of it.
#[test]
fn an_observed_pool_tells_of_every_end_of_a_job() {
    let (manual, journal) = (ManualPool::with_capacity(2), Journal::new());
    let pool = soiree_core::ObservedPool::new(manual.clone(), "mail", journal.clone());
    let now = Instant::now();
    pool.submit_before((|| ()).into(), now).unwrap();
    until("the deadline has passed", || Instant::now() > now);
    pool.submit((|| panic!("oh")).into()).unwrap();
    pool.submit((|| ()).into()).unwrap_err();
    manual.run_all();
    let later = Instant::now() + PATIENCE;
    pool.submit_before((|| ()).into(), later).unwrap();
    manual.run_all();
    pool.submit((|| ()).into()).unwrap();
    pool.stop();
    journal.reads([
        "job offered to mail",
        "job offered to mail",
        "job offered to mail",
        "job refused by mail: the queue is full (2 waiting)",
        "job ended on mail: expired",
        "job started on mail",
        "job ended on mail: panicked",
        "job offered to mail",
        "job started on mail",
        "job ended on mail: completed",
        "job offered to mail",
        "job ended on mail: discarded",
    ]);
    let stats = pool.stats();
    assert_eq!(
        (
            stats.expired,
            stats.failed,
            stats.successful,
            stats.discarded
        ),
        (1, 1, 1, 1)
    );
}

/// P2: that a pool has another number of workers is told of, by whom it was done as well.
#[test]
fn resizing_is_told_of() {
    let journal = Journal::new();
    let worker = || WorkerPool::new(1, 1).unwrap();
    let soiree = soiree::Builder::with_pool(worker())
        .bulkhead("bulk", worker())
        .observer(journal.clone())
        .build()
        .unwrap();
    soiree.resize_bulkhead("bulk", 3).unwrap();
    soiree.resize_bulkhead("default", 2).unwrap();
    soiree.resize_bulkhead("bulk", 0).unwrap_err();
    let pool = soiree_core::ObservedPool::new(worker(), "mail", journal.clone());
    pool.resize(4).unwrap();
    journal.reads([
        "pool resized: bulk from 1 to 3",
        "pool resized: default from 1 to 2",
        "pool resized: mail from 1 to 4",
    ]);
}
