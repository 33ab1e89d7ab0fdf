//! When an emission has ended, it holds nothing that its listeners set or returned.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{
    BaseEvent, Event, ListenerOptions, Observer, Payload, PayloadRef, Priority, Retry,
};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;
use soiree_tokio::TaskPool;
use tokio::runtime::Runtime;

use crate::async_listener::common::runtime;
use crate::support::{Blocker, TIME_LIMIT, TestResult, on_one_worker, wait_until};

const LIMIT: Duration = Duration::from_secs(3600);

/// Counts its drops.
struct User(Arc<AtomicUsize>);

impl Drop for User {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A payload around another one.
struct Enriched {
    user: PayloadRef<User>,
    _counted: User,
}

fn enrich(event: &dyn Event) {
    let user = match event.payload_as::<Enriched>() {
        Some(enriched) => enriched.user.clone(),
        None => event.payload().get::<User>().unwrap(),
    };
    let counted = User(Arc::clone(&user.0));
    event.set_payload(Payload::new(Enriched {
        user,
        _counted: counted,
    }));
}

fn wait_dropped(drops: &AtomicUsize, expected: usize, what: &str) {
    wait_until(&format!("{expected} values are dropped: {what}"), || {
        drops.load(Ordering::SeqCst) >= expected
    });
    assert_eq!(drops.load(Ordering::SeqCst), expected, "{what}");
}

type Emit = fn(&EventPool, User);

/// Each way to emit; returns when the emission has ended.
const WAYS: [(&str, Emit); 6] = [
    ("emit", |soiree, user| {
        assert!(soiree.emit("t", user).unwrap().wait().is_ok());
    }),
    ("emit, dropped at once", |soiree, user| {
        drop(soiree.emit("t", user).unwrap());
    }),
    ("emit of a handle", |soiree, user| {
        drop(soiree.emit("t", Payload::new(user)).unwrap());
    }),
    ("emit_sync", |soiree, user| {
        assert!(soiree.emit_sync("t", user).unwrap().is_ok());
    }),
    ("emit_event", |soiree, user| {
        let emission = soiree.emit_event(BaseEvent::new("t", user)).unwrap();
        assert!(emission.wait().is_ok());
    }),
    ("emit_event_sync", |soiree, user| {
        let event = BaseEvent::new("t", user);
        assert!(soiree.emit_event_sync(&event).unwrap().is_ok());
    }),
];

fn with_bulkheads(runtime: &Runtime) -> EventPool {
    EventPool::builder()
        .pool(WorkerPool::new(2, 64).unwrap())
        .bulkhead("own", WorkerPool::new(1, 64).unwrap())
        .bulkhead(
            "async",
            TaskPool::new(runtime.handle().clone(), 2, 64).unwrap(),
        )
        .build()
        .unwrap()
}

type Subscribe = fn(&EventPool);

const LISTENERS: [(&str, Subscribe); 7] = [
    ("plain", |soiree| drop(soiree.on("t", enrich))),
    ("on its own pool", |soiree| {
        let options = ListenerOptions::new().pool("own");
        soiree.on_with("t", options, enrich).unwrap();
    }),
    ("async", |soiree| {
        let listener = |event: Arc<dyn Event>| async move { enrich(&*event) };
        soiree.on_async("t", listener).unwrap();
    }),
    ("retried", |soiree| {
        let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 3));
        let listener = |event: &dyn Event| {
            enrich(event);
            (event.attempt() == 3).then_some(()).ok_or("not yet")
        };
        soiree.on_with("t", options, listener).unwrap();
    }),
    ("retried async", |soiree| {
        let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 3));
        let listener = |event: Arc<dyn Event>| async move {
            enrich(&*event);
            (event.attempt() == 3).then_some(()).ok_or("not yet")
        };
        soiree.on_async_with("t", options, listener).unwrap();
    }),
    ("with a timeout", |soiree| {
        let options = ListenerOptions::new().timeout(LIMIT);
        soiree.on_with("t", options, enrich).unwrap();
    }),
    ("setting the payload that it has", |soiree| {
        let listener = |event: &dyn Event| {
            enrich(event);
            event.set_payload(event.payload());
        };
        soiree.on("t", listener).unwrap();
    }),
];

/// How many values each listener makes for one event.
fn made(listener: &str) -> usize {
    if listener.starts_with("retried") {
        3
    } else {
        1
    }
}

/// E1: each user, and each value around it, whichever way it was emitted and whatever kind of listener has set it.
#[test]
fn a_payload_that_a_listener_has_put_around_the_payload_is_dropped() {
    const EVENTS: usize = 20;
    let runtime = runtime();
    for (listener, subscribe) in LISTENERS {
        for (way, emit) in WAYS {
            let soiree = with_bulkheads(&runtime);
            subscribe(&soiree);
            let drops = Arc::new(AtomicUsize::new(0));
            for _ in 0..EVENTS {
                emit(&soiree, User(Arc::clone(&drops)));
            }
            let expected = EVENTS * (1 + made(listener));
            wait_dropped(&drops, expected, &format!("{listener}, {way}"));
            soiree.close().unwrap();
        }
    }
}

