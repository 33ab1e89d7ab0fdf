//! Events that may have ended the process.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::store::{Claim, ParkedState, Position, StartFrom, Store};
use soiree::{Event, EventPool, ListenerOptions, Outbox, Retry, WorkerPool};
use soiree_testkit::{FaultyStore, ManualClock, MemoryStore, StoreFault, StoreMethod};

use super::support::{LIMIT, builder, outbox, receive, text, wait_until};

/// Two listeners of all events, by name and pattern.
const BOTH: [(&str, &str); 2] = [("a", "kept.**"), ("b", "kept.**")];

/// Subscribes two listeners. They send their name and the text, and wait for a word before they return, but not with `new`.
fn listen(outbox: &Outbox, listeners: [(&'static str, &str); 2]) -> (Receiver<String>, Sender<()>) {
    let (entered, entries) = channel();
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    for (name, pattern) in listeners {
        let (entered, released) = (entered.clone(), Arc::clone(&released));
        let listener = move |event: &dyn Event| {
            let text = text(event);
            let _ = entered.send(format!("{name}{text}"));
            if text != "new" {
                let _ = released.lock().unwrap().recv();
            }
        };
        let options = ListenerOptions::new().durable(name);
        outbox.on_with(pattern, options, listener).unwrap();
    }
    outbox.start().unwrap();
    (entries, release)
}

/// A store that a process has left that was killed while two listeners ran with three events each.
fn left_by_a_crash() -> MemoryStore {
    left_by_a_crash_of(BOTH, &["kept.a"; 3])
}

/// The same, with an event on each of these topics.
fn left_by_a_crash_of(listeners: [(&'static str, &str); 2], topics: &[&str]) -> MemoryStore {
    let store = MemoryStore::new();
    let first = outbox(store.clone());
    let (entries, _release) = listen(&first, listeners);
    for (number, topic) in (1..).zip(topics) {
        first.emit(topic, format!("{number}")).unwrap();
    }
    // As many as there are threads.
    receive(&entries, 4);
    wait_until("all have started", || {
        first.listeners().iter().all(|info| info.in_flight == 3)
    });
    let after = store.another_process();
    store.crash();
    after
}

fn start(store: MemoryStore, clock: &ManualClock) -> Outbox {
    let pool = EventPool::builder()
        .pool(WorkerPool::new(4, 100).unwrap())
        .timer(clock.timer())
        .build()
        .unwrap();
    builder(store)
        .wall_clock(clock.clone())
        .build(pool)
        .unwrap()
}

fn suspects(outbox: &Outbox) -> usize {
    outbox.listeners().iter().map(|info| info.suspects).sum()
}

/// D9: of the events that may have ended the process one is tried at a time, over all listeners. New ones are handled meanwhile.
#[test]
fn one_suspect_is_tried_at_a_time_in_the_process() {
    let clock = ManualClock::new();
    let outbox = start(left_by_a_crash(), &clock);
    let (entries, release) = listen(&outbox, BOTH);
    assert_eq!(receive(&entries, 1), ["a1"]);
    outbox.emit("kept.a", String::from("new")).unwrap();
    let mut new = receive(&entries, 2);
    new.sort();
    assert_eq!(new, ["anew", "bnew"]);
    wait_until("they have ended", || {
        outbox.listeners().iter().all(|info| info.done == 1)
    });
    assert_eq!(suspects(&outbox), 5, "and one is tried");
    for expected in ["b1", "a2", "b2", "a3", "b3"] {
        release.send(()).unwrap();
        assert_eq!(receive(&entries, 1), [expected]);
    }
    release.send(()).unwrap();
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
}

/// D9: a listener that lags behind, and whose suspects all come before those of another one, is not tried before it each time.
#[test]
fn listeners_try_their_suspects_in_turns() {
    let apart = [("a", "kept.a"), ("b", "kept.b")];
    let topics = ["kept.a", "kept.a", "kept.a", "kept.b", "kept.b", "kept.b"];
    let clock = ManualClock::new();
    let outbox = start(left_by_a_crash_of(apart, &topics), &clock);
    let (entries, release) = listen(&outbox, apart);
    for expected in ["a1", "b4", "a2", "b5", "a3", "b6"] {
        assert_eq!(receive(&entries, 1), [expected]);
        release.send(()).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
}

/// D9: a suspect that does not end holds up those of other listeners for ten seconds, and those of its own listener until it ends.
#[test]
fn a_suspect_that_hangs_holds_up_no_other_listener() {
    let clock = ManualClock::new();
    let outbox = start(left_by_a_crash(), &clock);
    let (entries, release) = listen(&outbox, BOTH);
    assert_eq!(receive(&entries, 1), ["a1"]);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(suspects(&outbox), 5);
    clock.advance(Duration::from_millis(1));
    assert_eq!(receive(&entries, 1), ["b1"]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(suspects(&outbox), 4);
    drop(release);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    let mut rest: Vec<String> = entries.iter().collect();
    rest.sort();
    assert_eq!(rest, ["a2", "a3", "b2", "b3"]);
}

/// D9: an event of the backlog starts once the store knows that it may run. If it ends the process, it is suspected after that.
#[test]
fn an_event_starts_once_the_store_knows() {
    let store = MemoryStore::new();
    let one = || ListenerOptions::new().durable("one");
    let first = outbox(store.clone());
    first.on_with("kept.**", one(), |_: &dyn Event| {}).unwrap();
    first.emit("kept.a", String::from("1")).unwrap();
    first.close().unwrap();

    let second = outbox(store.clone());
    let (sender, received) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let listener = move |event: &dyn Event| {
        sender.send(text(event)).unwrap();
        let _ = released.lock().unwrap().recv();
    };
    second.on_with("kept.**", one(), listener).unwrap();
    second.start().unwrap();
    assert_eq!(receive(&received, 1), ["1"]);
    let after = store.another_process();
    store.crash();
    after.open().unwrap();
    let Claim::Held(_, progress) = after.claim("one", "kept.**", StartFrom::Now).unwrap() else {
        panic!("the process has ended");
    };
    assert!(progress.begun >= Position(1), "{progress:?}");
    assert!(!progress.clean);
    drop(release);
}

/// D9: a retry starts once the store knows that it runs, also if the store takes nothing for a while. If it ends the process, it is suspected.
#[test]
fn a_retry_starts_once_the_store_knows() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let retry = Retry::fixed(Duration::from_millis(1), 3);
    let options = ListenerOptions::new().durable("one").retry(retry);
    let (sender, states) = channel();
    let seen = store.clone();
    let listener = move |event: &dyn Event| {
        let parked = seen.inner().parked("one", None, Position(0), 10).unwrap();
        let state = parked.first().map(|parked| parked.state);
        sender.send((event.attempt(), state)).unwrap();
        seen.fail_next(StoreMethod::Commit, 3, StoreFault::full());
        if event.attempt() < 3 {
            Err("no")
        } else {
            Ok(())
        }
    };
    outbox.on_with("kept.**", options, listener).unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("x")).unwrap();
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    let running = Some(ParkedState::Running);
    let expected = [(1, None), (2, running), (3, running)];
    assert_eq!(states.iter().collect::<Vec<_>>(), expected);
}
