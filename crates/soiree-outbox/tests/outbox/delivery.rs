use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use soiree::{BaseEvent, Event, EventPool, KeyOrder, ListenerOptions, Retry, Soiree, WorkerPool};
use soiree_testkit::{ManualClock, MemoryStore};

use super::support::{LIMIT, builder, outbox, receive, sending, soiree, text};

/// D3: each durable listener gets every event that matches, those included that were stored before the start.
#[test]
fn each_listener_gets_every_event_that_matches() {
    let outbox = outbox(MemoryStore::new());
    let (all, by_all) = sending();
    let (some, by_some) = sending();
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("all"), all)
        .unwrap();
    outbox
        .on_with("kept.b", ListenerOptions::new().durable("some"), some)
        .unwrap();
    outbox.emit("kept.a", String::from("1")).unwrap();
    outbox.emit("kept.b", String::from("2")).unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.b", String::from("3")).unwrap();
    let mut received = receive(&by_all, 3);
    received.sort();
    assert_eq!(received, ["1", "2", "3"]);
    let mut received = receive(&by_some, 2);
    received.sort();
    assert_eq!(received, ["2", "3"]);
    outbox.drain(LIMIT).unwrap();
    let infos = outbox.listeners();
    let figures: Vec<_> = infos
        .iter()
        .map(|info| (&*info.name, info.done, info.skipped, info.waiting))
        .collect();
    assert_eq!(figures, [("all", 3, 0, 0), ("some", 2, 1, 0)]);
    outbox.close().unwrap();
}

/// D4: with one event in flight, all are handled in the order of the log.
#[test]
fn with_one_in_flight_events_are_handled_in_order() {
    let outbox = builder(MemoryStore::new())
        .in_flight(1)
        .build(soiree())
        .unwrap();
    let (listener, received) = sending();
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("one"), listener)
        .unwrap();
    outbox.start().unwrap();
    for number in 0..50 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    let expected: Vec<String> = (0..50).map(|number: i32| number.to_string()).collect();
    assert_eq!(receive(&received, 50), expected);
    outbox.close().unwrap();
}

/// D4, D8: events of a key wait for a retry of an earlier one, and other keys do not.
#[test]
fn events_of_one_key_are_handled_in_order_over_retries() {
    let outbox = outbox(MemoryStore::new());
    let handled = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&handled);
    let options = ListenerOptions::new()
        .durable("one")
        .ordered(KeyOrder::by(|event| Some(text(event)[..1].to_owned())))
        .retry(Retry::fixed(Duration::from_millis(1), 10));
    let listener = move |event: &dyn Event| {
        let text = text(event);
        if text.ends_with('3') && event.attempt() < 4 {
            return Err("not yet");
        }
        log.lock().unwrap().push(text);
        Ok(())
    };
    outbox.on_with("kept.**", options, listener).unwrap();
    outbox.start().unwrap();
    for number in 0..8 {
        for key in ["a", "b", "c"] {
            outbox.emit("kept.x", format!("{key}{number}")).unwrap();
        }
    }
    outbox.drain(LIMIT).unwrap();
    let handled = handled.lock().unwrap();
    for key in ["a", "b", "c"] {
        let of_key: Vec<&String> = handled
            .iter()
            .filter(|text| text.starts_with(key))
            .collect();
        let expected: Vec<String> = (0..8).map(|number| format!("{key}{number}")).collect();
        assert_eq!(of_key, expected.iter().collect::<Vec<_>>());
    }
    outbox.close().unwrap();
}

/// D4: with one event in flight, a retry holds up all later events, whatever their keys.
#[test]
fn with_one_in_flight_all_events_are_handled_in_order_over_retries() {
    let outbox = builder(MemoryStore::new())
        .in_flight(1)
        .build(soiree())
        .unwrap();
    let handled = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&handled);
    let by_text = KeyOrder::by(|event| Some(text(event)));
    let options = ListenerOptions::new()
        .durable("one")
        .ordered(by_text)
        .retry(Retry::fixed(Duration::from_millis(1), 10));
    let listener = move |event: &dyn Event| {
        let text = text(event);
        if (text == "1" || text == "4") && event.attempt() < 4 {
            return Err("not yet");
        }
        log.lock().unwrap().push(text);
        Ok(())
    };
    outbox.on_with("kept.**", options, listener).unwrap();
    outbox.start().unwrap();
    let texts: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    for text in &texts {
        outbox.emit("kept.x", text.clone()).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    assert_eq!(*handled.lock().unwrap(), texts);
    outbox.close().unwrap();
}

/// D3: what one listener fails with is no reason to call another one again.
#[test]
fn a_failing_listener_repeats_nothing_of_the_others() {
    let outbox = outbox(MemoryStore::new());
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let (listener, received) = sending();
    let retry = Retry::fixed(Duration::from_millis(1), 5);
    outbox
        .on_with(
            "kept.**",
            ListenerOptions::new().durable("failing").retry(retry),
            move |_: &dyn Event| -> Result<(), &str> {
                counted.fetch_add(1, Ordering::Relaxed);
                Err("never")
            },
        )
        .unwrap();
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("fine"), listener)
        .unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("x")).unwrap();
    outbox.drain(LIMIT).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    assert_eq!(receive(&received, 1), ["x"]);
    assert!(received.try_recv().is_err());
    let failing = &outbox.listeners()[0];
    assert_eq!(
        (failing.failed, failing.dead_letters, failing.done),
        (5, 1, 0)
    );
    outbox.close().unwrap();
}

