//! The numbers of an emission that has ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{EmissionEnded, Event, Observer, Overflow, Retry};
use soiree_engine::Report;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::support::{Blocker, emit_both_ways, named, wait_until};

/// Delivered, failed, timed out, not called, retried, errors.
type Numbers = [u64; 6];

/// Keeps the numbers of the emissions that have ended.
#[derive(Default)]
struct Ended(Mutex<Vec<(Numbers, bool, bool)>>);

impl Observer for Ended {
    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        let numbers = [
            ended.delivered,
            ended.failed,
            ended.timed_out,
            ended.not_called,
            ended.retried,
            ended.errors,
        ];
        let mut all = self.0.lock().unwrap();
        all.push((numbers, ended.aborted, ended.discarded));
        let text = format!("{ended:?}");
        assert!(text.contains("timed_out: ") && text.contains("errors: "));
    }
}

impl Ended {
    fn take(&self) -> Vec<(Numbers, bool, bool)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn check(&self, report: &Report, expected: Numbers) {
        let numbers = [
            report.delivered(),
            report.failed(),
            report.timed_out(),
            report.not_called(),
            report.retried(),
            report.errors().len() as u64 + report.omitted_errors(),
        ];
        assert_eq!(numbers, expected);
        assert_eq!(
            self.take(),
            [(expected, report.is_aborted(), report.is_discarded())]
        );
    }
}

/// E1: an observer sees all numbers of the report, also those of errors that the report does not keep, or whose emission nobody holds.
#[test]
fn the_numbers_are_those_of_the_report() {
    let (timer, ended) = (ManualTimer::new(), Arc::<Ended>::default());
    let full = WorkerPool::builder().max_workers(1).capacity(1);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 8).unwrap())
        .bulkhead("full", full.overflow(Overflow::Reject).build().unwrap())
        .route("hold", "full")
        .timer(timer.clone())
        .error_buffer(2)
        .error_handler(|_, error| (error.name() != Some("swallowed")).then_some(error))
        .observer(Arc::clone(&ended))
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "hold", named("holds"));
    soiree.emit("hold", ()).unwrap();
    blocker.wait_started();
    soiree.emit("hold", ()).unwrap();
    let fails = |_: &dyn Event| Err::<(), _>("no");
    let listen = |name, listener: fn(&dyn Event) -> Result<(), &'static str>| {
        soiree.on_with("a", named(name), listener).unwrap();
    };
    listen("well", |_| Ok(()));
    listen("swallowed", |_| Err("no"));
    listen("fails", |_| Err("no"));
    listen("panics", |_| panic!("no"));
    let retry = Retry::fixed(Duration::ZERO, 2);
    soiree
        .on_with("a", named("again").retry(retry), fails)
        .unwrap();
    let elsewhere = named("elsewhere").pool("full");
    soiree.on_with("a", elsewhere, |_| ()).unwrap();
    let time = timer.clone();
    let limited = named("late").timeout(Duration::from_secs(1));
    let late = move |_: &dyn Event| {
        time.advance(Duration::from_secs(1));
    };
    soiree.on_with("a", limited, late).unwrap();
    let expected = [6, 5, 1, 1, 1, 5];
    emit_both_ways(&soiree, "a", |report| ended.check(&report, expected));
    drop(soiree.emit("a", ()).unwrap());
    wait_until("it has ended", || !ended.0.lock().unwrap().is_empty());
    assert_eq!(ended.take(), [(expected, false, false)]);
    soiree.on("abort", |event| event.set_aborted(true)).unwrap();
    emit_both_ways(&soiree, "abort", |report| {
        assert!(report.is_aborted());
        ended.check(&report, [1, 0, 0, 0, 0, 0]);
    });
    blocker.release();
    blocker.release();
    soiree.close().unwrap();
}
