//! What a close leaves in the store.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use pollster::block_on;
use soiree::store::{Claim, Store};
use soiree::{CloseOutboxError, Event, KeyOrder, ListenerOptions, Outbox};
use soiree_testkit::{FaultyStore, MemoryStore, StoreFault, StoreMethod};

use super::support::{LIMIT, outbox, receive, sending, text, wait_until};

fn one() -> ListenerOptions {
    ListenerOptions::new().durable("one")
}

/// Starts an outbox whose listener sends each text, and ends once the sender is dropped.
fn start_held(outbox: &Outbox) -> (Receiver<String>, Sender<()>) {
    let (started, starts) = channel();
    let (release, released) = channel();
    let released = Mutex::new(released);
    let listener = move |event: &dyn Event| {
        let _ = started.send(text(event));
        let _ = released.lock().unwrap().recv();
    };
    outbox.on_with("kept.**", one(), listener).unwrap();
    outbox.start().unwrap();
    (starts, release)
}

/// Closes the outbox while its listener runs with an event. The store does not take the next commits.
fn close_while_full(store: &FaultyStore<MemoryStore>, faults: u64) -> Result<(), CloseOutboxError> {
    let first = outbox(store.clone());
    let (started, release) = start_held(&first);
    first.emit("kept.a", String::from("x")).unwrap();
    assert_eq!(receive(&started, 1), ["x"]);
    store.fail_next(StoreMethod::Commit, faults, StoreFault::full());
    let closed = std::thread::scope(|scope| {
        let close = scope.spawn(|| first.close());
        drop(release);
        close.join().unwrap()
    });
    store.heal();
    closed
}

/// What the next process delivers.
fn delivered_next(store: FaultyStore<MemoryStore>) -> Vec<String> {
    let next = outbox(store);
    let (listener, received) = sending();
    next.on_with("kept.**", one(), listener).unwrap();
    next.start().unwrap();
    next.drain(LIMIT).unwrap();
    next.close().unwrap();
    received.iter().collect()
}

/// D5, D13: a close tries the last acknowledgements again for a while, so that nothing is delivered twice.
#[test]
fn a_close_tries_the_last_acknowledgements_again() {
    let store = FaultyStore::new(MemoryStore::new());
    close_while_full(&store, 3).unwrap();
    assert_eq!(delivered_next(store), Vec::<String>::new());
}

/// D5, D13: a close whose last acknowledgements the store does not take is an error, and the event is delivered again.
#[test]
fn a_close_without_the_last_acknowledgements_is_an_error() {
    let store = FaultyStore::new(MemoryStore::new());
    let error = close_while_full(&store, u64::MAX).unwrap_err();
    assert!(matches!(error, CloseOutboxError::Store(_)), "{error}");
    assert_eq!(delivered_next(store), ["x"]);
}

/// D9, D18: a delivery that runs at the deadline of a close has not ended the process, however often that happens.
#[test]
fn a_deadline_is_no_crash() {
    let store = FaultyStore::new(MemoryStore::new());
    for round in 0..4 {
        let outbox = outbox(store.clone());
        let (started, release) = start_held(&outbox);
        if round == 0 {
            outbox.emit("kept.a", String::from("x")).unwrap();
        }
        assert_eq!(receive(&started, 1), ["x"]);
        let closed = outbox.close_with_deadline(Duration::from_millis(1));
        closed.unwrap_err();
        drop(release);
    }
    assert_eq!(delivered_next(store), ["x"]);
}

/// D9: a delivery that runs when an outbox is dropped without a close has not ended the process.
#[test]
fn a_drop_is_no_crash() {
    let store = MemoryStore::new();
    let mut releases = Vec::new();
    for round in 0..4 {
        // It gets the listener once the threads of the one before have ended.
        let outbox = outbox(store.another_process());
        let (started, release) = start_held(&outbox);
        if round == 0 {
            outbox.emit("kept.a", String::from("x")).unwrap();
        }
        assert_eq!(receive(&started, 1), ["x"]);
        wait_until("it runs", || outbox.listeners()[0].in_flight == 1);
        let listener = &outbox.listeners()[0];
        assert_eq!((listener.suspects, listener.after_crashes), (0, 0));
        drop(outbox);
        releases.push(release);
    }
}

