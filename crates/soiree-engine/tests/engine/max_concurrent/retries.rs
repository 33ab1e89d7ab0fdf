//! Retries and timeouts of listeners with a limit of calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Retry};
use soiree_testkit::ManualTimer;

use super::{assert_at_rest, limit, wait, wait_for_waiting};
use crate::support::{Blocker, wait_until, worker_pool};

const DELAY: Duration = Duration::from_secs(60);

fn with_timer() -> (EventPool, ManualTimer) {
    let timer = ManualTimer::new();
    let builder = EventPool::builder().pool(worker_pool("default", 3, 16));
    (builder.timer(timer.clone()).build().unwrap(), timer)
}

/// A listener that fails for a `u8` in its first attempt, and otherwise blocks.
fn fail_first(soiree: &EventPool, options: ListenerOptions) -> (Blocker, Arc<AtomicUsize>) {
    let (block, blocker) = Blocker::new();
    let most = Arc::new(AtomicUsize::new(0));
    let (active, seen) = (AtomicUsize::new(0), Arc::clone(&most));
    let options = options.retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("a", options, move |event| {
            if event.payload().is::<u8>() && event.attempt() == 1 {
                return Err("not yet");
            }
            seen.fetch_max(active.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            block();
            active.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
    (blocker, most)
}

/// W5, L7: a retry waits for a turn of its own. Until it is due, it has none.
#[test]
fn a_retry_waits_for_a_turn_again() {
    let (soiree, timer) = with_timer();
    let (blocker, most) = fail_first(&soiree, limit(1));
    let failing = soiree.emit("a", 1_u8).unwrap();
    wait_until("the retry waits", || timer.pending() == 1);
    let other = soiree.emit("a", ()).unwrap();
    blocker.wait_started();
    timer.advance(DELAY);
    wait_for_waiting(&soiree, 1);
    let stats = soiree.stats();
    assert_eq!(
        (stats.waiting.total(), stats.retries, stats.active),
        (1, 1, 1)
    );
    assert!(!failing.is_finished());
    blocker.release();
    blocker.wait_started();
    assert!(wait(&other).is_ok());
    blocker.release();
    let report = wait(&failing);
    assert_eq!(
        (report.delivered(), report.retried(), report.is_ok()),
        (1, 1, true)
    );
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L11: a retry that waits for its turn when the listener is removed is given up, and leaves no place behind.
#[test]
fn a_retry_that_waits_ends_with_the_subscription() {
    let (soiree, timer) = with_timer();
    let (blocker, _) = fail_first(&soiree, limit(1));
    let id = soiree.listeners_for("a").unwrap()[0].id.clone();
    let failing = soiree.emit("a", 1_u8).unwrap();
    wait_until("the retry waits", || timer.pending() == 1);
    let other = soiree.emit("a", ()).unwrap();
    blocker.wait_started();
    timer.advance(DELAY);
    wait_for_waiting(&soiree, 1);
    let behind = soiree.emit("a", ()).unwrap();
    wait_for_waiting(&soiree, 2);
    soiree.off("a", &id).unwrap();
    let report = wait(&failing);
    assert_eq!((report.failed(), report.retried()), (1, 0));
    assert_eq!(soiree.stats().waiting.turn, 1);
    blocker.release();
    blocker.wait_started();
    blocker.release();
    assert!(wait(&other).is_ok() && wait(&behind).is_ok());
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, L9: a call that has timed out keeps its turn until it really returns, here and as a job of its own.
#[test]
fn a_call_that_has_timed_out_keeps_its_turn() {
    let (soiree, timer) = with_timer();
    let options = limit(1).timeout(Duration::from_secs(30));
    let blocker = Blocker::on(&soiree, "a", options);
    let first = soiree.emit("a", ()).unwrap();
    blocker.wait_started();
    let second = soiree.emit("a", ()).unwrap();
    wait_for_waiting(&soiree, 1);
    let expire = || timer.advance(Duration::from_secs(30));
    assert_eq!(expire(), 1);
    assert_eq!(wait(&first).timed_out(), 1);
    assert_eq!(soiree.stats().waiting.turn, 1);
    blocker.release();
    blocker.wait_started();
    let third = soiree.emit("a", ()).unwrap();
    wait_for_waiting(&soiree, 1);
    assert_eq!(expire(), 1);
    assert_eq!(wait(&second).timed_out(), 1);
    assert_eq!(soiree.stats().waiting.turn, 1);
    blocker.release();
    blocker.wait_started();
    blocker.release();
    assert!(wait(&third).is_ok());
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, L9: the retry of a call that has timed out waits for its return, and then for its turn behind those that came before.
#[test]
fn a_retry_after_a_timeout_waits_behind_the_others() {
    let (soiree, timer) = with_timer();
    let options = limit(1).timeout(2 * DELAY).retry(Retry::fixed(DELAY, 2));
    let (block, blocker) = Blocker::new();
    let calls = crate::support::CallLog::default();
    let log = calls.clone();
    soiree
        .on_with("a", options, move |event| {
            let name = *event.payload_as::<&str>().unwrap();
            log.record(format!("{name} {}", event.attempt()));
            block();
        })
        .unwrap();
    let slow = soiree.emit("a", "slow").unwrap();
    blocker.wait_started();
    timer.advance(2 * DELAY);
    let other = soiree.emit("a", "other").unwrap();
    wait_for_waiting(&soiree, 1);
    timer.advance(DELAY);
    blocker.release();
    blocker.wait_started();
    wait_for_waiting(&soiree, 1);
    blocker.release();
    blocker.wait_started();
    blocker.release();
    assert!(wait(&other).is_ok());
    let report = wait(&slow);
    assert_eq!(
        (report.delivered(), report.retried(), report.is_ok()),
        (1, 1, true)
    );
    assert_eq!(calls.take(), ["slow 1", "other 1", "slow 2"]);
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}
