//! Payloads as listeners see them: borrowed, or through a handle that they may keep.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use soiree::EventPool;
use soiree_core::{BaseEvent, Payload, PayloadRef};

use crate::support::{CallLog, TestResult, on_one_worker, wait_until};

/// Emits in each of the four ways, and waits.
fn in_every_way(soiree: &EventPool, mut each: impl FnMut(&str)) {
    let name = || String::from("first");
    assert!(soiree.emit("t", name()).unwrap().wait().is_ok());
    each("emit");
    assert!(soiree.emit_sync("t", name()).unwrap().is_ok());
    each("emit_sync");
    let event = || BaseEvent::new("t", name());
    assert!(soiree.emit_event(event()).unwrap().wait().is_ok());
    each("emit_event");
    assert!(soiree.emit_event_sync(&event()).unwrap().is_ok());
    each("emit_event_sync");
}

#[test]
fn a_listener_borrows_the_payload_that_the_listener_before_has_set() -> TestResult {
    let soiree = on_one_worker(8);
    let calls = CallLog::default();
    let first = calls.clone();
    soiree.on("t", move |event| {
        // It still borrows the value that it replaces.
        event.with_payload(|name: &String| {
            event.set_payload(Payload::new(String::from("second")));
            first.record(name.as_str());
        });
        assert_eq!(event.with_payload(|number: &u64| *number), None);
    })?;
    let second = calls.clone();
    soiree.on("t", move |event| {
        let borrowed = event.with_payload(|name: &String| name.clone());
        assert_eq!(borrowed.as_ref(), event.payload_as::<String>().as_deref());
        second.record(borrowed.unwrap_or_default());
    })?;
    in_every_way(&soiree, |way| {
        assert_eq!(calls.take(), ["first", "second"], "{way}");
    });
    Ok(())
}

#[test]
fn a_handle_points_to_the_borrowed_value_and_outlives_the_event() -> TestResult {
    let soiree = on_one_worker(8);
    let kept: Arc<Mutex<Vec<PayloadRef<String>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    soiree.on("t", move |event| {
        let address = |name: &String| std::ptr::from_ref(name).addr();
        let view = event.payload_as::<String>().unwrap();
        assert_eq!(event.with_payload(address), Some(address(&view)));
        let handle = event.payload().get::<String>().unwrap();
        assert_eq!(address(&handle), address(&view));
        keep.lock().unwrap().push(handle);
    })?;
    in_every_way(&soiree, |_| {});
    soiree.close()?;
    let kept = kept.lock().unwrap();
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|name| **name == "first"));
    Ok(())
}

/// Other events are emitted from where it was emitted from, inside its listener and after it has ended.
#[test]
fn a_kept_payload_stays_what_it_was_whatever_is_emitted_later() -> TestResult {
    let soiree = on_one_worker(8);
    let kept: Arc<Mutex<Vec<Payload>>> = Arc::default();
    let (keep, inner) = (Arc::clone(&kept), soiree.clone());
    soiree.on("outer", move |event| {
        let before = event.payload_as::<u64>().map(|number| *number);
        assert!(inner.emit_sync("inner", 100_u64).is_ok());
        assert_eq!(event.payload_as::<u64>().as_deref(), before.as_ref());
        keep.lock().unwrap().push(event.payload());
        assert!(inner.emit_sync("inner", 101_u64).is_ok());
        assert_eq!(event.with_payload(|number: &u64| *number), before);
    })?;
    let keep = Arc::clone(&kept);
    soiree.on("inner", move |event| {
        if event.with_payload(|number: &u64| *number) == Some(101) {
            keep.lock().unwrap().push(event.payload());
        }
    })?;
    for number in 0..20_u64 {
        assert!(soiree.emit_sync("outer", number)?.is_ok());
    }
    let kept = kept.lock().unwrap();
    let numbers: Vec<u64> = kept
        .iter()
        .filter_map(|kept| kept.downcast_ref().copied())
        .collect();
    let expected: Vec<u64> = (0..20).flat_map(|number| [number, 101]).collect();
    assert_eq!(numbers, expected);
    Ok(())
}

/// A destructor of a thread's local may emit after those of the library are gone.
#[test]
fn a_payload_is_read_on_a_thread_that_ends() -> TestResult {
    struct Emits(EventPool);
    impl Drop for Emits {
        fn drop(&mut self) {
            assert!(self.0.emit_sync("t", String::from("last")).is_ok());
        }
    }
    thread_local!(static AT_END: RefCell<Option<Emits>> = const { RefCell::new(None) });
    let soiree = on_one_worker(8);
    let calls = CallLog::default();
    let log = calls.clone();
    soiree.on("t", move |event| {
        log.record(event.payload_as::<String>().unwrap().as_str());
    })?;
    let emitter = soiree.clone();
    let thread = std::thread::spawn(move || {
        AT_END.set(Some(Emits(emitter.clone())));
        assert!(emitter.emit_sync("t", String::from("first")).is_ok());
    });
    assert!(thread.join().is_ok());
    assert_eq!(calls.take(), ["first", "last"]);
    Ok(())
}

/// Whether it is read, ignored, without listeners, or rejected.
#[test]
fn a_payload_is_dropped_once() -> TestResult {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = || Counted(Arc::clone(&drops));
    let soiree = on_one_worker(8);
    soiree.on("unread", |_| {})?;
    soiree.on("read", |event| {
        assert_eq!(event.with_payload(|_: &Counted| ()), Some(()));
        assert!(event.payload_as::<Counted>().is_some());
    })?;
    let mut emitted = 0;
    for topic in ["unread", "read", "nobody"] {
        // A topic is cached when it is emitted for the second time.
        for _ in 0..3 {
            soiree.emit_sync(topic, counted())?;
            emitted += 1;
            assert_eq!(drops.load(Ordering::SeqCst), emitted, "{topic}");
            soiree.emit(topic, counted())?;
            emitted += 1;
            wait_until("the worker has dropped the payload", || {
                drops.load(Ordering::SeqCst) == emitted
            });
        }
    }
    soiree.close()?;
    for rejected in [
        soiree.emit_sync("read", counted()).map(drop),
        soiree.emit("read", counted()).map(drop),
    ] {
        drop(rejected.unwrap_err().into_payload());
        emitted += 1;
    }
    assert_eq!(drops.load(Ordering::SeqCst), emitted);
    Ok(())
}
