//! Other processes on the same store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::store::{
    Batch, Claim, Marks, Millis, NewRecord, ParkedState, Position, StartFrom, Store,
};
use soiree::{Event, EventId, ListenerOptions, Orphans, Outbox, Retry};
use soiree_testkit::{FaultyStore, MemoryStore, StoreMethod};

use super::support::{LIMIT, builder, outbox, receive, sending, soiree, text, wait_until};

/// An outbox whose listener `one` has failed with these events, and will not fail again.
fn with_dead(outbox: Outbox, texts: &[&str]) -> (Outbox, Receiver<String>) {
    let (sender, received) = channel();
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let listener = move |event: &dyn Event| match mended.load(Ordering::Relaxed) {
        true => sender.send(text(event)).map_err(|_| "the test has ended"),
        false => Err("no"),
    };
    let one = ListenerOptions::new().durable("one");
    outbox.on_with("kept.**", one, listener).unwrap();
    outbox.start().unwrap();
    for text in texts {
        outbox.emit("kept.a", String::from(*text)).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].dead_letters, texts.len() as u64);
    is_mended.store(true, Ordering::Relaxed);
    (outbox, received)
}

fn another_process(store: &MemoryStore) -> MemoryStore {
    let other = store.another_process();
    other.open().unwrap();
    other
}

fn record(text: &str) -> NewRecord {
    NewRecord {
        id: EventId::new(),
        topic: "kept.a".into(),
        codec: "text".into(),
        payload: text.into(),
        properties: Default::default(),
        emitted_at: Millis::now(),
    }
}

/// Appends these events as another process does.
fn append(store: &MemoryStore, texts: &[&str]) {
    let appends: Vec<NewRecord> = texts.iter().map(|text| record(text)).collect();
    let batch = Batch {
        appends: &appends,
        marks: &[],
    };
    store.commit(&batch).unwrap();
}

/// D8: what another process redrives is delivered by the one that has the listener, if the store is shared; what it discards is no longer
/// dead.
#[test]
fn what_another_process_redrives_is_delivered() {
    let store = MemoryStore::new();
    let shared = builder(store.clone()).shared(true).build(soiree()).unwrap();
    let (outbox, received) = with_dead(shared, &["a", "b", "c"]);
    let other = another_process(&store);
    let at = [Position(1), Position(3)];
    assert_eq!(other.redrive("one", &at, Millis::now()).unwrap(), at);
    other.discard("one", &[Position(2)]).unwrap();
    let mut texts = receive(&received, 2);
    texts.sort();
    assert_eq!(texts, ["a", "c"]);
    outbox.drain(LIMIT).unwrap();
    let info = &outbox.listeners()[0];
    assert_eq!((info.done, info.dead_letters), (2, 0));
    outbox.close().unwrap();
    assert_eq!(received.iter().count(), 0, "once");
}

/// D8, D12: of more events than may be parked, all that were redriven are delivered, each once.
#[test]
fn more_redriven_events_than_may_be_parked_are_delivered() {
    let store = MemoryStore::new();
    let small = builder(store.clone()).max_parked(1).in_flight(1);
    let texts: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (outbox, received) = with_dead(small.build(soiree()).unwrap(), &texts);
    let redriven = outbox.redrive_all("one", |_| true).unwrap();
    assert_eq!(redriven, 600);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    assert_eq!(received.iter().collect::<Vec<_>>(), texts);
}

/// A listener that sends each text, and ends once the sender of the other channel is dropped.
fn sending_once_released() -> (
    impl Fn(&dyn Event) + Send + Sync + 'static,
    Receiver<String>,
    Sender<()>,
) {
    let (sender, received) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let listener = move |event: &dyn Event| {
        let _ = sender.send(text(event));
        let _ = released.lock().unwrap().recv();
    };
    (listener, received, release)
}

/// D8, D12: of ten times as many events as may be parked, those that were redriven while no process was there are all delivered, each once.
/// No more of them than permitted are in memory.
#[test]
fn what_was_redriven_meanwhile_is_read_as_places_become_free() {
    let store = MemoryStore::new();
    let texts: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (first, _) = with_dead(outbox(store.clone()), &texts);
    first.close().unwrap();
    let other = another_process(&store);
    let at: Vec<Position> = (1..=190).map(Position).collect();
    assert_eq!(other.redrive("one", &at, Millis::now()).unwrap(), at);

    let second = builder(store).max_parked(20).in_flight(4);
    let second = second.build(soiree()).unwrap();
    let (listener, received, release) = sending_once_released();
    let one = ListenerOptions::new().durable("one");
    second.on_with("kept.**", one, listener).unwrap();
    second.start().unwrap();
    second.emit("kept.a", String::from("new")).unwrap();
    receive(&received, 4);
    let in_memory = || {
        let info = second.listeners().remove(0);
        (
            info.retrying + info.behind + info.suspects + info.in_flight,
            info.done,
        )
    };
    wait_until("as many as may be are there", || in_memory().0 == 20);
    drop(release);
    wait_until("all are delivered", || {
        let (in_memory, done) = in_memory();
        assert!(in_memory <= 20, "{in_memory} are in memory");
        done == 191
    });
    second.drain(LIMIT).unwrap();
    let info = second.listeners().remove(0);
    assert_eq!((info.done, info.dead_letters), (191, 10));
    second.close().unwrap();
    assert_eq!(received.iter().count(), 191 - 4, "each once");
}

