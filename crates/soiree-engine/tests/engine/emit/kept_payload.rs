//! A payload that is kept keeps nothing of the `EventPool` that it was emitted on.

use std::io::Error;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use soiree::{Builder, EventPool, Overflow, Soiree, TypedTopic};
use soiree_core::{
    BaseEvent, DeadLetter, Event, ListenerOptions, Observer, Payload, Retry, Timer, TimerError,
    TimerId,
};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use crate::support::{TIME_LIMIT, TestResult, on_one_worker, wait_until};

/// What user code captures.
#[derive(Clone)]
struct Captured(Arc<()>);

impl Captured {
    fn new() -> (Self, Weak<()>) {
        let value = Arc::new(());
        let weak = Arc::downgrade(&value);
        (Self(value), weak)
    }

    fn touch(&self) {
        assert!(Arc::strong_count(&self.0) > 0);
    }
}

impl Observer for Captured {}

impl Timer for Captured {
    fn at(&self, _: Instant, _: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        Err(TimerError::Spawn(Error::other("it is a test")))
    }

    fn cancel(&self, _: TimerId) -> bool {
        false
    }
}

type Set = fn(Builder, Captured) -> Builder;

/// Each place in which a builder takes user code.
const SETTINGS: [(&str, Set); 10] = [
    ("an error handler", |builder, captured| {
        builder.error_handler(move |_, error| {
            captured.touch();
            Some(error)
        })
    }),
    ("a panic handler", |builder, captured| {
        builder.panic_handler(move |_| captured.touch())
    }),
    ("an unheard event handler", |builder, captured| {
        builder.unheard_event_handler(move |_| captured.touch())
    }),
    ("a dead letter handler", |builder, captured| {
        builder.dead_letter_handler(move |_| captured.touch())
    }),
    ("an observer", |builder, captured| {
        builder.observer(captured)
    }),
    ("a slow listener handler", |builder, captured| {
        let builder = builder.slow_listeners(Duration::from_secs(3600));
        builder.slow_listener_handler(move |_| captured.touch())
    }),
    ("a timer", |builder, captured| builder.timer(captured)),
    ("a timer of slow listeners", |builder, captured| {
        builder.slow_listener_timer(captured)
    }),
    ("an ID generator", |builder, captured| {
        let ids = Mutex::new(0..);
        builder.id_generator(move || {
            captured.touch();
            ids.lock().unwrap().next().unwrap_or(0).to_string()
        })
    }),
    ("a key function", |builder, captured| {
        builder.ordered(
            "**",
            KeyOrder::by(move |_| {
                captured.touch();
                Some(1_u8)
            }),
        )
    }),
];

/// Keeps payloads that listeners got, that came back, and that are in a dead letter.
fn keep_payloads(soiree: &EventPool) -> Vec<Payload> {
    let (sender, payloads) = channel();
    let letters = sender.clone();
    soiree
        .on("t", move |event| sender.send(event.payload()).unwrap())
        .unwrap();
    let once = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 1));
    let fails = move |event: &dyn Event| {
        letters.send(event.payload()).unwrap();
        Err::<(), _>("no")
    };
    soiree.on_with("fails", once, fails).unwrap();
    soiree.emit("t", 1_u8).unwrap().wait();
    soiree.emit("t", Payload::new(2_u8)).unwrap().wait();
    soiree.emit_sync("t", 3_u8).unwrap();
    soiree.emit_event(BaseEvent::new("t", 4_u8)).unwrap().wait();
    soiree.emit("fails", 5_u8).unwrap().wait();
    let mut kept: Vec<Payload> = payloads.try_iter().collect();
    let rejected = soiree.emit("not..valid", 6_u8).unwrap_err();
    kept.push(rejected.into_payload());
    assert_eq!(kept.len(), 6);
    kept
}

#[track_caller]
fn wait_released(what: &str, captured: &Weak<()>) {
    wait_until(&format!("{what} is dropped"), || {
        captured.strong_count() == 0
    });
}

/// E5: whichever way it was emitted, once the `EventPool` is closed and dropped.
#[test]
fn a_kept_payload_keeps_no_user_code_alive() {
    for (setting, set) in SETTINGS {
        let (captured, weak) = Captured::new();
        let builder = EventPool::builder().pool(WorkerPool::new(1, 8).unwrap());
        let soiree = set(builder, captured).build().unwrap();
        let kept = keep_payloads(&soiree);
        soiree.close().unwrap();
        drop(soiree);
        wait_released(setting, &weak);
        drop(kept);
    }
}

