//! What survives a restart.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::store::{ListenerState, Millis, Parked, ParkedState, Position, WallClock};
use soiree::{
    Event, EventPool, ListenerOptions, Orphans, Outbox, OutboxError, Retry, StartReport,
    StoredEvent, WorkerPool,
};

use crate::support::{
    NUMBERED, Numbered, TIME_LIMIT, builder, counts, event_pool, info, numbered, once, outbox,
    wait_until,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A wall clock that stands still.
struct At(Millis);

impl WallClock for At {
    fn now(&self) -> Millis {
        self.0
    }
}

fn durable(name: &str) -> ListenerOptions {
    ListenerOptions::new().durable(name)
}

fn emit(outbox: &Outbox, number: u64) -> StoredEvent {
    let stored = outbox.emit("numbered", numbered(number)).unwrap();
    stored.event.expect("it is durable")
}

/// A listener that sends the numbers of its events, and then returns `Err` for those that this says.
#[expect(
    clippy::type_complexity,
    reason = "the types of closures have no names"
)]
fn sending(
    fails: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> (
    impl Fn(&Numbered, &dyn Event) -> Result<(), String> + Send + Sync + 'static,
    Receiver<(u64, u32)>,
) {
    let (sender, received) = channel();
    let sender: Mutex<Sender<(u64, u32)>> = Mutex::new(sender);
    let listener = move |payload: &Numbered, event: &dyn Event| {
        let call = (payload.number, event.attempt());
        // The test may have seen enough.
        let _ = sender.lock().unwrap().send(call);
        if fails(payload.number) {
            return Err(format!("no luck with {}", payload.number));
        }
        Ok(())
    };
    (listener, received)
}

fn parked(outbox: &Outbox, event: StoredEvent) -> Parked {
    let status = outbox.event(event.id).unwrap().unwrap();
    match &status.listeners[..] {
        [(_, ListenerState::Parked(parked))] => parked.clone(),
        others => panic!("{others:?}"),
    }
}

/// D7: after a restart an event has the attempts that it had, and is due when it was.
#[test]
fn attempts_and_due_times_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let start = Millis(1_700_000_000_000);
    let at = |wall: Millis| {
        let outbox = builder(&file).wall_clock(At(wall)).build(event_pool());
        let outbox = outbox.unwrap();
        let (listener, received) = sending(|_| true);
        let options = durable("fails").retry(Retry::fixed(HOUR, 3));
        NUMBERED.on_with(&outbox, options, listener).unwrap();
        assert_eq!(outbox.start().unwrap().orphans, [""; 0]);
        (outbox, received)
    };
    let (outbox, received) = at(start);
    let event = emit(&outbox, 1);
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((1, 1)));
    wait_until("the first attempt", || info(&outbox, "fails").retrying == 1);
    outbox.close().unwrap();

    let (outbox, received) = at(start.saturating_add(HOUR / 2));
    let before = parked(&outbox, event);
    assert_eq!((before.attempts, before.state), (1, ParkedState::Retry));
    let error = before.error.as_deref().unwrap();
    assert!(error.ends_with("no luck with 1"), "{error}");
    let due = before.due.since(start);
    assert!(due >= HOUR && due < HOUR + TIME_LIMIT, "{due:?}");
    // An event that is not due holds up no other, and was not called when the other one was.
    let other = emit(&outbox, 2);
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((2, 1)));
    wait_until("the other event", || info(&outbox, "fails").retrying == 2);
    assert_eq!(parked(&outbox, event), before);
    outbox.close().unwrap();
    assert!(received.try_recv().is_err());

    let (outbox, received) = at(before.due.saturating_add(Duration::from_millis(1)));
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((1, 2)));
    wait_until("the second attempt", || {
        parked(&outbox, event).attempts == 2
    });
    assert_eq!(parked(&outbox, other).attempts, 1);
    outbox.close().unwrap();

    let (outbox, received) = at(start.saturating_add(10 * HOUR));
    let mut calls = [(); 2].map(|()| received.recv_timeout(TIME_LIMIT).unwrap());
    calls.sort_unstable();
    assert_eq!(calls, [(1, 3), (2, 2)]);
    wait_until("the dead letter", || {
        info(&outbox, "fails").dead_letters == 1
    });
    wait_until("its row", || {
        parked(&outbox, event).state == ParkedState::Dead
    });
    assert_eq!(parked(&outbox, event).attempts, 3);
    outbox.close().unwrap();
}

