//! The hand-over between emitters, the writer and the relay, under a model checker: `cargo xtask model`.

mod failing_store;
mod ledger;
mod process;
mod relay;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use soiree_core::store::{
    Appended, Claim, Marks, Millis, NewRecord, Position, StartFrom, Store, SystemClock, Term,
};
use soiree_core::{EventId, Properties};
use soiree_engine::NotStored;
use soiree_testkit::model::{Threads, explore};
use soiree_testkit::{FaultyStore, ManualTimer, MemoryStore};

use crate::clock::Clock;
use crate::commit_queue::{CommitQueue, QueueLimit, Refusal, Rejected};
use crate::figures::StoreFigures;
use crate::signals::{Command, Signals, waker};
use crate::writer::Writer;

/// A store, and what stands between emitters and it.
#[derive(Clone)]
struct Parts {
    store: FaultyStore<MemoryStore>,
    /// The end of the log when the store was opened.
    last: Position,
    queue: Arc<CommitQueue>,
    signals: Arc<Signals>,
}

impl Parts {
    fn new(capacity: usize) -> Self {
        Self::on(MemoryStore::new(), capacity)
    }

    fn on(store: MemoryStore, capacity: usize) -> Self {
        let store = FaultyStore::new(store);
        let last = store.open().unwrap().last;
        Self {
            store,
            last,
            queue: Arc::new(CommitQueue::new(QueueLimit {
                events: capacity,
                bytes: usize::MAX,
            })),
            signals: Arc::default(),
        }
    }

    fn start_writer(&self, threads: &mut Threads) {
        let writer = Writer {
            store: Arc::new(self.store.clone()),
            queue: Arc::clone(&self.queue),
            signals: Arc::clone(&self.signals),
            clock: Clock::new(Arc::new(ManualTimer::new()), &SystemClock),
            figures: Arc::new(StoreFigures::new(0, self.last)),
            last: self.last,
            max_events: 100,
            keep: Duration::ZERO,
            since_sweep: 0,
            pause: None,
            counted_at: None,
            looked_at: None,
        };
        threads.start(move || writer.run());
    }

    /// Whether the event is stored when this returns. An answer comes once.
    fn emit(&self, id: u128, may_wait: bool) -> bool {
        match self.queue.append(vec![record(id)], may_wait) {
            Ok(ticket) => {
                let appended = ticket.wait().unwrap();
                assert!(matches!(appended[..], [Appended::New(_)]), "{appended:?}");
                assert!(self.has(id), "it is answered, so it is committed");
                true
            }
            Err(Rejected::Closed | Rejected::NotStored(NotStored::QueueFull { .. })) => {
                assert!(!self.has(id));
                false
            }
            Err(Rejected::NotStored(error)) => panic!("{error}"),
        }
    }

    fn has(&self, id: u128) -> bool {
        let found = self.store.inner().find(EventId::from(id));
        found.unwrap().is_some()
    }

    fn events(&self) -> usize {
        usize::try_from(self.store.inner().size().unwrap().events).unwrap()
    }

    fn claim(&self) -> Term {
        match self.store.claim("one", "**", StartFrom::Oldest).unwrap() {
            Claim::Held(term, _) => term,
            Claim::Elsewhere => panic!("nobody else is there"),
        }
    }

    /// The floor that the store knows.
    fn floor(&self) -> Position {
        self.store.inner().listeners().unwrap()[0].floor
    }

    /// As a relay that waits for this mark to be committed.
    fn wait_for_marks(&self, generation: u64) {
        let mut committed = None;
        while committed < Some(generation) {
            committed = committed.max(self.signals.take().committed);
        }
    }
}

fn record(id: u128) -> NewRecord {
    NewRecord {
        id: EventId::from(id),
        topic: "a".into(),
        codec: "raw".into(),
        payload: Vec::new(),
        properties: Properties::new(),
        emitted_at: Millis(0),
    }
}

fn floor(term: &Term, at: u64) -> Marks {
    let mut marks = Marks::new(term.clone());
    marks.floor = Some(Position(at));
    marks
}

fn one_of<T: Copy>(choices: &[T]) -> T {
    choices[thread_rng().gen_range(0..choices.len())]
}

/// D1, D2, D18: an emit that races a close is stored and answered once, or rejected and not stored; the writer ends after the last one.
#[test]
fn emitting_races_a_close() {
    explore(|| {
        let parts = Parts::new(8);
        let (mut threads, stored) = (Threads::default(), Arc::new(AtomicUsize::new(0)));
        parts.start_writer(&mut threads);
        for emitter in 0..2 {
            let (parts, stored) = (parts.clone(), Arc::clone(&stored));
            threads.start(move || {
                for number in 0..2 {
                    let is_stored = parts.emit(emitter * 10 + number + 1, true);
                    stored.fetch_add(usize::from(is_stored), SeqCst);
                }
            });
        }
        parts.queue.refuse(Refusal::Closed);
        parts.queue.close();
        threads.join();
        assert_eq!(parts.events(), stored.load(SeqCst));
        assert_eq!(parts.queue.queued_events(), 0);
        assert!(!parts.emit(99, true));
    });
}

