//! Emitting in async code, step by step.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::Duration;

use soiree::pool::{Pool, SubmitErrorReason};
use soiree::{EmitError, EventPool, Overflow, Soiree, WorkerPool};

use crate::pools::{on_every_pool, shared_worker_pool};
use crate::support::{Blocked, Polled, TIME_LIMIT, wait_until};

/// A1: with a place, the first poll emits.
#[test]
fn an_emit_that_finds_a_place_is_ready_at_once() {
    on_every_pool(4, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 0);
        let mut emit = Polled::new(blocked.soiree.emit_async("work.now", 7_u64));
        let Poll::Ready(emitted) = emit.poll() else {
            panic!("there is a place");
        };
        drop((emit, emitted.unwrap()));
        assert_eq!(blocked.open(1), [7]);
    });
}

/// A1: nothing happens before the first poll.
#[test]
fn a_future_that_is_not_polled_emits_nothing() {
    on_every_pool(4, Overflow::Block, |on| {
        on.soiree.on("work.*", |_| {}).unwrap();
        let started = on.soiree.stats().in_flight;
        drop(on.soiree.emit_async("work.never", 1_u64));
        assert_eq!(on.soiree.stats().in_flight, started);
        on.soiree.close().unwrap();
        assert_eq!(on.soiree.pool_stats().submitted, 0);
    });
}

/// A1, A2: what waits gets the place that comes free, and is handled.
#[test]
fn an_emit_waits_for_a_place_and_is_handled() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let emit = blocked.waiting(7);
        assert_eq!(blocked.soiree.stats().waiting.blocked, 1);
        // Borrowed by the future.
        let soiree = blocked.soiree.clone();
        let emission = std::thread::scope(|scope| {
            let waits = scope.spawn(|| emit.wait().unwrap().wait());
            blocked.release();
            waits.join().unwrap()
        });
        assert_eq!((emission.delivered(), emission.is_ok()), (1, true));
        soiree.close().unwrap();
    });
}

/// A1: dropping the future before it is ready means that nothing was emitted, also when a place was kept for it.
#[test]
fn a_future_that_is_dropped_has_emitted_nothing_and_gives_its_place_on() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let payload = Arc::new(());
        let mut dropped = Polled::new(blocked.soiree.emit_async("work.no", Arc::clone(&payload)));
        assert!(dropped.poll().is_pending());
        let next = blocked.waiting(7);
        let woken = dropped.wakes();
        blocked.release();
        wait_until("a place is kept for the first", || dropped.wakes() > woken);
        drop(dropped);
        assert_eq!(Arc::strong_count(&payload), 1, "the payload is dropped");
        let report = next.wait().unwrap().wait();
        assert_eq!(report.delivered(), 1);
        on.soiree.close().unwrap();
        assert_eq!(on.soiree.pool_stats().submitted, 3, "block, queued, next");
        assert_eq!(on.soiree.stats().in_flight, 0);
    });
}

/// A3: whatever the overflow policy says, and on a worker too.
#[test]
fn try_emit_never_waits_and_returns_the_payload() {
    for overflow in [
        Overflow::Block,
        Overflow::BlockFor(TIME_LIMIT),
        Overflow::CallerRuns,
        Overflow::Reject,
    ] {
        on_every_pool(1, overflow, |on| {
            let blocked = Blocked::new(on.soiree.clone(), 1);
            let rejected = blocked.soiree.try_emit("work.full", 7_u64).unwrap_err();
            assert!(rejected.is_full() && rejected.pool() == Some("default"));
            assert_eq!(rejected.into_payload().downcast_ref(), Some(&7_u64));
            let soiree: &dyn Soiree = &blocked.soiree;
            assert!(soiree.try_emit("work.full", 7_u64).unwrap_err().is_full());
            let event = || soiree::BaseEvent::new("work.full", 7_u64);
            let group = blocked.soiree.group();
            let group: &dyn Soiree = &group;
            for rejected in [
                blocked.soiree.try_emit_event(event()),
                soiree.try_emit_event(event()),
                group.try_emit_event(event()),
            ] {
                let rejected = rejected.unwrap_err();
                assert!(rejected.is_full());
                assert_eq!(rejected.into_payload().downcast_ref(), Some(&7_u64));
            }
            assert_eq!(blocked.open(1), [0]);
        });
    }
}

