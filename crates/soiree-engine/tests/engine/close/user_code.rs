//! E4, L3: user code that closes the event pool while it is dropped or notified.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use soiree::EventPool;
use soiree_core::{
    EmissionRejected, ListenerOptions, Observer, Payload, Pool, SubscriptionRemoved,
};
use soiree_engine::{CloseError, KeyOrder};
use soiree_pool::WorkerPool;

use crate::support::{TIME_LIMIT, TestResult, on_one_worker};

type Closed = Result<(), CloseError>;

/// Closes the event pool as it is dropped.
struct ClosesOnDrop(EventPool, mpsc::Sender<Closed>);

impl Drop for ClosesOnDrop {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.close());
    }
}

fn closing(soiree: &EventPool) -> (ClosesOnDrop, mpsc::Receiver<Closed>) {
    let (sender, closed) = mpsc::channel();
    (ClosesOnDrop(soiree.clone(), sender), closed)
}

/// Runs `act` on its own thread, which would never end if the close waited for it. Returns the result of the close.
fn close_by(act: impl FnOnce() + Send, closed: &mpsc::Receiver<Closed>) -> Closed {
    thread::scope(|scope| {
        scope.spawn(act);
        closed.recv_timeout(TIME_LIMIT).expect("the close returns")
    })
}

/// If the last emission that calls a removed listener drops it, the close is inside that emission.
#[test]
fn a_listener_may_close_as_it_is_dropped() -> TestResult {
    for (emits, expected) in [(false, Ok(())), (true, Err(CloseError::InsideListener))] {
        let soiree = on_one_worker(1);
        let (closes, closed) = closing(&soiree);
        let (sender, started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        soiree.on("t", move |_| {
            sender.send(()).unwrap();
            released.lock().unwrap().recv_timeout(TIME_LIMIT).unwrap();
        })?;
        let id = soiree.on("t", move |_| {
            let _ = &closes;
        })?;
        let (soiree, id) = (&soiree, &id);
        let act = move || {
            thread::scope(|scope| {
                let emission = emits.then(|| scope.spawn(|| soiree.emit_sync("t", ())));
                if emits {
                    started.recv_timeout(TIME_LIMIT).unwrap();
                }
                soiree.off("t", id).unwrap();
                // If nothing was emitted, the event pool is closed by now, and no listener waits.
                let _ = release.send(());
                let emission = emission.map(|emission| emission.join().unwrap());
                assert!(emission.is_none_or(|report| report.unwrap().delivered() == 2));
            });
        };
        assert_eq!(close_by(act, &closed), expected);
    }
    Ok(())
}

/// A payload that no listener reads, one that a listener reads, and one that is not accepted.
#[test]
fn a_payload_may_close_as_it_is_dropped() -> TestResult {
    for topic in ["unread", "read", "b ad"] {
        // From the third time on, the topic is cached.
        for emits in [1, 4] {
            let soiree = on_one_worker(1);
            soiree.on("unread", |_| {})?;
            soiree.on("read", |event| {
                assert!(event.payload_as::<Option<ClosesOnDrop>>().is_some());
            })?;
            let (closes, closed) = closing(&soiree);
            let act = || {
                for _ in 1..emits {
                    let _ = soiree.emit_sync(topic, None::<ClosesOnDrop>);
                }
                let _ = soiree.emit_sync(topic, Some(closes));
            };
            assert_eq!(close_by(act, &closed), Ok(()), "{topic}");
        }
    }
    Ok(())
}

/// The emission makes a copy of its event for a listener on another pool, and drops that copy itself.
#[test]
fn a_payload_set_by_a_listener_on_another_pool_may_close_as_it_is_dropped() -> TestResult {
    let soiree = on_one_worker(1);
    soiree.add_bulkhead("other", WorkerPool::new(1, 4)?)?;
    let (closes, closed) = closing(&soiree);
    let closes = Mutex::new(Some(closes));
    soiree.on_with("t", ListenerOptions::new().pool("other"), move |event| {
        event.set_payload(Payload::new(closes.lock().unwrap().take()));
    })?;
    let ended = close_by(|| drop(soiree.emit_sync("t", ())), &closed);
    assert_eq!(ended, Err(CloseError::InsideListener));
    Ok(())
}

/// The next emission of the key is discarded as the next to run, because its pool has stopped.
#[test]
fn the_payload_of_a_queued_emission_may_close_as_it_is_dropped() -> TestResult {
    let pool = Arc::new(WorkerPool::new(1, 4)?);
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree.add_order("t", KeyOrder::by(|_| Some(1_u64)))?;
    let (closes, closed) = closing(&soiree);
    let closes = Mutex::new(Some(closes));
    let inner = soiree.clone();
    let first = AtomicBool::new(true);
    soiree.on("t", move |_| {
        if first.swap(false, Ordering::SeqCst) {
            drop(inner.emit("t", closes.lock().unwrap().take()));
            pool.stop();
        }
    })?;
    let ended = close_by(|| drop(soiree.emit_sync("t", ())), &closed);
    assert_eq!(ended, Err(CloseError::InsideListener));
    Ok(())
}

/// A thread that removes a listener, or whose emit is rejected, is not inside an emission while observers are notified.
#[test]
fn an_observer_may_close_when_it_is_notified_of_a_rejection_or_a_removal() -> TestResult {
    struct Closes(Mutex<Option<ClosesOnDrop>>);
    impl Observer for Closes {
        fn emission_rejected(&self, _: &EmissionRejected<'_>) {
            drop(self.0.lock().unwrap().take());
        }

        fn subscription_removed(&self, _: &SubscriptionRemoved<'_>) {
            drop(self.0.lock().unwrap().take());
        }
    }
    let observed = || {
        let soiree = on_one_worker(1);
        let (closes, closed) = closing(&soiree);
        soiree.add_observer(Closes(Mutex::new(Some(closes))));
        (soiree, closed)
    };
    let (soiree, closed) = observed();
    let rejected = close_by(|| drop(soiree.emit_sync("b ad", ())), &closed);
    assert_eq!(rejected, Ok(()));
    let (soiree, closed) = observed();
    let id = soiree.on("t", |_| {})?;
    let removed = close_by(|| drop(soiree.off("t", &id)), &closed);
    assert_eq!(removed, Ok(()));
    Ok(())
}