/// D18: a close with a deadline returns although the store hangs. The rest of it is done once the store goes on.
#[test]
fn a_close_does_not_wait_for_a_store_that_hangs() {
    let store = FaultyStore::new(MemoryStore::new());
    let first = outbox(store.clone());
    let (started, release) = start_held(&first);
    first.emit("kept.a", String::from("x")).unwrap();
    assert_eq!(receive(&started, 1), ["x"]);
    let gate = store.hold(StoreMethod::Commit);
    let error = first.close_with_deadline(Duration::from_millis(1));
    let error = error.unwrap_err();
    let is_unfinished = matches!(error, CloseOutboxError::Unfinished { running: 1 });
    assert!(is_unfinished, "{error}");
    drop(release);
    gate.release();
    wait_until_free(store.inner(), "one");
}

/// D18: a close with a deadline returns although code of the program hangs on the relay's thread.
#[test]
fn a_close_does_not_wait_for_a_key_function_that_hangs() {
    let store = MemoryStore::new();
    let outbox = outbox(store.clone());
    let (entered, is_entered) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let hangs = KeyOrder::by(move |_| {
        let _ = entered.send(());
        let _ = released.lock().unwrap().recv();
        Some("same")
    });
    let listener = |_: &dyn Event| {};
    outbox
        .on_with("kept.**", one().ordered(hangs), listener)
        .unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("y")).unwrap();
    is_entered.recv_timeout(LIMIT).unwrap();
    let error = outbox.close_with_deadline(Duration::from_millis(1));
    let error = error.unwrap_err();
    let is_unfinished = matches!(error, CloseOutboxError::Unfinished { running: 0 });
    assert!(is_unfinished, "{error}");
    drop(release);
    wait_until_free(&store, "one");
}

/// Waits until another process can claim this listener.
fn wait_until_free(store: &MemoryStore, name: &str) {
    let other = store.another_process();
    other.open().unwrap();
    wait_until("the claim has ended", || {
        let claim = other.claim(name, "kept.**", Default::default());
        matches!(claim, Ok(Claim::Held(..)))
    });
}

/// D18: a drain of an outbox that is closed, or closes meanwhile, does not wait.
#[test]
fn a_drain_of_a_closed_outbox_answers_at_once() {
    let outbox = outbox(MemoryStore::new());
    let (started, release) = start_held(&outbox);
    outbox.emit("kept.a", String::from("x")).unwrap();
    outbox.emit("kept.a", String::from("y")).unwrap();
    receive(&started, 1);
    let before = Instant::now();
    std::thread::scope(|scope| {
        let drain = scope.spawn(|| outbox.drain(LIMIT));
        drop(release);
        outbox.close().unwrap();
        // All may have ended before.
        let _ = drain.join().unwrap();
    });
    let error = outbox.drain(LIMIT).unwrap_err();
    assert!(before.elapsed() < LIMIT);
    let closed = "not every durable event had ended before the deadline: the outbox is closed";
    assert_eq!(error.to_string(), closed);
}

/// D18: a drain that gives up says so if the outbox was never started, as then nothing ends.
#[test]
fn a_drain_says_that_the_outbox_has_not_been_started() {
    let outbox = outbox(MemoryStore::new());
    let (listener, received) = sending();
    outbox.on_with("kept.**", one(), listener).unwrap();
    outbox.emit("kept.a", String::from("x")).unwrap();
    let late = "not every durable event had ended before the deadline";
    let not_started =
        format!("{late}: the outbox has not been started, and delivers nothing before");
    let error = outbox.drain(Duration::ZERO).unwrap_err();
    assert_eq!(error.to_string(), not_started);
    let error = block_on(outbox.drain_async(Duration::ZERO)).unwrap_err();
    assert_eq!(error.to_string(), not_started);
    outbox.start().unwrap();
    outbox.drain(LIMIT).unwrap();
    assert_eq!(receive(&received, 1), ["x"]);
    outbox.close().unwrap();
}

/// D18: of one that delivers, the error says no more than that it took too long.
#[test]
fn a_drain_gives_up_while_a_listener_runs() {
    let outbox = outbox(MemoryStore::new());
    let (started, release) = start_held(&outbox);
    outbox.emit("kept.a", String::from("x")).unwrap();
    receive(&started, 1);
    let error = outbox.drain(Duration::ZERO).unwrap_err();
    let late = "not every durable event had ended before the deadline";
    assert_eq!(error.to_string(), late);
    drop(release);
    outbox.close().unwrap();
}