/// E5: without a close, and also if the observer was added after the emissions.
#[test]
fn a_kept_payload_keeps_no_observer_that_was_added_later() -> TestResult {
    let soiree = on_one_worker(8);
    let kept = keep_payloads(&soiree);
    let (captured, weak) = Captured::new();
    soiree.add_observer(captured);
    drop(soiree);
    wait_released("the observer", &weak);
    drop(kept);
    Ok(())
}

/// E5: as long as the `EventPool` is there, too.
#[test]
fn a_kept_payload_keeps_no_handler_that_was_replaced() -> TestResult {
    let soiree = on_one_worker(8);
    let (captured, weak) = Captured::new();
    soiree.set_error_handler(move |_, error| {
        captured.touch();
        Some(error)
    });
    let kept = keep_payloads(&soiree);
    soiree.set_error_handler(|_, error| Some(error));
    wait_released("the handler", &weak);
    drop(kept);
    soiree.close()?;
    Ok(())
}

/// E2, E5: a payload that a full pool, a busy key or a closed `EventPool` has rejected.
#[test]
fn a_rejected_payload_keeps_no_user_code_alive() -> TestResult {
    let (captured, weak) = Captured::new();
    let observer = captured.clone();
    let order = KeyOrder::by(move |_| {
        captured.touch();
        Some(1_u8)
    });
    let soiree = EventPool::builder()
        .pool(ManualPool::with_capacity(0))
        .observer(observer)
        .ordered("ordered", order)
        .build()?;
    let mut kept = Vec::new();
    for topic in ["t", "ordered"] {
        kept.push(soiree.emit(topic, 1_u8).unwrap_err().into_payload());
    }
    soiree.close()?;
    kept.push(soiree.emit("t", 1_u8).unwrap_err().into_payload());
    kept.push(soiree.emit_sync("t", 1_u8).unwrap_err().into_payload());
    drop(soiree);
    wait_released("the observer and the key function", &weak);
    assert!(kept.iter().all(|payload| payload.is::<u8>()));
    Ok(())
}

/// E2: whichever way it was emitted, and whatever rejected it.
#[test]
fn the_value_of_a_rejected_event_can_be_taken_out() -> TestResult {
    /// No handle to this can be made from another one.
    #[derive(Debug, PartialEq)]
    struct Whole(u8);

    let pool = ManualPool::with_capacity(1);
    let soiree = EventPool::builder()
        .pool(pool.clone())
        .ordered(
            "ordered",
            KeyOrder::by(|_| Some(1_u8))
                .capacity(0)
                .overflow(Overflow::Reject),
        )
        .build()?;
    let object: &dyn Soiree = &soiree;
    let event = |topic: &str| BaseEvent::new(topic, Whole(1));
    let typed = |topic| TypedTopic::<Whole>::new(topic);
    let all = |topic: &'static str| {
        [
            soiree.emit(topic, Whole(1)),
            soiree.try_emit(topic, Whole(1)),
            soiree.emit_event(event(topic)),
            soiree.try_emit_event(event(topic)),
            object.emit(topic, Whole(1)),
            object.try_emit(topic, Whole(1)),
            object.emit_event(event(topic)),
            typed(topic).emit(object, Whole(1)).map_err(Into::into),
        ]
    };
    // It has the only place, and its key.
    drop(soiree.emit("ordered", Whole(0))?);
    let mut rejected = Vec::from(all("full"));
    rejected.extend(all("ordered"));
    rejected.push(soiree.emit("a..b", Whole(1)));
    pool.run_all();
    soiree.close()?;
    rejected.extend(all("closed"));
    rejected.push(pollster::block_on(soiree.emit_async("closed", Whole(1))));
    let synchronous = soiree.emit_sync("closed", Whole(1)).unwrap_err();
    let errors = rejected.into_iter().map(Result::unwrap_err);
    for (index, error) in errors.chain([synchronous]).enumerate() {
        let why = error.to_string();
        let whole = error.into_payload().downcast::<Whole>();
        assert_eq!(whole.ok(), Some(Whole(1)), "{index}: {why}");
    }
    Ok(())
}

/// L7: the letter itself has the payload and the error.
#[test]
fn a_kept_dead_letter_keeps_no_user_code_alive() -> TestResult {
    let (captured, weak) = Captured::new();
    let (sender, letters) = channel();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 8)?)
        .dead_letter_handler(move |letter: &DeadLetter| {
            captured.touch();
            sender.send(letter.clone()).unwrap();
        })
        .build()?;
    let kept = keep_payloads(&soiree);
    let letter = letters.recv_timeout(TIME_LIMIT)?;
    soiree.close()?;
    drop(soiree);
    wait_released("the handler", &weak);
    drop((kept, letter));
    Ok(())
}
