//! The relay itself, between the writer, a pool and a close.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::thread;
use soiree::EventPool;
use soiree_core::codec::{Codec, Raw};
use soiree_core::store::{Claim, ListenerState, Position, StartFrom, Store, SystemClock};
use soiree_core::{BoxError, Event, Listener, ListenerOptions, Observers, Pattern, Retry};
use soiree_engine::Soiree;
use soiree_testkit::model::{Threads, explore};
use soiree_testkit::{ManualPool, ManualTimer, StoreFault, StoreMethod};

use super::{Parts, one_of};
use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::commit_queue::Refusal;
use crate::figures::StoreFigures;
use crate::listener::{DurableListener, Limits, Subscribed, Surroundings};
use crate::relay::{Progress, Relay};
use crate::signals::{Command, waker};
use crate::tail::Tail;

const LIMITS: Limits = Limits {
    in_flight: 2,
    max_parked: 2,
};

/// Counts its calls by event. The first call of the event 2 fails.
#[derive(Default)]
struct Counting {
    calls: Mutex<BTreeMap<u128, usize>>,
}

impl Counting {
    fn calls(&self, id: u128) -> usize {
        self.calls.lock().unwrap().get(&id).copied().unwrap_or(0)
    }
}

impl Listener for Counting {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        let id = u128::from(event.id());
        let mut calls = self.calls.lock().unwrap();
        let call = calls.entry(id).or_default();
        *call += 1;
        match (id, *call) {
            (2, 1) => Err("the first time".into()),
            _ => Ok(()),
        }
    }
}

/// A relay with one listener, and what its deliveries run on.
struct Running {
    event_pool: Arc<dyn Soiree>,
    pool: ManualPool,
    listener: Arc<Counting>,
}

impl Parts {
    /// The relay, which has started, and whose listener is claimed.
    fn relay(&self) -> (Relay, Running) {
        let pool = ManualPool::new();
        let timer = ManualTimer::new();
        let event_pool = EventPool::builder().pool(pool.clone()).timer(timer.clone());
        let event_pool: Arc<dyn Soiree> = Arc::new(event_pool.build().unwrap());
        let codec: Box<dyn Codec> = Box::new(Raw);
        let codecs = Codecs::new(vec![(Pattern::new("a").unwrap(), codec)]);
        let relay = Relay {
            soiree: Arc::downgrade(&event_pool),
            store: Arc::new(self.store.clone()),
            codecs: Arc::new(codecs),
            queue: Arc::clone(&self.queue),
            signals: Arc::clone(&self.signals),
            clock: Clock::new(Arc::new(timer), &SystemClock),
            figures: Arc::new(StoreFigures::new(0, Position::START)),
            tail: Tail::new(Position::START, 8, 1_000),
            is_shared: false,
            sweep_every: Duration::from_secs(1_000),
            limits: LIMITS,
            state: Progress::default(),
        };
        let listener = Arc::new(Counting::default());
        let options = ListenerOptions::new().durable("one");
        let shared = Arc::clone(&listener);
        let address = event_pool.address("a", options, shared).unwrap();
        let signals = Arc::clone(&self.signals);
        let subscribed = Subscribed {
            number: 0,
            name: "one".into(),
            pattern: Pattern::new("a").unwrap(),
            address,
            waker: Box::new(move |position| waker(&signals, 0, position)),
            retry: Some(Retry::fixed(Duration::ZERO, 3)),
            order: None,
            deliveries: None,
            info: Arc::default(),
            has_left: Arc::default(),
        };
        let claim = self.store.claim("one", "a", StartFrom::Oldest).unwrap();
        let Claim::Held(term, progress) = claim else {
            panic!("nobody else is there");
        };
        let around = Surroundings {
            store: &self.store,
            codecs: &relay.codecs,
            queue: &self.queue,
            observers: &Observers::none(),
            tail: &relay.tail,
            now: relay.clock.now(),
            committed: None,
            tries_suspects: false,
            delivers: false,
        };
        let durable = DurableListener::recover(subscribed, term, progress, LIMITS, &around);
        let durable = durable.unwrap_or_else(|(_, error)| panic!("{error}"));
        self.signals.send(Command::Add(Box::new(durable)));
        self.signals.send(Command::Start);
        let running = Running {
            event_pool,
            pool,
            listener,
        };
        (relay, running)
    }
}

/// D3, D5, D7, D18: while events are emitted, delivered, retried and marked, a close begins. What was handled is marked as ended, nothing is
/// handled twice, and nothing that was not handled is marked, also if the store does not take the marks at first.
#[test]
fn deliveries_and_their_marks_race_a_close() {
    explore(|| {
        let parts = Parts::new(8);
        let (relay, running) = parts.relay();
        let (mut writer, mut relays) = (Threads::default(), Threads::default());
        let (mut workers, mut others) = (Threads::default(), Threads::default());
        let faults = one_of(&[0, 0, 1]);
        if faults > 0 {
            let fault = StoreFault::full();
            parts.store.fail_next(StoreMethod::Commit, faults, fault);
        }
        parts.start_writer(&mut writer);
        relays.start(move || drop(relay.run()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (pool, over) = (running.pool.clone(), Arc::clone(&is_over));
        workers.start(move || {
            while !over.load(SeqCst) {
                if !pool.run_next() {
                    thread::yield_now();
                }
            }
        });
        let stored = Arc::new(AtomicUsize::new(0));
        let (emitting, counted) = (parts.clone(), Arc::clone(&stored));
        others.start(move || {
            for id in 1..=3 {
                let ticket = emitting.queue.append(vec![super::record(id)], true);
                let is_stored = ticket.is_ok_and(|ticket| ticket.wait().is_ok());
                counted.fetch_add(usize::from(is_stored), SeqCst);
            }
        });
        let closing = parts.clone();
        others.start(move || {
            closing.queue.refuse(Refusal::Closed);
            closing.signals.send(Command::Stop);
        });
        others.join();
        relays.join();
        parts.queue.close();
        writer.join();
        is_over.store(true, SeqCst);
        workers.join();
        assert_eq!(parts.events(), stored.load(SeqCst));
        assert!(!parts.queue.has_marks(), "the last marks are committed");
        for id in 1..=3 {
            let calls = running.listener.calls(id);
            let Some(record) = parts.store.inner().find(id.into()).unwrap() else {
                assert_eq!(calls, 0, "{id} was not stored");
                continue;
            };
            let state = parts
                .store
                .inner()
                .states(record.position)
                .unwrap()
                .remove(0)
                .1;
            let attempts = if id == 2 { 2 } else { 1 };
            let is_ended = matches!(state, ListenerState::Ended);
            assert_eq!(
                calls == attempts,
                is_ended,
                "{id}: {calls} calls, {state:?}"
            );
            assert!(calls <= attempts, "{id}: {calls} calls");
        }
        drop(running.event_pool);
    });
}