/// D4, D12: after a crash, and with a lower bound of parked events than before, the events of a listener that gets one at a time stay in
/// order: those that wait, those that may have been running, and new ones.
#[test]
fn a_lower_bound_of_parked_events_keeps_the_order() {
    let store = MemoryStore::new();
    let one = || {
        let retry = Retry::fixed(Duration::from_millis(1), 1_000_000);
        ListenerOptions::new().durable("one").retry(retry)
    };
    let first = builder(store.clone()).max_parked(10).in_flight(1);
    let first = first.build(soiree()).unwrap();
    let failing = |_: &dyn Event| Err::<(), _>("no");
    first.on_with("kept.**", one(), failing).unwrap();
    first.start().unwrap();
    for number in 0..13 {
        first.emit("kept.a", number.to_string()).unwrap();
    }
    // The last ones find no place. The first of them counts as one that may have been running.
    wait_until("the others are parked", || {
        let behind = Some(ParkedState::Behind);
        let behind = store.parked("one", behind, Position::START, 99);
        behind.unwrap().len() == 9
    });
    let after = store.another_process();
    store.crash();

    let second = builder(after).max_parked(2).in_flight(1);
    let second = second.build(soiree()).unwrap();
    let (listener, received) = sending();
    second.on_with("kept.**", one(), listener).unwrap();
    second.start().unwrap();
    second.emit("kept.a", String::from("13")).unwrap();
    second.drain(LIMIT).unwrap();
    second.close().unwrap();
    let expected: Vec<String> = (0..14).map(|number: u32| number.to_string()).collect();
    assert_eq!(received.iter().collect::<Vec<_>>(), expected);
}

/// D20: an outbox that is not shared asks its store nothing while it is idle; it finds what was redriven once it is woken.
#[test]
fn an_idle_outbox_that_is_not_shared_asks_nothing() {
    let store = FaultyStore::new(MemoryStore::new());
    let (outbox, received) = with_dead(outbox(store.clone()), &["a"]);
    let calls = || {
        use StoreMethod::*;
        [Read, Fetch, Parked, Commit, Listeners, Changed, Size].map(|method| store.calls(method))
    };
    let before = calls();
    let other = another_process(store.inner());
    let at = [Position(1)];
    assert_eq!(other.redrive("one", &at, Millis::now()).unwrap(), at);
    let waited = received.recv_timeout(Duration::from_millis(300));
    waited.expect_err("it was not woken");
    assert_eq!(calls(), before);
    outbox.wake();
    assert_eq!(receive(&received, 1), ["a"]);
    outbox.close().unwrap();
}

/// D15, D19: what waits for a listener that this process does not handle is shown, whether it is an orphan or another process has it.
#[test]
fn what_waits_for_listeners_elsewhere_is_shown() {
    let store = MemoryStore::new();
    let other = another_process(&store);
    let claim = |name: &str| match other.claim(name, "kept.**", StartFrom::Oldest).unwrap() {
        Claim::Held(term, _) => term,
        Claim::Elsewhere => panic!("nobody has it"),
    };
    let orphan = claim("orphan");
    claim("elsewhere");
    append(&other, &["a", "b", "c", "d", "e"]);
    let marks = Marks {
        floor: Some(Position(1)),
        ended: vec![Position(3)],
        ..Marks::new(orphan.clone())
    };
    other
        .commit(&Batch {
            appends: &[],
            marks: &[marks],
        })
        .unwrap();
    other.release(&orphan).unwrap();
    let outbox = outbox(store);
    let elsewhere = ListenerOptions::new().durable("elsewhere");
    outbox
        .on_with("kept.**", elsewhere, |_: &dyn Event| {})
        .unwrap();
    assert_eq!(outbox.start().unwrap().orphans, ["orphan"]);
    let shown: Vec<_> = outbox
        .listeners()
        .into_iter()
        .map(|info| (info.name.to_string(), info.is_held, info.waiting))
        .collect();
    let expected = [("elsewhere", false, 5), ("orphan", false, 3)];
    let expected = expected.map(|(name, held, waiting)| (name.to_owned(), held, waiting));
    assert_eq!(shown, expected);
    outbox.close().unwrap();
}

