use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use soiree::store::{Position, Store, StoreError};
use soiree::{
    CloseOutboxError, EmitError, Event, EventPool, ListenerOptions, Outbox, Retry, StoreState,
    Stored, WorkerPool,
};
use soiree_testkit::{FaultyStore, ManualClock, MemoryStore, StoreFault, StoreMethod};

use super::support::{LIMIT, builder, outbox, receive, sending, soiree, text, wait_until};

/// D13: acknowledgements that could not be stored are stored once there is room.
#[test]
fn acknowledgements_wait_until_the_store_takes_them() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let (listener, received) = sending();
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("one"), listener)
        .unwrap();
    let gate = store.hold_after(StoreMethod::Commit);
    std::thread::scope(|scope| {
        let emit = scope.spawn(|| outbox.emit("kept.a", String::from("x")).unwrap());
        gate.wait_until_held(1);
        store.fail_next(StoreMethod::Commit, 3, StoreFault::full());
        gate.release();
        emit.join().unwrap();
    });
    outbox.start().unwrap();
    assert_eq!(receive(&received, 1), ["x"]);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    assert_eq!(received.iter().count(), 0);
    store.open().unwrap();
    assert_eq!(store.listeners().unwrap()[0].floor, Position(1));
}

/// D13: after a commit whose outcome is unknown nothing more is accepted, and the outbox says so.
#[test]
fn after_an_unknown_commit_nothing_is_accepted() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    store.fail_next(StoreMethod::Commit, 1, StoreFault::unknown());
    let error = outbox.emit("kept.a", String::from("x")).unwrap_err();
    assert!(error.to_string().contains("unknown"), "{error}");
    let calls = store.calls(StoreMethod::Commit);
    assert!(outbox.emit("kept.a", String::from("y")).is_err());
    assert_eq!(store.calls(StoreMethod::Commit), calls);
    assert!(matches!(outbox.stats().state, StoreState::Failed(_)));
    let error = outbox.close().unwrap_err();
    assert!(matches!(error, CloseOutboxError::Store(_)), "{error}");
}

/// D13: nor is anything more delivered, since what becomes of it could not be stored.
#[test]
fn after_an_unknown_commit_nothing_is_delivered() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone()).in_flight(1).build(soiree()).unwrap();
    let (started, texts) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let listener = move |event: &dyn Event| {
        started.send(text(event)).unwrap();
        let _ = released.lock().unwrap().recv_timeout(LIMIT);
    };
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("one"), listener)
        .unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("runs")).unwrap();
    assert_eq!(receive(&texts, 1), ["runs"]);
    outbox.emit("kept.a", String::from("waits")).unwrap();
    store.fail_next(StoreMethod::Commit, 1, StoreFault::unknown());
    assert!(outbox.emit("kept.a", String::from("is lost")).is_err());
    drop(release);
    wait_until("the first has ended", || {
        outbox.listeners()[0].in_flight == 0
    });
    assert!(outbox.close().is_err());
    assert_eq!(texts.try_iter().count(), 0);
}

/// D13: a store that cannot be read for a while delays, and loses nothing.
#[test]
fn a_store_that_cannot_be_read_delays() {
    let store = FaultyStore::new(MemoryStore::new());
    let first = outbox(store.clone());
    let (listener, _) = sending();
    first
        .on_with("kept.**", ListenerOptions::new().durable("one"), listener)
        .unwrap();
    for number in 0..5 {
        first.emit("kept.a", number.to_string()).unwrap();
    }
    first.close().unwrap();
    let second = builder(store.clone()).build(soiree()).unwrap();
    let (listener, received) = sending();
    second
        .on_with("kept.**", ListenerOptions::new().durable("one"), listener)
        .unwrap();
    store.fail_next(StoreMethod::Read, 2, StoreFault::io());
    second.start().unwrap();
    let mut texts = receive(&received, 5);
    texts.sort();
    assert_eq!(texts, ["0", "1", "2", "3", "4"]);
    second.close_with_deadline(Duration::from_secs(60)).unwrap();
}