/// D1: a task that waits for its commit is woken, and one that has stopped waiting takes nobody else's answer.
#[test]
fn tasks_that_wait_or_stop_waiting_race_the_writer() {
    explore(|| {
        let parts = Parts::new(8);
        let mut threads = Threads::default();
        parts.start_writer(&mut threads);
        let mut emitters = Threads::default();
        for id in 1..=3 {
            let parts = parts.clone();
            emitters.start(move || {
                let ticket = parts.queue.append(vec![record(id)], true);
                let mut ticket = ticket.unwrap_or_else(|_| panic!("it is open"));
                if id == 3 {
                    thread::yield_now();
                    return drop(ticket);
                }
                let appended = block_on(poll_fn(|context| ticket.poll(context)));
                assert!(matches!(appended.unwrap()[..], [Appended::New(_)]));
                assert!(parts.has(id));
            });
        }
        emitters.join();
        parts.queue.close();
        threads.join();
        assert!(parts.has(1) && parts.has(2));
        assert_eq!(parts.queue.queued_events(), 0);
    });
}

/// D12: emits that must not wait find room for as many as the queue holds.
#[test]
fn the_queue_holds_no_more_than_its_capacity() {
    explore(|| {
        let parts = Parts::new(1);
        let (mut threads, stored) = (Threads::default(), Arc::new(AtomicUsize::new(0)));
        let mut emitters = Threads::default();
        for id in 1..=3 {
            let (parts, stored) = (parts.clone(), Arc::clone(&stored));
            emitters.start(move || {
                assert!(parts.queue.queued_events() <= 1);
                stored.fetch_add(usize::from(parts.emit(id, false)), SeqCst);
            });
        }
        parts.start_writer(&mut threads);
        emitters.join();
        parts.queue.close();
        threads.join();
        assert!(stored.load(SeqCst) >= 1);
        assert_eq!(parts.events(), stored.load(SeqCst));
    });
}

/// D3: the relay gets every event, in order and not later than whatever its emitter says after the emit. It sleeps through nothing.
#[test]
fn the_relay_falls_asleep_while_others_wake_it() {
    explore(|| {
        let parts = Parts::new(8);
        let mut threads = Threads::default();
        parts.start_writer(&mut threads);
        let mut emitters = Threads::default();
        for id in 1..=2 {
            let parts = parts.clone();
            emitters.start(move || {
                assert!(parts.emit(id, true));
                parts.signals.send(Command::Remove(id as u64));
            });
        }
        let (mut seen, mut commands) = (Vec::new(), 0);
        while commands < 2 {
            let raised = parts.signals.take();
            seen.extend(raised.appended);
            for command in raised.commands {
                let Command::Remove(id) = command else {
                    panic!("nobody else says anything");
                };
                let id = EventId::from(u128::from(id));
                assert!(seen.iter().any(|record| record.event.id == id));
                commands += 1;
            }
        }
        let positions: Vec<u64> = seen.iter().map(|record| record.position.0).collect();
        assert_eq!(positions, [1, 2]);
        emitters.join();
        parts.queue.close();
        threads.join();
    });
}

/// D18: a delivery that ends while the outbox closes is waited for, and what became of it is in the store after the close.
#[test]
fn a_delivery_that_ends_races_a_close() {
    explore(|| {
        let parts = Parts::new(8);
        let term = parts.claim();
        let (mut threads, mut others) = (Threads::default(), Threads::default());
        parts.start_writer(&mut threads);
        for position in 1..=2 {
            let waker = waker(&parts.signals, 1, Position(position));
            others.start(move || waker.wake());
        }
        let closing = parts.clone();
        others.start(move || {
            closing.queue.refuse(Refusal::Closed);
            closing.signals.send(Command::Stop);
        });
        // As the relay does: it ends once nothing runs.
        let (mut ended, mut is_stopping) = (0, false);
        while ended < 2 || !is_stopping {
            let raised = parts.signals.take();
            is_stopping |= !raised.commands.is_empty();
            for _ in raised.ended {
                ended += 1;
                parts.queue.mark(floor(&term, ended), true);
            }
        }
        let mut clean = Marks::new(term);
        clean.clean = Some(true);
        parts.queue.mark(clean, one_of(&[true, false]));
        parts.queue.close();
        others.join();
        threads.join();
        assert_eq!(parts.floor(), Position(2));
    });
}

/// D9: a listener that may not start an event yet is woken once it may.
#[test]
fn a_start_that_has_to_be_written_down_first_races_an_emit() {
    explore(|| {
        let parts = Parts::new(8);
        let begun = parts.queue.add_begun(parts.claim(), Position::START);
        let mut threads = Threads::default();
        parts.start_writer(&mut threads);
        let (emitting, is_answered) = (parts.clone(), Arc::new(AtomicBool::new(false)));
        let answered = Arc::clone(&is_answered);
        threads.start(move || {
            assert!(emitting.emit(1, true));
            answered.store(true, SeqCst);
        });
        let mut last = Position::START;
        // As the relay does: it wants further, looks, and sleeps until something happens.
        loop {
            let raised = parts.signals.take();
            last = raised
                .appended
                .back()
                .map_or(last, |record| record.position);
            begun.want(Position(last.0 + 1));
            if last == Position(1) {
                if begun.committed() >= last {
                    break;
                }
                parts.queue.hurry();
            }
        }
        parts.queue.close();
        threads.join();
        assert!(is_answered.load(SeqCst));
    });
}