/// D7: a retry is due after its delay, however the wall clock is set, and holds no worker meanwhile.
#[test]
fn a_retry_waits_for_its_delay_whatever_the_wall_clock_shows() {
    let clock = ManualClock::new();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .timer(clock.timer())
        .build()
        .unwrap();
    let outbox = builder(MemoryStore::new())
        .wall_clock(clock.clone())
        .build(soiree)
        .unwrap();
    let (sender, attempts) = channel();
    let hour = Duration::from_secs(3_600);
    let options = ListenerOptions::new()
        .durable("one")
        .retry(Retry::fixed(hour, 3));
    outbox
        .on_with("kept.**", options, move |event: &dyn Event| {
            sender.send((text(event), event.attempt())).unwrap();
            if text(event) == "b" {
                Ok(())
            } else {
                Err("no")
            }
        })
        .unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("a")).unwrap();
    assert_eq!(attempts.recv_timeout(LIMIT).unwrap(), ("a".into(), 1));
    while outbox.listeners()[0].retrying == 0 {
        std::thread::yield_now();
    }
    outbox.emit("kept.b", String::from("b")).unwrap();
    assert_eq!(
        attempts.recv_timeout(LIMIT).unwrap(),
        ("b".into(), 1),
        "the only worker is free"
    );
    clock.set_wall(soiree::store::Millis(0));
    clock.advance(hour / 2);
    assert!(attempts.try_recv().is_err());
    clock.set_wall(soiree::store::Millis(i64::MAX / 2));
    clock.advance(hour);
    assert_eq!(attempts.recv_timeout(LIMIT).unwrap(), ("a".into(), 2));
    outbox.close().unwrap();
}

/// D12: an event that finds no place in its pool waits, and that is no attempt.
#[test]
fn a_full_pool_makes_events_wait_and_is_no_attempt() {
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 10).unwrap())
        .bulkhead("slow", WorkerPool::new(1, 1).unwrap())
        .build()
        .unwrap();
    let outbox = builder(MemoryStore::new()).build(soiree).unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let (sender, received) = channel();
    let (wait, options) = (
        Arc::clone(&barrier),
        ListenerOptions::new().durable("one").pool("slow"),
    );
    outbox
        .on_with("kept.**", options, move |event: &dyn Event| {
            if text(event) == "0" {
                wait.wait();
            }
            sender.send(event.attempt()).unwrap();
        })
        .unwrap();
    outbox.start().unwrap();
    for number in 0..20 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    assert!(received.try_recv().is_err());
    barrier.wait();
    let attempts: Vec<u32> = (0..20)
        .map(|_| received.recv_timeout(LIMIT).unwrap())
        .collect();
    assert_eq!(attempts, [1; 20]);
    outbox.drain(LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].failed, 0);
    outbox.close().unwrap();
}

/// D3: a panic, a timeout and an error are failures; an abort and a filter that says no are not.
#[test]
fn panics_and_errors_fail_and_aborts_and_filters_do_not() {
    let outbox = outbox(MemoryStore::new());
    let options = ListenerOptions::new()
        .durable("one")
        .filter(|event| text(event) != "filtered");
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    outbox
        .on_with("kept.**", options, |event: &dyn Event| {
            match &*text(event) {
                "panic" => panic!("no"),
                "error" => Err("no"),
                "abort" => {
                    event.abort("enough");
                    Ok(())
                }
                _ => Ok(()),
            }
        })
        .unwrap();
    outbox.start().unwrap();
    for text in ["panic", "error", "abort", "filtered", "fine"] {
        outbox.emit("kept.a", String::from(text)).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    std::panic::set_hook(hook);
    let info = &outbox.listeners()[0];
    assert_eq!(
        (info.done, info.skipped, info.failed, info.dead_letters),
        (2, 1, 2, 2)
    );
    outbox.close().unwrap();
}

/// D3, D4, D12: while the key function of a listener hangs, more events are stored than are kept in memory. All of them are delivered
/// once it goes on, in order and each once.
#[test]
fn events_stored_while_a_key_function_hangs_are_delivered() {
    const EVENTS: usize = 5_000;
    let outbox = outbox(MemoryStore::new());
    let (entered, is_entered) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let order = KeyOrder::by(move |_| {
        let _ = entered.send(());
        let _ = released.lock().unwrap().recv();
        Some("same")
    });
    let (listener, received) = sending();
    let one = ListenerOptions::new().durable("one").ordered(order);
    outbox.on_with("kept.**", one, listener).unwrap();
    outbox.start().unwrap();
    let emit = |number: usize| outbox.emit("kept.a", number.to_string()).unwrap();
    emit(0);
    is_entered.recv_timeout(LIMIT).unwrap();
    for number in 1..EVENTS {
        emit(number);
    }
    drop(release);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    let expected: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    assert_eq!(received.iter().collect::<Vec<_>>(), expected);
}

/// D1, L2: what an ordinary listener of a durable topic does to the event is seen by the caller, whose event it is.
#[test]
fn an_ordinary_listener_gets_the_event_of_the_caller() {
    let outbox = outbox(MemoryStore::new());
    outbox
        .on_with("kept.a", ListenerOptions::new(), |event: &dyn Event| {
            event.abort("seen");
        })
        .unwrap();
    outbox.start().unwrap();
    let event: Arc<dyn Event> = Arc::new(BaseEvent::new("kept.a", String::from("x")));
    let soiree: &dyn Soiree = &outbox;
    soiree.publish_event(Arc::clone(&event)).unwrap();
    outbox.close().unwrap();
    assert!(event.is_aborted());
}