/// D15: listeners that are not subscribed any more are named; a listener that is renamed keeps its progress.
#[test]
fn orphans_are_named_renamed_refused_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let subscribed = |outbox: &Outbox, name: &str| {
        let (listener, received) = sending(|_| false);
        NUMBERED.on_with(outbox, durable(name), listener).unwrap();
        received
    };
    let first = outbox(&file);
    let received = subscribed(&first, "old");
    emit(&first, 1);
    first.start().unwrap();
    first.drain(TIME_LIMIT).unwrap();
    first.close().unwrap();
    assert_eq!(received.try_iter().collect::<Vec<_>>(), [(1, 1)]);

    // Renamed in the program alone: the old name is an orphan, and the new one starts with what is emitted from now on.
    let second = outbox(&file);
    emit(&second, 2);
    let received = subscribed(&second, "new");
    let report = second.start().unwrap();
    assert_eq!(
        (&*report.orphans, &*report.new),
        (&["old".into()][..], &["new".into()][..])
    );
    let expected = "listeners that the store keeps events for, and that are not subscribed: old; listeners that it did not know: new; if one was \
                    renamed: before it is subscribed in the next run, call `remove_listener` with its new name, and `rename_listener`";
    assert_eq!(report.to_string(), expected);
    assert!(info(&second, "old").is_orphan);
    assert!(!info(&second, "new").is_orphan);
    emit(&second, 3);
    second.drain(TIME_LIMIT).unwrap();
    second.close().unwrap();
    assert_eq!(received.try_iter().collect::<Vec<_>>(), [(3, 1)]);

    let refusing = builder(&file).orphans(Orphans::Reject);
    let refusing = refusing.build(event_pool()).unwrap();
    let _received = subscribed(&refusing, "new");
    let refused = refusing.start().unwrap_err();
    assert!(matches!(&refused, OutboxError::Orphans { found, .. } if found.orphans == ["old"]));
    assert!(refused.to_string().contains("old"), "{refused}");
    refusing.close().unwrap();

    // What the report says: the new name gets what the old one had not handled, and nothing else.
    let third = outbox(&file);
    assert!(!third.rename_listener("nobody", "renamed").unwrap());
    assert!(!third.rename_listener("old", "new").unwrap());
    assert!(third.remove_listener("new").unwrap());
    assert!(third.rename_listener("old", "new").unwrap());
    let received = subscribed(&third, "new");
    assert_eq!(third.start().unwrap(), StartReport::default());
    third.drain(TIME_LIMIT).unwrap();
    third.close().unwrap();
    assert_eq!(counts(received.try_iter().map(|call| call.0)), once([2, 3]));

    let removing = builder(&file).orphans(Orphans::Remove);
    let removing = removing.build(event_pool()).unwrap();
    let _received = subscribed(&removing, "newest");
    assert_eq!(removing.start().unwrap().orphans, [""; 0]);
    let names = removing.listeners();
    let names: Vec<&str> = names.iter().map(|info| &*info.name).collect();
    assert_eq!(names, ["newest"]);
    removing.close().unwrap();
}

/// D5, D18: a close in the middle ends what runs and leaves the rest, what waits in a pool included; nothing is lost, and nothing is
/// delivered twice.
#[test]
fn a_clean_close_delivers_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (sender, received) = channel();
    let sender = Arc::new(Mutex::new(sender));
    let gate = Arc::new(AtomicBool::new(false));
    let started = Arc::new(AtomicUsize::new(0));
    let open = || {
        let pool = EventPool::with_pool(WorkerPool::new(2, 100).unwrap());
        let outbox = builder(&file).in_flight(5).build(pool).unwrap();
        let (sender, gate) = (Arc::clone(&sender), Arc::clone(&gate));
        let started = Arc::clone(&started);
        let listener = move |payload: &Numbered, _: &dyn Event| {
            started.fetch_add(1, Ordering::SeqCst);
            wait_until("the gate", || gate.load(Ordering::SeqCst));
            sender.lock().unwrap().send(payload.number).unwrap();
        };
        NUMBERED.on_with(&outbox, durable("one"), listener).unwrap();
        outbox
    };
    let first = open();
    first.start().unwrap();
    for number in 1..=100 {
        emit(&first, number);
    }
    wait_until("a full window, and two that run", || {
        info(&first, "one").in_flight == 5 && started.load(Ordering::SeqCst) == 2
    });
    let closing = first.clone();
    let closing = std::thread::spawn(move || closing.close());
    wait_until("what waits in the pool to be given back", || {
        info(&first, "one").in_flight == 2
    });
    gate.store(true, Ordering::SeqCst);
    closing.join().unwrap().unwrap();
    let before: Vec<u64> = received.try_iter().collect();
    assert_eq!(counts(before.iter().copied()), once(1..=2));

    let second = open();
    second.start().unwrap();
    second.drain(TIME_LIMIT).unwrap();
    let figures = info(&second, "one");
    assert_eq!(figures.done as usize, 98);
    second.close().unwrap();
    let third = open();
    third.start().unwrap();
    third.drain(TIME_LIMIT).unwrap();
    third.close().unwrap();
    let all = before.into_iter().chain(received.try_iter());
    assert_eq!(counts(all), once(1..=100));
}

