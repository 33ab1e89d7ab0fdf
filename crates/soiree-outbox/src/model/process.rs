//! A process: a relay with one durable listener, its writer, and the pool that its deliveries run on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use soiree::EventPool;
use soiree_core::codec::{Codec, Raw};
use soiree_core::store::{Claim, StartFrom, Store, SystemClock, Term};
use soiree_core::{KeyOrder, ListenerOptions, Observers, Pattern, Pool, Retry};
use soiree_engine::Soiree;
use soiree_testkit::model::Threads;
use soiree_testkit::{ManualPool, ManualTimer, MemoryStore};

use super::ledger::{Accounted, Calls, End, Ledger, key};
use super::{Parts, one_of};
use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::commit_queue::Refusal;
use crate::figures::StoreFigures;
use crate::info::DurableInfo;
use crate::listener::{DurableListener, Limits, Subscribed, Surroundings};
use crate::relay::{Progress, Relay};
use crate::signals::{Command, waker};
use crate::tail::Tail;

/// After which time a call is repeated, and how much time passes at once.
const MOMENT: Duration = Duration::from_secs(1);
/// Longer than a scenario takes.
const NEVER: Duration = Duration::from_secs(1 << 30);
const LISTENER: u64 = 0;

#[derive(Clone)]
pub(super) struct Process {
    pub(super) parts: Parts,
    ledger: Arc<Ledger>,
    event_pool: Arc<dyn Soiree>,
    pool: ManualPool,
    timer: ManualTimer,
    info: Arc<Mutex<DurableInfo>>,
    has_left: Arc<AtomicBool>,
    calls: Arc<Calls>,
    /// How many calls may begin in all.
    most_calls: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

/// The threads of a process.
pub(super) struct Running {
    process: Process,
    relay: Threads,
    /// Those that the relay held when it ended.
    claims: Receiver<Vec<Term>>,
    writer: Threads,
    workers: Threads,
}

impl Process {
    pub(super) fn new(medium: &MemoryStore, ledger: &Arc<Ledger>) -> Self {
        let (pool, timer) = (ManualPool::new(), ManualTimer::new());
        let event_pool = EventPool::builder()
            .pool(pool.clone())
            .timer(timer.clone())
            .error_handler(|_, error| Some(error));
        Self {
            parts: Parts::on(medium.another_process(), 8),
            ledger: Arc::clone(ledger),
            event_pool: Arc::new(event_pool.build().unwrap()),
            pool,
            timer,
            info: Arc::default(),
            has_left: Arc::default(),
            calls: Arc::default(),
            most_calls: Arc::new(AtomicUsize::new(usize::MAX)),
            is_over: Arc::default(),
        }
    }

    /// Starts to deliver, as soon as no other process holds the listener. If it is shared with others, it looks for what they do all the
    /// time, and sweeps; otherwise only retries happen because time passes.
    pub(super) fn start(&self, is_shared: bool) -> Running {
        let (mut threads, mut writer) = (Threads::default(), Threads::default());
        let mut workers = Threads::default();
        let relay = self.relay(is_shared);
        self.claim(&relay);
        self.parts.signals.send(Command::Start);
        self.parts.start_writer(&mut writer);
        let (sender, claims) = channel();
        let signals = Arc::clone(&self.parts.signals);
        threads.start(move || {
            sender.send(relay.run()).unwrap();
            signals.end();
        });
        for _ in 0..2 {
            let process = self.clone();
            workers.start(move || {
                while !process.is_over.load(SeqCst) {
                    if !process.pool.run_next() {
                        process.idle();
                    }
                }
            });
        }
        Running {
            process: self.clone(),
            relay: threads,
            claims,
            writer,
            workers,
        }
    }

    fn relay(&self, is_shared: bool) -> Relay {
        let parts = &self.parts;
        let codec: Box<dyn Codec> = Box::new(Raw);
        Relay {
            soiree: Arc::downgrade(&self.event_pool),
            store: Arc::new(parts.store.clone()),
            codecs: Arc::new(Codecs::new(vec![(Pattern::new("a").unwrap(), codec)])),
            queue: Arc::clone(&parts.queue),
            signals: Arc::clone(&parts.signals),
            clock: Clock::new(Arc::new(self.timer.clone()), &SystemClock),
            figures: Arc::new(StoreFigures::new(0, parts.last)),
            tail: Tail::new(parts.last, 8, 1_000),
            is_shared,
            sweep_every: if is_shared { MOMENT } else { NEVER },
            limits: Limits {
                in_flight: 2,
                max_parked: one_of(&[2, 8]),
            },
            state: Progress::default(),
        }
    }

