//! Closing and draining in async code.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use soiree::observe::{EmissionRejected, EmissionStarted, Observer};
use soiree::{CloseError, EmitError, EventPool, Overflow, Soiree, WorkerPool};

use crate::pools::on_every_pool;
use crate::support::{Blocked, Polled, TIME_LIMIT, wait_until};

/// E4: a close rejects what waits in async code, with its payload, and waits for nothing that nobody polls.
#[test]
fn a_close_rejects_the_events_that_still_wait() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let emit = blocked.waiting(7);
        let mut close = Polled::new(on.soiree.close_async());
        assert!(close.poll().is_pending());
        let rejected = emit.wait().unwrap_err();
        assert!(matches!(rejected, EmitError::Closed { .. }), "{rejected}");
        assert_eq!(rejected.into_payload().downcast_ref(), Some(&7_u64));
        blocked.release();
        close.wait().unwrap();
        assert_eq!(on.soiree.stats().in_flight, 0);
    });
}

/// E4: also if the future is never polled again.
#[test]
fn a_close_does_not_wait_for_a_future_that_nobody_polls() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let waits = blocked.waiting(7);
        blocked.release();
        on.soiree.close().unwrap();
        drop(waits);
        assert_eq!(on.soiree.stats().in_flight, 0);
    });
}

/// E4: the error of a missed deadline says what it says on a thread.
#[test]
fn an_async_close_with_a_deadline_reports_what_is_left() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let closed = pollster::block_on(on.soiree.close_async_with_deadline(Instant::now()));
        match closed.unwrap_err() {
            CloseError::DrainTimeout { emissions, .. } => assert_eq!(emissions, 2, "{}", on.name),
            other => panic!("{other}"),
        }
        blocked.release();
    });
}

/// E4: a second close is an error, and so is one from inside a listener.
#[test]
fn an_async_close_is_checked_like_any_other() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
    let weak = soiree.downgrade();
    let close = move |_: &dyn soiree::Event| {
        let soiree = weak.upgrade().unwrap();
        match pollster::block_on(soiree.close_async()) {
            Err(CloseError::InsideListener) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    soiree.on("close", close).unwrap();
    assert!(soiree.emit("close", ()).unwrap().wait().is_ok());
    pollster::block_on(soiree.close_async()).unwrap();
    assert_eq!(
        pollster::block_on(soiree.close_async()),
        Err(CloseError::AlreadyClosed)
    );
}

/// E4: nothing happens before the first poll, and a close that has started goes on.
#[test]
fn a_close_begins_with_the_first_poll_and_goes_on_without_its_future() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
    drop(soiree.close_async());
    assert!(!soiree.is_closed());
    let blocked = Blocked::new(soiree.clone(), 1);
    let mut close = Polled::new(soiree.close_async());
    assert!(close.poll().is_pending());
    drop(close);
    blocked.release();
    wait_until("the close has ended", || soiree.is_empty());
}

/// E4: a bulkhead that is drained in async code runs what it has accepted.
#[test]
fn an_async_drain_runs_what_was_accepted() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 8).unwrap());
    for deadline in [false, true] {
        let mail = WorkerPool::new(1, 8).unwrap();
        soiree.add_bulkhead("mail", mail).unwrap();
        soiree.add_route("mail.*", "mail").unwrap();
        let handled = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counts = Arc::clone(&handled);
        let count = move |_: &dyn soiree::Event| {
            counts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        };
        let id = soiree.on("mail.*", count).unwrap();
        for _ in 0..8 {
            drop(soiree.emit("mail.sent", ()).unwrap());
        }
        if deadline {
            let later = Instant::now() + crate::support::TIME_LIMIT;
            let drain = soiree.drain_bulkhead_async_with_deadline("mail", later);
            pollster::block_on(drain).unwrap();
        } else {
            pollster::block_on(soiree.drain_bulkhead_async("mail")).unwrap();
        }
        assert_eq!(handled.load(std::sync::atomic::Ordering::SeqCst), 8);
        soiree.off("mail.*", &id).unwrap();
    }
    assert!(pollster::block_on(soiree.drain_bulkhead_async("mail")).is_err());
    soiree.close().unwrap();
}

/// Lets the emit of `work.late` start, and go on once a close has rejected what waits.
struct HoldsLateEmit {
    started: Sender<()>,
    rejected: (Sender<()>, Mutex<Receiver<()>>),
}

impl Observer for HoldsLateEmit {
    fn emission_started(&self, started: &EmissionStarted<'_>) {
        if started.topic == "work.late" {
            self.started.send(()).unwrap();
            let rejected = self.rejected.1.lock().unwrap();
            rejected.recv_timeout(TIME_LIMIT).expect("a close rejects");
        }
    }

    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
        if rejected.topic == "work.async" {
            self.rejected.0.send(()).unwrap();
        }
    }
}

/// E4, A1: an emit that starts before a close and finds no place after it is rejected, and the close does not wait for it.
#[test]
fn a_close_does_not_wait_for_an_emit_that_finds_no_place_meanwhile() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let (started, has_started) = channel();
        let (rejects, rejected) = channel();
        on.soiree.add_observer(HoldsLateEmit {
            started,
            rejected: (rejects, Mutex::new(rejected)),
        });
        let first = blocked.waiting(7);
        let (soiree, closing) = (on.soiree.clone(), on.soiree.clone());
        let late = thread::spawn(move || pollster::block_on(soiree.emit_async("work.late", 8_u64)));
        has_started.recv_timeout(TIME_LIMIT).expect("it starts");
        let later = Instant::now() + TIME_LIMIT;
        let close = thread::spawn(move || closing.close_with_deadline(later));
        let rejected = late.join().unwrap().unwrap_err();
        assert!(matches!(rejected, EmitError::Closed { .. }), "{rejected}");
        assert_eq!(rejected.into_payload().downcast_ref(), Some(&8_u64));
        drop(first);
        blocked.release();
        assert_eq!(close.join().unwrap(), Ok(()), "{}", on.name);
        assert_eq!(on.soiree.stats().in_flight, 0);
    });
}

/// E4, A1: a trait object is closed by the same names, for an event pool and for a group of its listeners.
#[test]
fn a_trait_object_closes_as_an_event_pool_does() {
    type Close = fn(&dyn Soiree, Instant) -> Result<(), CloseError>;
    let ways: [Close; 4] = [
        |soiree, _| soiree.close(),
        |soiree, deadline| soiree.close_with_deadline(deadline),
        |soiree, _| pollster::block_on(soiree.close_async()),
        |soiree, deadline| pollster::block_on(soiree.close_async_with_deadline(deadline)),
    ];
    for close in ways {
        let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
        let group = soiree.group();
        group.on("work", |_| {}).unwrap();
        let emission = soiree.emit("work", ()).unwrap();
        assert_eq!(close(&group, Instant::now() + TIME_LIMIT), Ok(()));
        assert_eq!(emission.wait().delivered(), 1);
        let again = close(&soiree, Instant::now());
        assert_eq!(again, Err(CloseError::AlreadyClosed));
    }
}