/// D15, D18: a drain ends everything, and what has ended goes once it was kept for long enough.
#[test]
fn a_drain_empties_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let outbox = builder(&file).keep(Duration::ZERO).build(event_pool());
    let outbox = outbox.unwrap();
    let (listener, received) = sending(|_| false);
    NUMBERED.on_with(&outbox, durable("one"), listener).unwrap();
    for number in 1..=50 {
        emit(&outbox, number);
    }
    assert!(outbox.drain(Duration::from_millis(1)).is_err());
    outbox.start().unwrap();
    outbox.drain(TIME_LIMIT).unwrap();
    let numbers = received.try_iter().map(|call| call.0);
    assert_eq!(counts(numbers), once(1..=50));
    wait_until("the sweep", || outbox.stats().events == 0);
    outbox.close().unwrap();
    let rows = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM soiree_{table}");
        let connection = crate::support::read_tables(&file);
        connection.query_row(&sql, (), |row| row.get(0)).unwrap()
    };
    assert_eq!(["event", "done", "parked"].map(rows), [0, 0, 0]);

    // A position is never given twice: what is emitted now is above the floor.
    let outbox = self::outbox(&file);
    let (listener, received) = sending(|_| false);
    NUMBERED.on_with(&outbox, durable("one"), listener).unwrap();
    outbox.start().unwrap();
    assert_eq!(emit(&outbox, 51).position, Position(51));
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((51, 1)));
    outbox.close().unwrap();
}

/// D8: dead letters survive a restart with their bytes, error and attempts, and are redriven or discarded by name.
#[test]
fn dead_letters_are_listed_redriven_and_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let file: &Path = &folder.path().join("events.db");
    let works = Arc::new(AtomicBool::new(false));
    let open = || {
        let outbox = outbox(file);
        let works = Arc::clone(&works);
        let (listener, received) =
            sending(move |number| number <= 4 && !works.load(Ordering::SeqCst));
        let options = durable("fails").retry(Retry::fixed(Duration::ZERO, 2));
        NUMBERED.on_with(&outbox, options, listener).unwrap();
        outbox.start().unwrap();
        (outbox, received)
    };
    let (outbox, received) = open();
    let events: Vec<StoredEvent> = (1..=5).map(|number| emit(&outbox, number)).collect();
    outbox.drain(TIME_LIMIT).unwrap();
    assert_eq!(received.try_iter().count(), 4 * 2 + 1);
    outbox.close().unwrap();

    let (outbox, received) = open();
    outbox.drain(TIME_LIMIT).unwrap();
    assert!(received.try_recv().is_err());
    assert_eq!(info(&outbox, "fails").dead_letters, 4);
    let dead = outbox.dead_letters("fails", Position::START, 3).unwrap();
    assert_eq!(dead.len(), 3);
    let rest = outbox.dead_letters("fails", dead[2].record.position, 3);
    let dead: Vec<_> = dead.into_iter().chain(rest.unwrap()).collect();
    for (dead, event) in dead.iter().zip(&events) {
        let payload: Numbered = serde_json::from_slice(&dead.record.event.payload).unwrap();
        assert_eq!(dead.record.event.id, event.id);
        assert_eq!((dead.parked.attempts, dead.parked.crashes), (2, 0));
        let error = dead.parked.error.as_deref().unwrap();
        let end = format!("no luck with {}", payload.number);
        assert!(error.ends_with(&end), "{error}");
    }
    assert_eq!(dead.len(), 4);

    works.store(true, Ordering::SeqCst);
    assert!(outbox.discard("fails", events[0].id).unwrap());
    assert!(!outbox.discard("fails", events[0].id).unwrap());
    assert!(!outbox.redrive("fails", events[0].id).unwrap());
    assert!(outbox.redrive("fails", events[1].id).unwrap());
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((2, 1)));
    assert!(!outbox.redrive("fails", events[4].id).unwrap());
    let fourth = events[3].id;
    let redriven = outbox.redrive_all("fails", |dead| dead.record.event.id == fourth);
    assert_eq!(redriven.unwrap(), 1);
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((4, 1)));
    outbox.drain(TIME_LIMIT).unwrap();
    assert_eq!(info(&outbox, "fails").dead_letters, 1);
    outbox.close().unwrap();

    let (outbox, received) = open();
    assert_eq!(outbox.redrive_all("fails", |_| true).unwrap(), 1);
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok((3, 1)));
    outbox.drain(TIME_LIMIT).unwrap();
    let dead = outbox.dead_letters("fails", Position::START, 10).unwrap();
    assert!(dead.is_empty(), "{dead:?}");
    outbox.close().unwrap();
    assert!(received.try_recv().is_err());
}
