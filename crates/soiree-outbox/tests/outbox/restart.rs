use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use soiree::store::{ListenerState, Position, StartFrom, Store};
use soiree::{
    CloseError, CloseOutboxError, Event, KeyOrder, ListenerOptions, Orphans, Outbox, OutboxError,
    Retry, Soiree, StartReport, SubscribeError,
};
use soiree_testkit::MemoryStore;

use super::support::{LIMIT, builder, outbox, receive, sending, soiree, text};

fn durable() -> ListenerOptions {
    ListenerOptions::new().durable("one")
}

/// D5, D18: a close leaves what has not been delivered, and after a clean one nothing is delivered twice.
#[test]
fn after_a_clean_close_the_rest_is_delivered_once() {
    let store = MemoryStore::new();
    let first = outbox(store.clone());
    let (listener, by_first) = sending();
    first.on_with("kept.**", durable(), listener).unwrap();
    first.start().unwrap();
    for number in 0..100 {
        first.emit("kept.a", number.to_string()).unwrap();
    }
    first.close().unwrap();
    let mut texts: Vec<String> = by_first.iter().collect();

    let second = outbox(store);
    let (listener, by_second) = sending();
    second.on_with("kept.**", durable(), listener).unwrap();
    assert_eq!(second.start().unwrap(), StartReport::default());
    second.drain(LIMIT).unwrap();
    second.close().unwrap();
    texts.extend(by_second.iter());
    texts.sort_by_key(|text| text.parse::<u32>().unwrap());
    let expected: Vec<String> = (0..100).map(|number: u32| number.to_string()).collect();
    assert_eq!(texts, expected);
}

/// D18: a close with a deadline says what still runs; it is delivered again after the next start.
#[test]
fn what_runs_at_the_deadline_is_delivered_again() {
    let store = MemoryStore::new();
    let first = outbox(store.clone());
    let barrier = Arc::new(Barrier::new(2));
    let wait = Arc::clone(&barrier);
    first
        .on_with("kept.**", durable(), move |_: &dyn Event| {
            wait.wait();
            wait.wait();
        })
        .unwrap();
    first.start().unwrap();
    first.emit("kept.a", String::from("x")).unwrap();
    barrier.wait();
    let error = first
        .close_with_deadline(Duration::from_millis(1))
        .unwrap_err();
    let is_running = matches!(
        error,
        CloseOutboxError::Running { running: 1 } | CloseOutboxError::EventPool(_)
    );
    assert!(is_running, "{error}");
    barrier.wait();
    drop(first);

    let second = outbox(store);
    let (listener, received) = sending();
    second.on_with("kept.**", durable(), listener).unwrap();
    second.start().unwrap();
    assert_eq!(receive(&received, 1), ["x"]);
    second.close().unwrap();
}

/// D15: a listener that nobody subscribes is named, kept, rejected or removed.
#[test]
fn orphans_are_named_rejected_or_removed() {
    let store = MemoryStore::new();
    let first = outbox(store.clone());
    first
        .on_with("kept.**", durable(), |_: &dyn Event| {})
        .unwrap();
    first.emit("kept.a", String::from("x")).unwrap();
    first.close().unwrap();

    let rejecting = builder(store.clone())
        .orphans(Orphans::Reject)
        .build(soiree())
        .unwrap();
    let error = rejecting.start().unwrap_err();
    assert!(matches!(error, OutboxError::Orphans { .. }), "{error}");
    assert!(error.to_string().contains("one"), "{error}");
    rejecting.close().unwrap();

    let keeping = outbox(store.clone());
    assert_eq!(keeping.start().unwrap().orphans, ["one"]);
    let orphan = &keeping.listeners()[0];
    assert_eq!((&*orphan.name, &*orphan.pattern), ("one", "kept.**"));
    assert!(orphan.is_orphan && !orphan.is_held);
    assert_eq!(orphan.waiting, 1);
    keeping.close().unwrap();

    // Renamed in the program, and in the store: it goes on where it was.
    let renaming = outbox(store.clone());
    assert!(renaming.rename_listener("one", "two").unwrap());
    let (listener, received) = sending();
    renaming
        .on_with("kept.**", ListenerOptions::new().durable("two"), listener)
        .unwrap();
    assert_eq!(renaming.start().unwrap(), StartReport::default());
    assert_eq!(receive(&received, 1), ["x"]);
    let renamed = &renaming.listeners()[0];
    assert_eq!((&*renamed.name, &*renamed.pattern), ("two", "kept.**"));
    assert!(renamed.is_held && !renamed.is_orphan);
    renaming.close().unwrap();

    let removing = builder(store)
        .orphans(Orphans::Remove)
        .build(soiree())
        .unwrap();
    assert_eq!(removing.start().unwrap(), StartReport::default());
    assert_eq!(removing.listeners().len(), 0);
    removing.close().unwrap();
}

