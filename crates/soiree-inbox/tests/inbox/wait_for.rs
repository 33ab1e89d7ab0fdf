//! Waiting for the next event that matches.

use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use soiree::{EventPool, SubscribeError, TypedPattern, TypedTopic, WaitForError, WrongPayload};

use crate::support::{CountWakes, TIME_LIMIT, topic, wait_until};

const DONE: TypedTopic<u64> = TypedTopic::new("job.done");
const ANY: TypedPattern<u64> = TypedPattern::new("job.*");

/// A5: it listens from before it returns.
#[test]
fn an_event_before_the_wait_begins_is_seen() {
    let soiree = EventPool::new();
    let wait = soiree.wait_for("job.*");
    soiree.emit_sync("job.done", 7_u64).unwrap();
    assert_eq!(topic(&wait.wait().unwrap()), "job.done");
    let wait = soiree.wait_for("job.*");
    soiree.emit_sync("job.done", 7_u64).unwrap();
    assert_eq!(
        topic(&pollster::block_on(wait.into_future()).unwrap()),
        "job.done"
    );
    assert_eq!(soiree.len(), 0);
}

/// A5: the first event that passes the filter, whether it comes before or during the wait.
#[test]
fn the_first_match_is_delivered_once() {
    let soiree = EventPool::new();
    let even = |event: &Arc<dyn soiree::Event>| {
        event.with_payload(|number: &u64| number % 2 == 0) == Some(true)
    };
    let wait = soiree.wait_for("job.*").filter(even);
    for number in [1_u64, 3, 4, 6] {
        soiree.emit_sync("job.done", number).unwrap();
    }
    let event = wait.wait().unwrap();
    assert_eq!(*event.payload_as::<u64>().unwrap(), 4);
    for later in [false, true] {
        let wait = soiree.wait_for("job.*").filter(even);
        let waits = thread::spawn(move || {
            if later {
                pollster::block_on(wait.into_future())
            } else {
                wait.wait()
            }
        });
        let mut number = 1_u64;
        wait_until("it has matched", || {
            soiree.emit_sync("job.done", number).unwrap();
            number += 1;
            waits.is_finished()
        });
        let event = waits.join().unwrap().unwrap();
        assert_eq!(*event.payload_as::<u64>().unwrap(), 2);
    }
    assert_eq!(soiree.len(), 0);
}

/// A5: a timeout leaves nothing behind.
#[test]
fn a_wait_that_times_out_leaves_nothing_behind() {
    let soiree = EventPool::new();
    let timeout = Duration::from_millis(5);
    let late = soiree.wait_for("job.*").timeout(timeout).wait();
    assert_eq!(late.unwrap_err(), WaitForError::TimedOut { timeout });
    let late = pollster::block_on(soiree.wait_for("job.*").timeout(timeout).into_future());
    assert_eq!(late.unwrap_err(), WaitForError::TimedOut { timeout });
    assert_eq!(soiree.len(), 0);
    // One that is in time.
    let wait = soiree.wait_for("job.*").timeout(TIME_LIMIT);
    soiree.emit_sync("job.done", 1_u64).unwrap();
    assert!(pollster::block_on(wait.into_future()).is_ok());
}

/// A5: a close ends the wait, before it begins and while it lasts.
#[test]
fn a_close_ends_a_wait() {
    for waits_before in [false, true] {
        let soiree = EventPool::new();
        let wait = soiree.wait_for("job.*");
        let waiting = waits_before.then(|| soiree.wait_for("job.*"));
        let waiting = waiting.map(|waiting| thread::spawn(move || waiting.wait()));
        soiree.close().unwrap();
        assert_eq!(wait.wait().unwrap_err(), WaitForError::Closed);
        if let Some(waiting) = waiting {
            assert_eq!(waiting.join().unwrap().unwrap_err(), WaitForError::Closed);
        }
        let late = soiree.wait_for("job.*").wait().unwrap_err();
        assert_eq!(late, WaitForError::Subscribe(SubscribeError::Closed));
    }
}

