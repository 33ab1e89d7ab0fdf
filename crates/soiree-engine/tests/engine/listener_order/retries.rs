//! Retries and timeouts of ordered listeners.

use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Retry};
use soiree_testkit::ManualTimer;

use super::{assert_at_rest, by_key, ordered, wait, wait_for_waiting};
use crate::support::{CallLog, wait_until, worker_pool};

const DELAY: Duration = Duration::from_secs(60);

/// The calls of a listener whose first event fails in its first attempt, when the second event was emitted before the retry is due.
fn calls(options: ListenerOptions, is_sync: bool) -> Vec<String> {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .bulkhead("own", worker_pool("own", 2, 16))
        .timer(timer.clone())
        .build()
        .unwrap();
    let log = CallLog::default();
    let calls = log.clone();
    let overtakes = format!("{options:?}").contains("overtaking_retries: true");
    soiree
        .on_with("a", options.retry(Retry::fixed(DELAY, 2)), move |event| {
            let number = event.payload_as::<super::Numbered>().unwrap().1;
            calls.record(format!("{number}.{}", event.attempt()));
            match (number, event.attempt()) {
                (1, 1) => Err("as planned"),
                _ => Ok(()),
            }
        })
        .unwrap();
    std::thread::scope(|scope| {
        let emit = || match is_sync {
            true => soiree.emit_sync("a", (1_u32, 1_u32)).unwrap(),
            false => wait(&soiree.emit("a", (1_u32, 1_u32)).unwrap()),
        };
        let first = scope.spawn(emit);
        wait_until("the retry waits", || timer.pending() == 1);
        let second = soiree.emit("a", (1_u32, 2_u32)).unwrap();
        if overtakes {
            assert!(wait(&second).is_ok());
        } else {
            wait_for_waiting(&soiree, 1);
        }
        timer.advance(DELAY);
        assert!(wait(&second).is_ok());
        let report = first.join().unwrap();
        assert_eq!((report.retried(), report.is_ok()), (1, true));
    });
    assert_at_rest(&soiree);
    soiree.close().unwrap();
    log.take()
}

/// L8, L7: the next call of a key waits for the retries of the one before, on any pool, unless they may be overtaken.
#[test]
fn the_next_call_waits_for_retries() {
    for is_sync in [false, true] {
        let overtaking = ListenerOptions::new().ordered(by_key().overtaking_retries());
        for (options, expected) in [
            (ordered(), ["1.1", "1.2", "2.1"]),
            (ordered().pool("own"), ["1.1", "1.2", "2.1"]),
            (overtaking.clone(), ["1.1", "2.1", "1.2"]),
            (overtaking.pool("own"), ["1.1", "2.1", "1.2"]),
        ] {
            assert_eq!(calls(options, is_sync), expected, "sync: {is_sync}");
        }
    }
}
