//! What counts as a run of a listener.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Observer};

use crate::support::{CallLog, TestResult};

/// L1, L5: a listener sees the events that its filter accepts, and only those use up its runs.
#[test]
fn a_filter_decides_what_a_listener_sees_and_what_counts_as_a_run() -> TestResult {
    let soiree = EventPool::new();
    let calls = CallLog::default();
    let recorded = calls.clone();
    let large = ListenerOptions::new()
        .filter(|event| event.payload_as::<u32>().is_some_and(|number| *number > 9))
        .max_runs(2);
    soiree.on_with("number", large, move |event| {
        let number = event.payload_as::<u32>().expect("the filter saw a number");
        recorded.record(number.to_string());
    })?;
    let delivered: Vec<u64> = [1_u32, 10, 2, 3, 11, 12, 4]
        .into_iter()
        .map(|number| {
            soiree
                .emit_sync("number", number)
                .map(|report| report.delivered())
        })
        .collect::<Result<_, _>>()?;
    assert_eq!(delivered, [0, 1, 0, 0, 1, 0, 0]);
    assert_eq!(calls.take(), ["10", "11"]);
    Ok(())
}

/// L1: filters that accept, skip, abort or panic, and listeners that succeed, fail or abort, with and without an observer: the fast path
/// reports what the other one does.
#[test]
fn filters_have_the_same_effect_whether_emissions_are_observed_or_not() -> TestResult {
    struct Quiet;
    impl Observer for Quiet {}
    const KINDS: usize = 5;
    let outcome = |kinds: [usize; 3], is_observed: bool| -> Result<String, Box<dyn Error>> {
        let unheard = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&unheard);
        let mut builder = EventPool::builder()
            .unheard_event_handler(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
            })
            .error_handler(|_, _| None);
        if is_observed {
            builder = builder.observer(Quiet);
        }
        let soiree = builder.build()?;
        let calls = CallLog::default();
        for (place, kind) in kinds.into_iter().enumerate() {
            let options = ListenerOptions::new().filter(move |event| match kind {
                0 => false,
                1 => panic!("the filter"),
                2 => {
                    event.set_aborted(true);
                    place == 1
                }
                _ => true,
            });
            let calls = calls.clone();
            soiree.on_with("t", options, move |_| {
                calls.record(place.to_string());
                (kind != 4).then_some(()).ok_or("no")
            })?;
        }
        let mut seen = String::new();
        // A topic is cached when it is emitted for the second time.
        for _ in 0..3 {
            let report = soiree.emit_sync("t", ())?;
            let unheard = unheard.swap(0, Ordering::SeqCst);
            let called = calls.take().join("");
            let (delivered, failed, aborted) =
                (report.delivered(), report.failed(), report.is_aborted());
            let by = report.abort().and_then(|abort| abort.by.clone()).is_some();
            seen += &format!("{called}: {delivered} {failed} {aborted} {by} {unheard}; ");
        }
        Ok(seen)
    };
    for number in 0..KINDS.pow(3) {
        let kinds = [
            number % KINDS,
            number / KINDS % KINDS,
            number / KINDS / KINDS,
        ];
        assert_eq!(outcome(kinds, false)?, outcome(kinds, true)?, "{kinds:?}");
    }
    Ok(())
}

/// L5
#[test]
fn once_and_max_runs_are_exact_under_concurrent_emits() -> TestResult {
    let soiree = EventPool::new();
    let (once, seven) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counted = |count: &Arc<AtomicU64>| {
        let count = Arc::clone(count);
        move |_: &dyn soiree_core::Event| {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    for _ in 0..50 {
        soiree.on_with("t", ListenerOptions::new().once(), counted(&once))?;
        soiree.on_with("*", ListenerOptions::new().max_runs(7), counted(&seven))?;
        let starting = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    starting.wait();
                    for _ in 0..2 {
                        soiree.emit_sync("t", ()).unwrap();
                        let _ = soiree.emit("t", ()).unwrap();
                    }
                });
            }
        });
        soiree.emit("t", ())?.wait();
        assert!(
            soiree.is_empty(),
            "those whose runs are used up are removed"
        );
    }
    soiree.close()?;
    assert_eq!(
        (once.load(Ordering::SeqCst), seven.load(Ordering::SeqCst)),
        (50, 350)
    );
    Ok(())
}

/// L5: a listener that could never run is rejected.
#[test]
fn zero_runs_are_rejected() {
    let rejected = EventPool::new().on_with("t", ListenerOptions::new().max_runs(0), |_| {});
    assert_eq!(rejected, Err(soiree_core::SubscribeError::ZeroRuns));
}