/// A5: a dropped wait and a dropped future unsubscribe, and keep no waker.
#[test]
fn a_dropped_wait_leaves_nothing_behind() {
    let soiree = EventPool::new();
    drop(soiree.wait_for("job.*"));
    assert_eq!(soiree.len(), 0);
    let wakes = Arc::new(CountWakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    {
        let mut future = pin!(soiree.wait_for("job.*").timeout(TIME_LIMIT).into_future());
        let mut context = Context::from_waker(&waker);
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert_eq!(soiree.len(), 1);
    }
    drop(waker);
    assert_eq!((soiree.len(), Arc::strong_count(&wakes)), (0, 1));
    soiree.close().unwrap();
}

/// A5: a malformed pattern is said by the wait.
#[test]
fn a_malformed_pattern_is_an_error_of_the_wait() {
    let soiree = EventPool::new();
    let malformed = soiree.wait_for("job..*").wait().unwrap_err();
    assert!(matches!(
        malformed,
        WaitForError::Subscribe(SubscribeError::InvalidPattern(_))
    ));
}

/// A5: what comes too early, and is too much, is an error and no silence.
#[test]
fn events_that_were_not_kept_are_an_error() {
    let soiree = EventPool::new();
    let wait = soiree.wait_for("job.*").filter(|_| false);
    (0..1_030_u64).for_each(|number| drop(soiree.emit_sync("job.done", number).unwrap()));
    assert_eq!(wait.wait().unwrap_err(), WaitForError::Missed { missed: 6 });
    let wait = soiree.wait_for("job.*");
    (0..1_030_u64).for_each(|number| drop(soiree.emit_sync("job.done", number).unwrap()));
    assert!(wait.wait().is_ok(), "the first one matches");
}

/// A5: typed topics and patterns wait for payloads, and receive them.
#[test]
fn typed_waits_and_inboxes_check_the_payload() {
    let soiree = EventPool::new();
    let wait = DONE.wait_for(&soiree).filter(|number| **number > 1);
    let inbox = ANY.inbox(&soiree, soiree::InboxOptions::new(4)).unwrap();
    let report = soiree.emit_sync("job.done", "another type").unwrap();
    assert_eq!(report.failed(), 2);
    assert!(report.errors()[0].downcast_ref::<WrongPayload>().is_some());
    DONE.emit_sync(&soiree, 1).unwrap();
    DONE.emit_sync(&soiree, 2).unwrap();
    assert_eq!(*wait.wait().unwrap(), 2);
    let mut received = Vec::new();
    while let Ok(soiree::Received::Event(number)) = inbox.try_recv() {
        received.push(*number);
    }
    assert_eq!(received, [1, 2]);
}

/// A5, E8: events that came while the filter ran are dropped without a lock, whatever that does.
#[test]
fn an_event_that_is_dropped_unseen_may_emit() {
    struct Emits(EventPool, u64);
    impl Drop for Emits {
        fn drop(&mut self) {
            drop(self.0.emit_sync("job.done", self.1));
        }
    }
    let soiree = EventPool::new();
    let emits = soiree.clone();
    let wait = soiree.wait_for("job.*").filter(move |_| {
        let dropped_later = Emits(emits.clone(), 2);
        drop(emits.emit_sync("job.done", dropped_later));
        true
    });
    soiree.emit_sync("job.done", 1_u64).unwrap();
    let (sender, waited) = channel();
    thread::spawn(move || sender.send(wait.wait().is_ok()));
    assert_eq!(waited.recv_timeout(TIME_LIMIT), Ok(true));
    assert_eq!(soiree.len(), 0);
}

/// A5: events that come faster than they are filtered do not put off the timeout.
#[test]
fn a_flood_of_events_does_not_put_off_the_timeout() {
    for is_async in [false, true] {
        let soiree = EventPool::new();
        let emits = soiree.clone();
        // Each event that is filtered on the thread that waits is followed by another one.
        let waits = Arc::new(AtomicBool::new(false));
        let in_wait = Arc::clone(&waits);
        let timeout = Duration::from_millis(5);
        let wait = soiree.wait_for("job.*").timeout(timeout);
        let wait = wait.filter(move |_| {
            if in_wait.load(Ordering::SeqCst) {
                drop(emits.emit_sync("job.done", ()));
            }
            false
        });
        soiree.emit_sync("job.done", ()).unwrap();
        waits.store(true, Ordering::SeqCst);
        let (sender, waited) = channel();
        thread::spawn(move || {
            let late = match is_async {
                true => pollster::block_on(wait.into_future()),
                false => wait.wait(),
            };
            sender.send(late.map(drop))
        });
        let late = waited.recv_timeout(TIME_LIMIT).expect("it ends");
        assert_eq!(late, Err(WaitForError::TimedOut { timeout }));
        assert_eq!(soiree.len(), 0);
    }
}

/// A5: a filter that panics on the thread that waits leaves nothing behind.
#[test]
fn a_filter_that_panics_leaves_nothing_behind() {
    let soiree = EventPool::new();
    let filter = |_: &Arc<dyn soiree::Event>| panic!("the filter");
    for is_async in [false, true] {
        let wait = soiree.wait_for("job.*").filter(filter);
        soiree.emit_sync("job.done", ()).unwrap();
        let waits = AssertUnwindSafe(move || match is_async {
            true => pollster::block_on(wait.into_future()).map(drop),
            false => wait.wait().map(drop),
        });
        assert!(catch_unwind(waits).is_err());
        assert_eq!(soiree.len(), 0);
    }
    // On a worker, it fails that call, and the wait goes on.
    let mut future = pin!(soiree.wait_for("job.*").filter(filter).into_future());
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(soiree.emit_sync("job.done", ()).unwrap().failed(), 1);
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(soiree.len(), 1);
}