/// D13: a retry whose event cannot be read just now is made once it can.
#[test]
fn a_retry_waits_until_its_event_can_be_read() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let (sender, attempts) = channel();
    let options = ListenerOptions::new()
        .durable("one")
        .retry(Retry::fixed(Duration::from_millis(1), 2));
    outbox
        .on_with("kept.**", options, move |event: &dyn Event| {
            sender.send(event.attempt()).unwrap();
            if event.attempt() == 1 {
                Err("no")
            } else {
                Ok(())
            }
        })
        .unwrap();
    store.fail_next(StoreMethod::Fetch, 1, StoreFault::io());
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("x")).unwrap();
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    assert_eq!(attempts.iter().collect::<Vec<_>>(), [1, 2]);
}

/// D13, D17: a page that cannot be read is shown with its place, by the outbox and by the listener that waits for it, as long as it is so.
#[test]
fn a_page_that_cannot_be_read_is_shown() {
    let store = FaultyStore::new(MemoryStore::new());
    let first = outbox(store.clone());
    let one = || ListenerOptions::new().durable("one");
    first.on_with("kept.**", one(), |_: &dyn Event| {}).unwrap();
    first.emit("kept.a", String::from("1")).unwrap();
    first.close().unwrap();

    let second = outbox(store.clone());
    let (listener, received) = sending();
    second.on_with("kept.**", one(), listener).unwrap();
    let damaged = StoreFault::new(|store| StoreError::Corrupt {
        store,
        place: "page 7".into(),
    });
    store.fail_all(StoreMethod::Read, damaged);
    second.start().unwrap();
    let names_the_page = |state: StoreState| {
        let StoreState::Unreadable(error) = state else {
            return false;
        };
        error.to_string().contains("page 7")
    };
    wait_until("it is shown", || names_the_page(second.stats().state));
    let error = second.listeners()[0].unreadable.clone().unwrap();
    assert!(error.to_string().contains("page 7"), "{error}");
    second.emit("kept.a", String::from("2")).unwrap();
    assert!(names_the_page(second.stats().state));

    store.heal();
    let mut texts = receive(&received, 2);
    texts.sort();
    assert_eq!(texts, ["1", "2"]);
    second.drain(LIMIT).unwrap();
    assert!(matches!(second.stats().state, StoreState::Ok));
    assert!(second.listeners()[0].unreadable.is_none());
    second.close().unwrap();
}

/// Emits events that are committed together, while so many commits fail like this. Returns what became of them.
fn emit_together(
    store: &FaultyStore<MemoryStore>,
    outbox: &Outbox,
    events: usize,
    (commits, fault): (u64, StoreFault),
) -> Vec<Result<Stored, EmitError>> {
    let gate = store.hold_after(StoreMethod::Commit);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| outbox.emit("kept.a", String::from("first")));
        gate.wait_until_held(1);
        let emit = || outbox.emit("kept.a", String::from("x"));
        let others: Vec<_> = (0..events).map(|_| scope.spawn(emit)).collect();
        wait_until("they wait", || outbox.stats().queued == events);
        store.fail_next(StoreMethod::Commit, commits, fault);
        gate.release();
        first.join().unwrap().unwrap();
        others
            .into_iter()
            .map(|other| other.join().unwrap())
            .collect()
    })
}

/// Fails with the first error once, and then with the second.
fn first_then(
    first: impl Fn(String) -> StoreError + Send + Sync + 'static,
    then: impl Fn(String) -> StoreError + Send + Sync + 'static,
) -> StoreFault {
    let tried = AtomicBool::new(false);
    StoreFault::new(move |store| match tried.swap(true, Ordering::Relaxed) {
        false => first(store),
        true => then(store),
    })
}

fn kept_out(store: String) -> StoreError {
    let reason = "a trigger".into();
    StoreError::Rejected { store, reason }
}

/// D13: if the store fails for good while the events of a batch are tried one by one, the others are rejected for the same reason and not tried.
#[test]
fn after_an_unknown_commit_the_rest_of_the_batch_is_not_tried() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let too_large = |store| StoreError::TooLarge {
        store,
        bytes: 1,
        limit: 0,
    };
    let lost = |store| StoreError::Unknown {
        store,
        source: "lost".into(),
    };
    let ended = emit_together(&store, &outbox, 3, (2, first_then(too_large, lost)));
    for end in ended {
        let error = end.unwrap_err().to_string();
        let names_it = error.contains("unknown") && error.contains("lost");
        assert!(names_it, "{error}");
    }
    // The first event, the batch, and one of it alone.
    assert_eq!(store.calls(StoreMethod::Commit), 3);
    assert!(outbox.close().is_err());
}

