//! L1, L2, L4, E1: a topic that was emitted before is found in a cache, with the same result.

use std::sync::Arc;

use proptest::prelude::*;
use soiree::EventPool;
use soiree_core::{ListenerOptions, Priority};
use soiree_engine::Report;

use crate::support::{CallLog, on_one_worker};

/// What a listener does when it is called.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Succeed,
    Fail,
    Panic,
    Abort,
    AbortAndFail,
}

#[derive(Debug, Clone, Copy)]
struct Planned {
    act: Act,
    priority: i32,
    /// Its filter rejects every event.
    filtered: bool,
    wild: bool,
}

fn listeners() -> impl Strategy<Value = Planned> {
    let act = prop_oneof![
        6 => Just(Act::Succeed),
        1 => Just(Act::Fail),
        1 => Just(Act::Panic),
        1 => Just(Act::Abort),
        1 => Just(Act::AbortAndFail),
    ];
    (act, 1..=5, prop::bool::weighted(0.1), any::<bool>()).prop_map(
        |(act, priority, filtered, wild)| Planned {
            act,
            priority,
            filtered,
            wild,
        },
    )
}

fn subscribe(soiree: &EventPool, all: &[Planned], calls: &CallLog) {
    for (number, one) in all.iter().enumerate() {
        let calls = calls.clone();
        let act = one.act;
        let priority = Priority::try_from(one.priority).unwrap();
        let mut options = ListenerOptions::new().priority(priority);
        if one.filtered {
            options = options.filter(|_| false);
        }
        let pattern = if one.wild { "*" } else { "t" };
        let listener = move |event: &dyn soiree_core::Event| {
            calls.record(number.to_string());
            event.set_aborted(matches!(act, Act::Abort | Act::AbortAndFail));
            match act {
                Act::Succeed | Act::Abort => Ok(()),
                Act::Fail | Act::AbortAndFail => Err("it fails"),
                Act::Panic => std::panic::panic_any("it panics"),
            }
        };
        soiree.on_with(pattern, options, listener).unwrap();
    }
}

/// Which listeners are called, how many fail, and whether the event is aborted.
fn expected(all: &[Planned]) -> (Vec<String>, u64, bool) {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&number| -all[number].priority);
    let (mut called, mut failed, mut aborted) = (Vec::new(), 0, false);
    for number in order {
        if aborted {
            break;
        }
        if all[number].filtered {
            continue;
        }
        called.push(number.to_string());
        let act = all[number].act;
        failed += u64::from(matches!(act, Act::Fail | Act::AbortAndFail | Act::Panic));
        aborted = matches!(act, Act::Abort | Act::AbortAndFail);
    }
    (called, failed, aborted)
}

proptest! {
    #[test]
    fn a_cached_topic_has_the_same_result(
        all in prop::collection::vec(listeners(), 0..12),
        handled in any::<bool>(),
    ) {
        let soiree = on_one_worker(4);
        let errors = CallLog::default();
        if handled {
            let errors = errors.clone();
            soiree.set_error_handler(move |_, error| {
                errors.record("error");
                Some(error)
            });
        }
        let calls = CallLog::default();
        subscribe(&soiree, &all, &calls);
        let (called, failed, aborted) = expected(&all);
        let check = |report: Report| {
            assert_eq!(calls.take(), called);
            assert_eq!(report.delivered(), called.len() as u64);
            assert_eq!((report.failed(), report.is_aborted()), (failed, aborted));
            assert_eq!(report.errors().len() as u64, failed);
            assert_eq!(errors.take().len() as u64, if handled { failed } else { 0 });
        };
        // From the third time on, the topic is cached.
        for _ in 0..4 {
            check(soiree.emit_sync("t", ()).unwrap());
            check(soiree.emit("t", Arc::new(())).unwrap().wait());
        }
    }
}