/// D14, D15: `Orphans::Remove` removes a listener that no process has, and keeps one that another process handles.
#[test]
fn removing_orphans_keeps_what_another_process_handles() {
    let store = MemoryStore::new();
    let other = another_process(&store);
    for name in ["down", "elsewhere"] {
        let claim = other.claim(name, "kept.**", StartFrom::Oldest).unwrap();
        let Claim::Held(term, _) = claim else {
            panic!("nobody has it");
        };
        if name == "down" {
            other.release(&term).unwrap();
        }
    }
    append(&other, &["a"]);
    let outbox = builder(store).orphans(Orphans::Remove);
    let outbox = outbox.build(soiree()).unwrap();
    assert_eq!(outbox.start().unwrap().orphans, ["elsewhere"]);
    let left = outbox.listeners();
    let left: Vec<_> = left
        .iter()
        .map(|info| (&*info.name, info.waiting))
        .collect();
    assert_eq!(left, [("elsewhere", 1)]);
    outbox.close().unwrap();
}

/// D12: what others append counts towards `max_events`, and what they sweep does no longer.
#[test]
fn events_of_others_count() {
    let store = MemoryStore::new();
    let outbox = builder(store.clone()).max_events(5);
    let outbox = outbox.shared(true).build(soiree()).unwrap();
    outbox.emit("kept.a", String::from("own")).unwrap();
    assert_eq!(outbox.stats().events, 1);
    let other = another_process(&store);
    append(&other, &["a", "b", "c", "d"]);
    outbox.wake();
    wait_until("they are counted", || outbox.stats().events == 5);
    assert!(outbox.emit("kept.a", String::from("too many")).is_err());
    let all = other.sweep(Position(5), Millis(i64::MAX), 10).unwrap();
    assert_eq!(all, 5);
    let deadline = Instant::now() + LIMIT;
    while outbox.emit("kept.a", String::from("fits")).is_err() {
        assert!(Instant::now() < deadline, "the room is not found");
    }
    assert_eq!(outbox.stats().events, 1);
    outbox.close().unwrap();
}

/// D3, D14: what another process appends between the build and the start, or before a drain, is delivered by them.
#[test]
fn a_start_and_a_drain_look_for_what_others_have_appended() {
    let store = MemoryStore::new();
    let outbox = builder(store.clone()).start_from(StartFrom::Oldest);
    let outbox = outbox.build(soiree()).unwrap();
    let other = another_process(&store);
    append(&other, &["before the claim"]);
    let one = ListenerOptions::new().durable("one");
    let (listener, received) = sending();
    outbox.on_with("kept.**", one, listener).unwrap();
    append(&other, &["before the start"]);
    outbox.start().unwrap();
    let mut texts = receive(&received, 2);
    texts.sort();
    assert_eq!(texts, ["before the claim", "before the start"]);
    append(&other, &["before the drain"]);
    outbox.drain(LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].done, 3);
    append(&other, &["before the subscription"]);
    let two = ListenerOptions::new().durable("two");
    let (listener, by_two) = sending();
    outbox.on_with("kept.**", two, listener).unwrap();
    assert_eq!(receive(&by_two, 4).len(), 4);
    outbox.close().unwrap();
    assert_eq!(
        received.iter().collect::<Vec<_>>(),
        ["before the drain", "before the subscription"]
    );
}

/// D3, D20: what another process appends behind a backlog is delivered with it, and nothing turns in circles.
#[test]
fn what_others_append_behind_a_backlog_is_delivered_with_it() {
    let store = MemoryStore::new();
    let other = another_process(&store);
    // More than a listener reads at once.
    append(&other, &["backlog"; 300]);
    let outbox = builder(store.clone()).start_from(StartFrom::Oldest);
    let outbox = outbox.in_flight(1).build(soiree()).unwrap();
    let (listener, received, release) = sending_once_released();
    let one = ListenerOptions::new().durable("one");
    outbox.on_with("kept.**", one, listener).unwrap();
    outbox.start().unwrap();
    assert_eq!(receive(&received, 1), ["backlog"]);
    append(&other, &["new"; 10]);
    drop(release);
    let texts = receive(&received, 309);
    assert_eq!(texts.iter().filter(|text| **text == "new").count(), 10);
    outbox.close().unwrap();
}

/// D3, D20: positions that nobody has any more, since their events were swept or an insert used them up, hold up no listener, however many
/// they are.
#[test]
fn positions_without_events_hold_up_no_listener() {
    let store = MemoryStore::new();
    let other = another_process(&store);
    append(&other, &["swept"; 200]);
    append(&other, &["kept"; 2]);
    let all = Millis(i64::MAX);
    assert_eq!(other.sweep(Position(200), all, 200).unwrap(), 200);
    let outbox = builder(store.clone()).start_from(StartFrom::Oldest);
    let outbox = outbox.build(soiree()).unwrap();
    let (listener, received) = sending();
    let one = ListenerOptions::new().durable("one");
    outbox.on_with("kept.**", one, listener).unwrap();
    outbox.start().unwrap();
    assert_eq!(receive(&received, 2), ["kept"; 2]);
    outbox.close().unwrap();
}
