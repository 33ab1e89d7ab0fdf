//! Listeners that call `emit_sync` inside one another, without end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::{EventPool, WeakEventPool};
use soiree_core::{BaseEvent, EmissionRejected, Event, ListenerOptions, Observer, Rejection};
use soiree_engine::{EmitError, Emitter, KeyOrder, Report};

use crate::support::{TIME_LIMIT, on_one_worker};

const MOST: usize = Emitter::MAX_SYNC_DEPTH;

type Emit = fn(&EventPool, &dyn Event) -> Result<Report, EmitError>;

/// Each way to emit on the calling thread.
const WAYS: [Emit; 3] = [
    |soiree, event| soiree.emit_sync("again", event.payload()),
    |soiree, event| soiree.emit_event_sync(&BaseEvent::new("again", event.payload())),
    |soiree, event| soiree.ensure_topic("again").unwrap().trigger(event),
];

/// What a listener that emits its own event again counts and keeps.
#[derive(Clone, Default)]
struct Recursion {
    calls: Arc<AtomicUsize>,
    rejected: Arc<Mutex<Vec<EmitError>>>,
}

impl Recursion {
    fn on(&self, soiree: &EventPool, options: ListenerOptions, emit: Emit) {
        let (own, weak) = (self.clone(), soiree.downgrade());
        let listener = move |event: &dyn Event| own.emit_again(&weak, event, emit);
        soiree.on_with("again", options, listener).unwrap();
    }

    fn emit_again(&self, weak: &WeakEventPool, event: &dyn Event, emit: Emit) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = emit(&weak.upgrade().unwrap(), event) {
            self.rejected.lock().unwrap().push(error);
        }
    }

    /// The innermost one was rejected, with its payload, and nobody else.
    #[track_caller]
    fn assert_rejected_after(&self, calls: usize) {
        assert_eq!(self.calls.swap(0, Ordering::SeqCst), calls);
        let mut rejected = std::mem::take(&mut *self.rejected.lock().unwrap());
        assert_eq!(rejected.len(), 1);
        let error = rejected.pop().unwrap();
        assert!(matches!(
            error,
            EmitError::RecursionLimit { depth: MOST, .. }
        ));
        assert!(error.to_string().contains("again"), "{error}");
        assert_eq!(error.into_payload().downcast_ref(), Some(&7_u8));
    }
}

/// Runs on a thread whose stack has the usual size of 2 MiB, wherever the test runs.
fn on_a_thread(run: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(2 << 20);
        let thread = builder.spawn_scoped(scope, run).unwrap();
        thread.join().unwrap();
    });
}

/// L3: whichever way it is emitted, and however often it happens.
#[test]
fn an_emit_sync_inside_too_many_others_is_rejected() {
    on_a_thread(|| {
        for emit in WAYS {
            let soiree = on_one_worker(8);
            let recursion = Recursion::default();
            recursion.on(&soiree, ListenerOptions::new(), emit);
            for _ in 0..4 {
                let event = BaseEvent::new("again", 7_u8);
                assert!(emit(&soiree, &event).unwrap().is_ok());
                recursion.assert_rejected_after(MOST);
            }
            soiree.close().unwrap();
        }
    });
}

/// L3: on a worker, which the first emission does not count for.
#[test]
fn an_emit_sync_on_a_worker_inside_too_many_others_is_rejected() {
    for emit in WAYS {
        let soiree = on_one_worker(8);
        let recursion = Recursion::default();
        recursion.on(&soiree, ListenerOptions::new(), emit);
        assert!(soiree.emit("again", 7_u8).unwrap().wait().is_ok());
        recursion.assert_rejected_after(1 + MOST);
        soiree.close().unwrap();
    }
}

/// L3: listeners with options, and observers, take more of the stack.
#[test]
fn a_recursion_with_everything_that_takes_room_fits_on_the_stack() {
    struct Silent;
    impl Observer for Silent {}
    on_a_thread(|| {
        for emit in WAYS {
            let soiree = EventPool::builder()
                .pool(soiree_pool::WorkerPool::new(1, 8).unwrap())
                .bulkhead("other", soiree_pool::WorkerPool::new(1, 8).unwrap())
                .observer(Silent)
                .ordered("**", KeyOrder::by(|_| None::<u8>))
                .slow_listeners(TIME_LIMIT)
                .slow_listener_handler(|_| {})
                .build()
                .unwrap();
            // The emission continues as one that other threads may hold, and waits for that listener.
            let delegated = ListenerOptions::new().pool("other");
            let early = delegated.priority(soiree_core::Priority::Highest);
            soiree.on_with("again", early, |_| {}).unwrap();
            let recursion = Recursion::default();
            let options = ListenerOptions::new().timeout(TIME_LIMIT);
            recursion.on(&soiree, options.filter(|_| true), emit);
            let event = BaseEvent::new("again", 7_u8);
            assert_eq!(emit(&soiree, &event).unwrap().delivered(), 2);
            recursion.assert_rejected_after(MOST);
            soiree.close().unwrap();
        }
    });
}

/// L3: the stack is the thread's, and not that of an event pool.
#[test]
fn a_recursion_through_two_event_pools_is_rejected() {
    on_a_thread(|| {
        let pools = [on_one_worker(8), on_one_worker(8)];
        let recursion = Recursion::default();
        for (soiree, other) in [(0, 1), (1, 0)] {
            let (own, weak) = (recursion.clone(), pools[other].downgrade());
            let listener = move |event: &dyn Event| own.emit_again(&weak, event, WAYS[0]);
            pools[soiree].on("again", listener).unwrap();
        }
        assert!(pools[0].emit_sync("again", 7_u8).unwrap().is_ok());
        recursion.assert_rejected_after(MOST);
    });
}

/// E2
#[test]
fn observers_are_notified_of_a_rejected_recursion() {
    struct Rejections(Mutex<Sender<(String, usize)>>);
    impl Observer for Rejections {
        fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
            if let Rejection::RecursionLimit { depth } = rejected.reason {
                let sender = self.0.lock().unwrap();
                sender.send((rejected.topic.to_owned(), depth)).unwrap();
            }
        }
    }
    let (sender, rejections) = channel();
    let soiree = on_one_worker(8);
    soiree.add_observer(Rejections(Mutex::new(sender)));
    let recursion = Recursion::default();
    recursion.on(&soiree, ListenerOptions::new(), WAYS[0]);
    on_a_thread(|| {
        soiree.emit_sync("again", 7_u8).unwrap();
    });
    recursion.assert_rejected_after(MOST);
    let rejections: Vec<_> = rejections.try_iter().collect();
    assert_eq!(rejections, [(String::from("again"), MOST)]);
}