/// D13: an event that the store does not take is not an error of those that are committed with it.
#[test]
fn an_event_that_a_rule_of_the_store_keeps_out_rejects_no_other() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    // The batch of three, and then the first of them alone.
    let ended = emit_together(&store, &outbox, 3, (2, StoreFault::new(kept_out)));
    let errors = ended.iter().filter_map(|end| end.as_ref().err());
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("a trigger"), "{errors:?}");
    outbox.close().unwrap();
}

/// D13: if the store is busy while the events of a batch are tried one by one, each of them would wait as long: the rest is rejected with it.
#[test]
fn while_the_store_is_busy_the_rest_of_the_batch_is_not_tried() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let busy = |store| StoreError::Busy {
        store,
        reason: "another one writes".into(),
    };
    let ended = emit_together(&store, &outbox, 5, (6, first_then(kept_out, busy)));
    for end in ended {
        let error = end.unwrap_err().to_string();
        assert!(error.contains("another one writes"), "{error}");
    }
    assert_eq!(store.calls(StoreMethod::Commit), 3);
    store.heal();
    outbox.emit("kept.a", String::from("x")).unwrap();
    outbox.close().unwrap();
}

const KEEP: Duration = Duration::from_secs(600);

/// An outbox that keeps events for a while by this clock, and whose listener may start events as soon as they are stored.
fn keeping(store: &FaultyStore<MemoryStore>, clock: &ManualClock) -> Outbox {
    let event_pool = EventPool::builder()
        .pool(WorkerPool::new(1, 1).unwrap())
        .timer(clock.timer())
        .build()
        .unwrap();
    let outbox = builder(store.clone()).keep(KEEP);
    let outbox = outbox.wall_clock(clock.clone()).build(event_pool).unwrap();
    let one = ListenerOptions::new().durable("one");
    outbox.on_with("kept.**", one, |_: &dyn Event| {}).unwrap();
    outbox.start().unwrap();
    outbox.drain(LIMIT).unwrap();
    outbox
}

#[track_caller]
fn wait_until_removed(outbox: &Outbox, clock: &ManualClock) {
    wait_until("it is removed", || {
        clock.advance(KEEP);
        outbox.stats().events == 0
    });
}

/// D13, D15: a sweep that fails is tried again, though nothing else happens.
#[test]
fn ended_events_are_removed_after_sweeps_that_failed() {
    let (store, clock) = (FaultyStore::new(MemoryStore::new()), ManualClock::new());
    let outbox = keeping(&store, &clock);
    store.fail_next(StoreMethod::Sweep, 9, StoreFault::busy());
    outbox.emit("kept.a", String::from("x")).unwrap();
    outbox.drain(LIMIT).unwrap();
    wait_until_removed(&outbox, &clock);
    assert_eq!(store.calls(StoreMethod::Sweep), 10);
    outbox.close().unwrap();
}

/// D13, D15: what became of an event is stored so late that sweeps have passed it by. It is removed nevertheless.
#[test]
fn events_are_removed_whose_acknowledgements_were_late() {
    let (store, clock) = (FaultyStore::new(MemoryStore::new()), ManualClock::new());
    let outbox = keeping(&store, &clock);
    let gate = store.hold_after(StoreMethod::Commit);
    std::thread::scope(|scope| {
        let emit = scope.spawn(|| outbox.emit("kept.a", String::from("x")).unwrap());
        gate.wait_until_held(1);
        store.fail_all(StoreMethod::Commit, StoreFault::busy());
        gate.release();
        emit.join().unwrap();
    });
    wait_until("it has ended", || outbox.listeners()[0].done == 1);
    let failed = store.calls(StoreMethod::Commit);
    // Meanwhile all that is due comes to its time.
    wait_until("commits fail", || {
        clock.advance(KEEP);
        store.calls(StoreMethod::Commit) >= failed + 4
    });
    assert!(store.calls(StoreMethod::Sweep) > 0);
    assert_eq!(outbox.stats().events, 1);
    store.heal();
    wait_until_removed(&outbox, &clock);
    outbox.close().unwrap();
}