/// P2: the policies that reject or drop do so in async code too.
#[test]
fn an_overflow_policy_that_does_not_wait_holds_in_async_code() {
    on_every_pool(1, Overflow::Reject, |on| {
        if !on.reserves {
            // Nobody knows the policy of such a pool.
            return on.soiree.close().unwrap();
        }
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let rejected = pollster::block_on(blocked.soiree.emit_async("work.full", 7_u64));
        assert!(rejected.unwrap_err().is_full(), "{}", on.name);
        assert_eq!(blocked.open(1), [0]);
    });
    on_every_pool(1, Overflow::DropOldest, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let emitted = pollster::block_on(blocked.soiree.emit_async("work.new", 7_u64));
        drop(emitted.unwrap());
        assert_eq!(blocked.open(1), [7], "{}", on.name);
    });
}

/// P2: a time limit holds without a thread that waits.
#[test]
fn an_emit_that_waits_too_long_is_rejected_with_its_payload() {
    let timeout = Duration::from_millis(20);
    on_every_pool(1, Overflow::BlockFor(timeout), |on| {
        if !on.reserves {
            return on.soiree.close().unwrap();
        }
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let late = blocked.waiting(7).wait();
        match late.unwrap_err() {
            EmitError::Rejected {
                source: SubmitErrorReason::TimedOut { waited },
                payload,
                ..
            } => {
                assert_eq!(waited, timeout);
                assert_eq!(payload.downcast_ref(), Some(&7_u64));
            }
            other => panic!("{other}"),
        }
        assert_eq!(blocked.soiree.stats().waiting.blocked, 0);
        assert_eq!(blocked.open(1), [0]);
    });
}

/// A1, P4: a listener that waited for its own pool could wait forever.
#[test]
fn inside_a_listener_an_emit_does_not_wait() {
    on_every_pool(1, Overflow::Block, |on| {
        let weak = on.soiree.downgrade();
        let (sender, results) = channel();
        let listener = move |_: &dyn soiree::Event| {
            let soiree = weak.upgrade().unwrap();
            loop {
                let emitted = pollster::block_on(soiree.emit_async("other", ()));
                if let Err(error) = emitted {
                    sender.send(error.is_full()).unwrap();
                    return;
                }
            }
        };
        on.soiree.on("start", listener).unwrap();
        let emission = pollster::block_on(on.soiree.emit_async("start", ())).unwrap();
        assert!(results.recv_timeout(TIME_LIMIT).expect("it returns"));
        assert!(emission.wait().is_ok());
        on.soiree.close().unwrap();
    });
}

/// E2: what is wrong is said before anything waits.
#[test]
fn a_malformed_topic_and_a_closed_event_pool_reject_at_once() {
    on_every_pool(1, Overflow::Block, |on| {
        let malformed = pollster::block_on(on.soiree.emit_async("work..", 7_u64));
        assert!(matches!(malformed, Err(EmitError::InvalidTopic { .. })));
        on.soiree.close().unwrap();
        let closed = pollster::block_on(on.soiree.emit_async("work.late", 7_u64));
        let payload = closed.unwrap_err().into_payload();
        assert_eq!(payload.downcast_ref(), Some(&7_u64));
        assert!(matches!(
            on.soiree.try_emit("work.late", 7_u64),
            Err(EmitError::Closed { .. })
        ));
    });
}

/// A1: a removed bulkhead is no end; the event goes where its topic goes now.
#[test]
fn an_emit_that_waits_for_a_removed_bulkhead_goes_elsewhere() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 8).unwrap());
    let mail = shared_worker_pool(1);
    soiree.add_bulkhead("mail", Arc::clone(&mail)).unwrap();
    soiree.add_route("work.*", "mail").unwrap();
    soiree.add_route("block", "mail").unwrap();
    let blocked = Blocked::new(soiree.clone(), 1);
    let emit = blocked.waiting(7);
    soiree.drain_bulkhead("mail").unwrap();
    mail.stop();
    let report = emit.wait().unwrap().wait();
    assert_eq!(report.delivered(), 1);
    drop(blocked);
    soiree.close().unwrap();
}

/// A1: an event of the caller's own type waits as well, also through `dyn Soiree`.
#[test]
fn events_of_ones_own_and_trait_objects_wait_too() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let soiree: &dyn Soiree = &on.soiree;
        let event = || soiree::BaseEvent::new("work.event", 7_u64);
        let mut own = Polled::new(on.soiree.emit_event_async(event()));
        let mut object = Polled::new(soiree.emit_event_async(event()));
        let mut payload = Polled::new(soiree.emit_async("work.payload", 7_u64));
        assert!(own.poll().is_pending() && object.poll().is_pending());
        assert!(payload.poll().is_pending());
        blocked.release();
        for emission in [own.wait(), object.wait(), payload.wait()] {
            assert_eq!(emission.unwrap().wait().delivered(), 1);
        }
        on.soiree.close().unwrap();
    });
}