    /// Adds the listener to the relay, which waits for it if another process holds it.
    fn claim(&self, relay: &Relay) {
        let parts = &self.parts;
        let listener = Accounted {
            ledger: Arc::clone(&self.ledger),
            store: parts.store.clone(),
            calls: Arc::clone(&self.calls),
        };
        let options = ListenerOptions::new().durable("one");
        let address = self.event_pool.address("a", options, Arc::new(listener));
        let signals = Arc::clone(&parts.signals);
        let subscribed = Subscribed {
            number: LISTENER,
            name: "one".into(),
            pattern: Pattern::new("a").unwrap(),
            address: address.unwrap(),
            waker: Box::new(move |position| waker(&signals, LISTENER, position)),
            retry: Some(Retry::fixed(MOMENT, 3)),
            order: Some(KeyOrder::by(|event| key(event.id().into()))),
            deliveries: None,
            info: Arc::clone(&self.info),
            has_left: Arc::clone(&self.has_left),
        };
        let claim = parts.store.claim("one", "a", StartFrom::Oldest).unwrap();
        let Claim::Held(term, progress) = claim else {
            return parts.signals.send(Command::Wait(Box::new(subscribed)));
        };
        let around = Surroundings {
            store: &parts.store,
            codecs: &relay.codecs,
            queue: &parts.queue,
            observers: &Observers::none(),
            tail: &Tail::new(progress.begun.max(progress.floor).next(), 0, 0),
            now: relay.clock.now(),
            committed: None,
            tries_suspects: false,
            delivers: false,
        };
        let listener = DurableListener::recover(subscribed, term, progress, relay.limits, &around);
        let listener = listener.unwrap_or_else(|(_, error)| panic!("{error}"));
        parts.signals.send(Command::Add(Box::new(listener)));
    }

    /// The pool has nothing to do. Seldom, time passes.
    fn idle(&self) {
        if thread_rng().gen_ratio(1, 16) {
            self.timer.advance(MOMENT);
        }
        thread::yield_now();
    }

    /// Waits until everything that is stored was handled.
    pub(super) fn drain(&self) {
        let (sender, drained) = channel();
        self.parts.signals.send(Command::Drained(sender));
        while drained.try_recv() == Err(TryRecvError::Empty) {
            thread::yield_now();
        }
    }

    /// Removes the listener.
    pub(super) fn remove_listener(&self) {
        self.parts.signals.send(Command::Remove(LISTENER));
    }

    /// Waits until the listener that was removed has ended, and its claim too.
    pub(super) fn wait_until_left(&self) {
        while !self.has_left.load(SeqCst) {
            thread::yield_now();
        }
    }

    /// How many events were tried again since they may have ended a process.
    pub(super) fn tried_after_crashes(&self) -> usize {
        let tried = self.info.lock().unwrap().after_crashes;
        tried.try_into().unwrap()
    }

    /// Begins to end. [`Running::end`] waits for it.
    pub(super) fn end(&self, how: End) {
        let (store, signals) = (&self.parts.store, &self.parts.signals);
        if how == End::Killed {
            store.cut();
            store.inner().crash();
            self.ledger.ended(how);
        }
        self.parts.queue.refuse(Refusal::Closed);
        if how == End::Dropped {
            assert!(signals.abandon(), "it has not ended before");
            return;
        }
        signals.send(Command::Stop);
        if one_of(&[true, false]) {
            self.note_calls_that_may_begin();
        }
        if how != End::Closed {
            signals.send(Command::Abandon);
        }
    }

    /// From now on nothing is called but what threads of the pool have taken.
    fn note_calls_that_may_begin(&self) {
        let signals = &self.parts.signals;
        self.wait_until_taken();
        // When it takes this, it has obeyed what it took before.
        signals.wake();
        self.wait_until_taken();
        // The jobs of the calls that run are among those that are taken.
        let most = self.calls.ended.load(SeqCst) + self.pool.stats().running;
        self.most_calls.store(most, SeqCst);
    }

    fn wait_until_taken(&self) {
        while !self.parts.signals.are_taken() {
            thread::yield_now();
        }
    }
}

impl Running {
    /// Waits for the threads, and does what a close does meanwhile, unless the outbox was dropped.
    pub(super) fn end(self, how: End) {
        let process = self.process;
        self.relay.join();
        if how != End::Dropped {
            process.parts.queue.close();
        }
        self.writer.join();
        let claims = self.claims.try_recv().unwrap();
        for term in claims.iter().filter(|_| how != End::Dropped) {
            let _ = process.parts.store.release(term);
        }
        process.is_over.store(true, SeqCst);
        self.workers.join();
        let (begun, most) = (&process.calls.begun, &process.most_calls);
        assert!(begun.load(SeqCst) <= most.load(SeqCst), "it starts more");
    }
}