/// E1: listeners that are called later see it, and so do observers of the end.
#[test]
fn a_payload_that_a_listener_has_set_lasts_until_the_emission_has_ended() -> TestResult {
    struct Last(std::sync::mpsc::Sender<bool>);
    impl Observer for Last {
        fn emission_ended(&self, ended: &soiree_core::EmissionEnded<'_>) {
            self.0.send(ended.event.payload().is::<Enriched>()).unwrap();
        }
    }
    let (sender, seen) = channel();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 8)?)
        .observer(Last(sender))
        .build()?;
    soiree.on_with("t", Priority::High, enrich)?;
    soiree.on("t", |event| {
        event.payload_as::<Enriched>().map(drop).ok_or("it is gone")
    })?;
    let drops = Arc::new(AtomicUsize::new(0));
    assert!(soiree.emit("t", User(Arc::clone(&drops)))?.wait().is_ok());
    assert!(seen.recv_timeout(TIME_LIMIT)?);
    wait_dropped(&drops, 2, "both");
    Ok(())
}

/// L9: a listener that has timed out may set a payload when its emission has ended.
#[test]
fn a_payload_that_is_set_after_the_end_is_dropped_at_once() -> TestResult {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 8)?)
        .timer(timer.clone())
        .build()?;
    let (block, blocker) = Blocker::new();
    let options = ListenerOptions::new().timeout(LIMIT);
    soiree.on_with("t", options, move |event| {
        block();
        enrich(event);
        assert!(event.payload().is::<User>());
    })?;
    let drops = Arc::new(AtomicUsize::new(0));
    let emission = soiree.emit("t", User(Arc::clone(&drops)))?;
    blocker.wait_started();
    timer.advance(LIMIT);
    assert_eq!(emission.wait().timed_out(), 1);
    drop(emission);
    assert_eq!(drops.load(Ordering::SeqCst), 0, "the listener has it");
    blocker.release();
    wait_dropped(&drops, 2, "both");
    Ok(())
}

/// L3: whether the listener has set another one before or not.
#[test]
fn an_event_that_is_kept_shows_its_original_payload_after_the_end() -> TestResult {
    let runtime = runtime();
    for is_set_before in [true, false] {
        let soiree = with_bulkheads(&runtime);
        let (sender, events) = channel();
        soiree.on_async("t", move |event| {
            let sender = sender.clone();
            async move {
                if is_set_before {
                    enrich(&*event);
                }
                sender.send(event).unwrap();
            }
        })?;
        let drops = Arc::new(AtomicUsize::new(0));
        let emission = soiree.emit("t", User(Arc::clone(&drops)))?;
        assert!(emission.wait().is_ok());
        let set_before = usize::from(is_set_before);
        wait_dropped(&drops, set_before, "the payload that the listener has set");
        let event = events.recv_timeout(TIME_LIMIT)?;
        assert!(event.payload().is::<User>());
        enrich(&*event);
        wait_dropped(&drops, set_before + 1, "the payload that was set too late");
        assert_eq!(event.with_payload(|_: &User| ()), Some(()));
        drop((emission, event));
        wait_dropped(&drops, set_before + 2, "all");
        soiree.close()?;
    }
    Ok(())
}

/// The error of a listener that holds the payload.
#[derive(Debug)]
struct Failed(Payload);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed with {:?}", self.0)
    }
}

impl Error for Failed {}

/// E1: an error that the report keeps may hold the payload.
#[test]
fn errors_are_dropped_once_nobody_can_ask_for_them() -> TestResult {
    let soiree = on_one_worker(64);
    soiree.on("t", |event| Err::<(), _>(Failed(event.payload())))?;
    let drops = Arc::new(AtomicUsize::new(0));
    let user = || User(Arc::clone(&drops));

    drop(soiree.emit("t", user())?);
    wait_dropped(
        &drops,
        1,
        "its handle was dropped before the end, or after it",
    );

    let blocker = Blocker::worker(&soiree);
    drop(soiree.emit("t", user())?);
    blocker.release();
    wait_dropped(&drops, 2, "its handle was dropped before the end");

    let emission = soiree.emit("t", user())?;
    let report = emission.wait();
    assert_eq!(report.errors().len(), 1);
    drop(report);
    assert_eq!(emission.errors().count(), 1, "a second look finds it too");
    assert_eq!(drops.load(Ordering::SeqCst), 2, "the handle has it");
    drop(emission);
    wait_dropped(&drops, 3, "its handle was dropped after the end");

    let report = soiree.emit("t", user())?.wait();
    assert_eq!(drops.load(Ordering::SeqCst), 3, "the report has it");
    drop(report);
    wait_dropped(&drops, 4, "its report was dropped");
    soiree.close()?;
    Ok(())
}
