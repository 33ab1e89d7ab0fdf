//! Listeners that are `FnMut`.

use std::sync::{Arc, Mutex};
use std::thread;

use soiree::{EventPool, Soiree};
use soiree_core::{BaseEvent, Event, Listener, Mut};

use super::{assert_at_rest, limit, wait};
use crate::support::worker_pool;

/// W5: a closure that changes what it has captured sees every event once, whatever threads emit, also after it has panicked.
#[test]
fn a_mutable_listener_sees_one_event_at_a_time() {
    const EVENTS: usize = 400;
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 3, 64))
        .waiting_capacity(10 * EVENTS)
        .build()
        .unwrap();
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (log, mut count) = (Arc::clone(&seen), 0);
    soiree
        .on_mut("a", move |event| {
            count += 1;
            thread::yield_now();
            log.lock().unwrap().push(count);
            assert!(count % 10 != 0, "every tenth call panics");
            if event.payload().is::<u8>() {
                Err("as planned")
            } else {
                Ok(())
            }
        })
        .unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..EVENTS {
                soiree.emit_sync("a", ()).unwrap();
            }
        });
        let emissions = (0..EVENTS).map(|_| soiree.emit("a", 1_u8).unwrap());
        for emission in emissions.collect::<Vec<_>>() {
            assert_eq!(wait(&emission).failed(), 1);
        }
    });
    assert!(seen.lock().unwrap().iter().copied().eq(1..=2 * EVENTS));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5: the options of a mutable listener cannot let it be called twice at once; it has them otherwise.
#[test]
fn a_mutable_listener_keeps_its_other_options() {
    let soiree = EventPool::with_pool(worker_pool("default", 1, 4));
    let dynamic: &dyn Soiree = &soiree;
    dynamic
        .on_mut_with("a", limit(3).name("one").once(), |_| ())
        .unwrap();
    soiree
        .on_mut_with("a", limit(3).name("two").once(), |_| ())
        .unwrap();
    dynamic.on_mut("b", |_| ()).unwrap();
    let listeners = soiree.listeners_for("a").unwrap();
    let names: Vec<_> = listeners.iter().map(|one| one.name.as_deref()).collect();
    assert_eq!(names, [Some("one"), Some("two")]);
    assert!(listeners.iter().all(|one| one.max_concurrent == Some(1)));
    let places = listeners.iter().filter_map(|one| one.registered_at);
    assert!(places.map(|place| place.file()).eq([file!(); 2]));
    assert_eq!(soiree.emit_sync("a", ()).unwrap().delivered(), 2);
    assert_eq!(soiree.emit_sync("a", ()).unwrap().delivered(), 0);
    soiree.close().unwrap();
}

/// W5: called twice at once without the limit, it says what is wrong, and waits for nothing.
#[test]
fn a_mutable_listener_without_the_limit_says_so() {
    let nested: Arc<Mutex<Option<Arc<dyn Listener>>>> = Arc::default();
    let itself = Arc::clone(&nested);
    let listener: Arc<dyn Listener> = Arc::new(Mut::new(move |event: &dyn Event| {
        let listener = itself.lock().unwrap().take();
        listener.map_or(Ok(()), |listener| listener.handle(event))
    }));
    *nested.lock().unwrap() = Some(Arc::clone(&listener));
    let event = BaseEvent::new("a", ());
    let error = listener.handle(&event).unwrap_err();
    assert!(error.to_string().contains("max_concurrent(1)"), "{error}");
    assert!(listener.handle(&event).is_ok());
}