/// D14: a listener runs in one process at a time, and another one takes over when that one has ended.
#[test]
fn another_process_takes_over_when_the_owner_has_ended() {
    let store = MemoryStore::new();
    let owner = outbox(store.clone());
    let (listener, by_owner) = sending();
    owner.on_with("kept.**", durable(), listener).unwrap();
    owner.start().unwrap();
    let other = builder(store.another_process())
        .shared(true)
        .build(soiree())
        .unwrap();
    let (listener, by_other) = sending();
    other.on_with("kept.**", durable(), listener).unwrap();
    other.start().unwrap();
    owner.emit("kept.a", String::from("1")).unwrap();
    assert_eq!(receive(&by_owner, 1), ["1"]);
    owner.drain(LIMIT).unwrap();
    assert!(!other.listeners()[0].is_held);
    owner.close().unwrap();
    other.emit("kept.a", String::from("2")).unwrap();
    assert_eq!(receive(&by_other, 1), ["2"]);
    other.close().unwrap();
    assert_eq!(by_owner.iter().count(), 0);
    assert_eq!(by_other.iter().count(), 0);
}

/// D18: a durable listener that closes the outbox would wait for itself, so it gets an error, and the outbox goes on.
#[test]
fn a_close_inside_a_durable_listener_is_an_error() {
    let outbox = outbox(MemoryStore::new());
    let weak = outbox.downgrade();
    let (sender, closed) = channel();
    outbox
        .on_with("kept.**", durable(), move |_: &dyn Event| {
            let outbox = weak.upgrade().expect("the test holds it");
            let in_async_code = pollster::block_on(outbox.close_async());
            sender.send([outbox.close(), in_async_code]).unwrap();
        })
        .unwrap();
    outbox.start().unwrap();
    for _ in 0..2 {
        outbox.emit("kept.a", String::from("x")).unwrap();
        for result in closed.recv_timeout(LIMIT).unwrap() {
            let error = result.unwrap_err();
            let is_inside = matches!(
                error,
                CloseOutboxError::EventPool(CloseError::InsideListener)
            );
            assert!(is_inside, "{error}");
        }
    }
    outbox.close().unwrap();
}

/// D5, D7: an event that waits for a retry while an earlier one runs is not started as a new one after a crash.
#[test]
fn a_retry_behind_an_event_that_runs_is_no_new_event_after_a_crash() {
    let store = MemoryStore::new();
    let hour = Duration::from_secs(3_600);
    let one = || durable().retry(Retry::fixed(hour, 3));
    let first = outbox(store.clone());
    let barrier = Arc::new(Barrier::new(2));
    let wait = Arc::clone(&barrier);
    first
        .on_with("kept.**", one(), move |event: &dyn Event| {
            if text(event) == "runs" {
                wait.wait();
                return Ok(());
            }
            Err("later")
        })
        .unwrap();
    first.start().unwrap();
    first.emit("kept.a", String::from("runs")).unwrap();
    first.emit("kept.a", String::from("fails")).unwrap();
    while store
        .parked("one", None, Position::START, 9)
        .unwrap()
        .is_empty()
    {
        std::thread::yield_now();
    }
    let after = store.another_process();
    store.crash();
    let second = builder(after).build(soiree()).unwrap();
    let (listener, received) = sending();
    second.on_with("kept.**", one(), listener).unwrap();
    second.start().unwrap();
    second.emit("kept.a", String::from("new")).unwrap();
    let mut texts = receive(&received, 2);
    texts.sort();
    assert_eq!(texts, ["new", "runs"]);
    while second.listeners()[0].done < 2 {
        std::thread::yield_now();
    }
    assert_eq!(second.listeners()[0].retrying, 1);
    second.close().unwrap();
    assert_eq!(received.iter().count(), 0);
    barrier.wait();
}

