//! L1, L2, L4, L8, L9, E1: a topic that was emitted before is found in a cache, with the same result.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use soiree::{Builder, EventPool};
use soiree_core::{KeyOrder, ListenerOptions, Priority};
use soiree_engine::Report;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::support::CallLog;

/// What a listener does when it is called.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Succeed,
    Fail,
    Panic,
    Abort,
    AbortAndFail,
}

/// The timeout of a listener.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Timeout {
    None,
    InTime,
    Late,
}

const LIMIT: Duration = Duration::from_secs(30);

/// Which order by key the event pool has.
#[derive(Debug, Clone, Copy)]
enum Order {
    None,
    ByKey,
    WithoutKey,
    OfOtherTopics,
}

impl Order {
    fn set(self, builder: Builder) -> Builder {
        match self {
            Self::None => builder,
            Self::ByKey => builder.ordered("t", KeyOrder::by(|_| Some(1))),
            Self::WithoutKey => builder.ordered("t", KeyOrder::by(|_| None::<u8>)),
            Self::OfOtherTopics => builder.ordered("other", KeyOrder::by(|_| Some(1))),
        }
    }
}

fn orders() -> impl Strategy<Value = Order> {
    let without = prop_oneof![Just(Order::WithoutKey), Just(Order::OfOtherTopics)];
    prop_oneof![Just(Order::None), Just(Order::ByKey), without]
}

#[derive(Debug, Clone, Copy)]
struct Planned {
    act: Act,
    priority: i32,
    /// Its filter rejects every event.
    filtered: bool,
    timeout: Timeout,
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
    let timeout = prop_oneof![
        6 => Just(Timeout::None),
        2 => Just(Timeout::InTime),
        1 => Just(Timeout::Late),
    ];
    let filtered = prop::bool::weighted(0.1);
    (act, 1..=5, filtered, timeout, any::<bool>()).prop_map(
        |(act, priority, filtered, timeout, wild)| Planned {
            act,
            priority,
            filtered,
            timeout,
            wild,
        },
    )
}

fn subscribe(soiree: &EventPool, timer: &ManualTimer, all: &[Planned], calls: &CallLog) {
    for (number, one) in all.iter().enumerate() {
        let (calls, timer) = (calls.clone(), timer.clone());
        let (act, timeout) = (one.act, one.timeout);
        let priority = Priority::try_from(one.priority).unwrap();
        let mut options = ListenerOptions::new().priority(priority);
        if one.filtered {
            options = options.filter(|_| false);
        }
        if timeout != Timeout::None {
            options = options.timeout(LIMIT);
        }
        let pattern = if one.wild { "*" } else { "t" };
        let listener = move |event: &dyn soiree_core::Event| {
            calls.record(number.to_string());
            event.set_aborted(matches!(act, Act::Abort | Act::AbortAndFail));
            if timeout == Timeout::Late {
                timer.advance(LIMIT);
            }
            match act {
                Act::Succeed | Act::Abort => Ok(()),
                Act::Fail | Act::AbortAndFail => Err("it fails"),
                Act::Panic => std::panic::panic_any("it panics"),
            }
        };
        soiree.on_with(pattern, options, listener).unwrap();
    }
}

/// What an emission comes to.
#[derive(Default)]
struct Expected {
    called: Vec<String>,
    failed: u64,
    timed_out: u64,
    /// Of listeners whose timeout is reported apart.
    failed_late: u64,
    aborted: bool,
}

fn expected(all: &[Planned]) -> Expected {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&number| -all[number].priority);
    let mut expected = Expected::default();
    for number in order {
        if expected.aborted {
            break;
        }
        if all[number].filtered {
            continue;
        }
        expected.called.push(number.to_string());
        let act = all[number].act;
        let fails = matches!(act, Act::Fail | Act::AbortAndFail | Act::Panic);
        if all[number].timeout == Timeout::Late {
            expected.timed_out += 1;
            expected.failed_late += u64::from(fails);
            expected.failed += 1;
        } else {
            expected.failed += u64::from(fails);
        }
        expected.aborted = matches!(act, Act::Abort | Act::AbortAndFail);
    }
    expected
}

proptest! {
    #[test]
    fn a_cached_topic_has_the_same_result(
        all in prop::collection::vec(listeners(), 0..12),
        handled in any::<bool>(),
        order in orders(),
    ) {
        let timer = ManualTimer::new();
        let builder = EventPool::builder().pool(WorkerPool::new(1, 4).unwrap());
        let soiree = order.set(builder.timer(timer.clone())).build().unwrap();
        let errors = CallLog::default();
        if handled {
            let errors = errors.clone();
            soiree.set_error_handler(move |_, error| {
                errors.record("error");
                Some(error)
            });
        }
        let calls = CallLog::default();
        subscribe(&soiree, &timer, &all, &calls);
        let expected = expected(&all);
        let check = |report: Report| {
            assert_eq!(calls.take(), expected.called);
            assert_eq!(report.delivered(), expected.called.len() as u64);
            assert_eq!((report.failed(), report.is_aborted()), (expected.failed, expected.aborted));
            assert_eq!(report.timed_out(), expected.timed_out);
            assert_eq!(report.errors().len() as u64, expected.failed);
            let handler_calls = if handled { expected.failed + expected.failed_late } else { 0 };
            assert_eq!(errors.take().len() as u64, handler_calls);
            let orders = soiree.stats().orders;
            assert_eq!(orders.iter().map(|order| order.keys).sum::<usize>(), 0);
        };
        // From the third time on, the topic is cached.
        for _ in 0..4 {
            check(soiree.emit_sync("t", ()).unwrap());
            // On a pool, a listener that is late ends apart from its emission.
            if expected.timed_out == 0 {
                check(soiree.emit("t", Arc::new(())).unwrap().wait());
            }
        }
    }
}