/// D19: after a crash, events that do not concern the listener are skipped ones too.
#[test]
fn after_a_crash_every_event_is_counted_once() {
    let store = MemoryStore::new();
    let process = |store: MemoryStore| {
        let outbox = builder(store).start_from(StartFrom::Oldest);
        let outbox = outbox.build(soiree()).unwrap();
        let (listener, received) = sending();
        outbox.on_with("kept.b", durable(), listener).unwrap();
        outbox.start().unwrap();
        (outbox, received)
    };
    let (first, received) = process(store.clone());
    first.emit("kept.b", String::from("1")).unwrap();
    assert_eq!(receive(&received, 1), ["1"]);
    first.drain(LIMIT).unwrap();
    // What is passed over is written down with the next commit, which does not come.
    first.emit("kept.a", String::from("2")).unwrap();
    while first.listeners()[0].skipped == 0 {
        std::thread::yield_now();
    }
    let begun = store.states(Position(2)).unwrap();
    assert_eq!(begun, [("one".to_owned(), ListenerState::Waiting)]);
    let after = store.another_process();
    store.crash();
    drop(first);

    let (second, _) = process(after);
    second.drain(LIMIT).unwrap();
    let info = &second.listeners()[0];
    assert_eq!((info.done, info.skipped, info.waiting), (0, 1, 0));
    second.close().unwrap();
}

/// D18: a close starts nothing more, not even what was held in memory behind an event that ends meanwhile.
#[test]
fn a_close_starts_nothing_that_was_held() {
    let store = MemoryStore::new();
    let outbox = outbox(store.clone());
    let barrier = Arc::new(Barrier::new(2));
    let (wait, calls) = (Arc::clone(&barrier), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    let options = durable().ordered(KeyOrder::by(|_| Some("same")));
    outbox
        .on_with("kept.**", options, move |_: &dyn Event| {
            counted.fetch_add(1, Ordering::Relaxed);
            wait.wait();
            wait.wait();
        })
        .unwrap();
    outbox.start().unwrap();
    for _ in 0..5 {
        outbox.emit("kept.a", String::from("x")).unwrap();
    }
    barrier.wait();
    while outbox.listeners()[0].in_flight < 5 {
        std::thread::yield_now();
    }
    std::thread::scope(|scope| {
        let close = scope.spawn(|| outbox.close());
        while outbox.emit("kept.a", String::from("y")).is_ok() {}
        barrier.wait();
        close.join().unwrap().unwrap();
    });
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// D14: a listener that is removed, or whose outbox is closed, is free for another process, also if it was taken over before.
#[test]
fn a_listener_is_free_after_it_was_removed_or_closed() {
    let store = MemoryStore::new();
    let listen = |outbox: &Outbox| {
        let (listener, received) = sending();
        let id = outbox.on_with("kept.**", durable(), listener).unwrap();
        (id, received)
    };
    let process = || {
        let outbox = builder(store.another_process()).shared(true);
        let outbox = outbox.build(soiree()).unwrap();
        let (id, received) = listen(&outbox);
        outbox.start().unwrap();
        (outbox, id, received)
    };
    let (first, id, _) = process();
    let (second, _, by_second) = process();
    let (third, _, by_third) = process();
    let soiree: &dyn Soiree = &first;
    soiree.off("kept.**", &id).unwrap();
    first.emit("kept.a", String::from("1")).unwrap();
    assert_eq!(first_of(&by_second, &by_third), "1");
    let (owner, other, by_other) = if second.listeners()[0].is_held {
        (second, third, by_third)
    } else {
        (third, second, by_second)
    };
    owner.close().unwrap();
    first.emit("kept.a", String::from("2")).unwrap();
    assert_eq!(receive(&by_other, 1), ["2"]);
    other.close().unwrap();
    first.close().unwrap();
}

/// D5: a listener that is removed and subscribed again goes on where it was. Its name is taken until its deliveries have ended.
#[test]
fn a_listener_that_is_subscribed_again_goes_on() {
    let outbox = outbox(MemoryStore::new());
    let soiree: &dyn Soiree = &outbox;
    outbox.start().unwrap();
    let mut texts = Vec::new();
    for round in 0..20 {
        let (sender, received) = channel();
        let id = loop {
            let sender = sender.clone();
            let listener = move |event: &dyn Event| sender.send(text(event)).unwrap();
            match outbox.on_with("kept.**", durable(), listener) {
                Ok(id) => break id,
                Err(SubscribeError::DurableNameTaken { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        outbox.emit("kept.a", round.to_string()).unwrap();
        texts.extend(receive(&received, 1));
        soiree.off("kept.**", &id).unwrap();
        assert!(soiree.off("kept.**", &id).is_err());
    }
    let expected: Vec<String> = (0..20).map(|round: u32| round.to_string()).collect();
    assert_eq!(texts, expected);
    outbox.close().unwrap();
}

fn first_of(one: &Receiver<String>, other: &Receiver<String>) -> String {
    loop {
        if let Ok(text) = one.try_recv().or_else(|_| other.try_recv()) {
            return text;
        }
        std::thread::yield_now();
    }
}
