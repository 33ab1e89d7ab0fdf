//! The processes of a history, one after another, on the same medium.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::store::{Millis, StartFrom};
use soiree::{EventPool, ListenerId, Outbox, WorkerPool};
use soiree_testkit::{FaultyStore, ManualClock};

use super::Medium;
use super::emits::Unsure;
use super::oracle::{KEEP, Oracle, Rest};
use super::script::{Call, LISTENERS, Script, Scripted, subscribe};
use super::step::Open;

/// Far longer than any of these takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// Some day in 2026, in milliseconds.
const FIRST_DAY: i64 = 1_790_000_000_000;

pub(crate) struct World<M: Medium> {
    medium: M,
    pub(crate) clock: ManualClock,
    pub(crate) wall: i64,
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) oracle: Oracle,
    pub(crate) process: Option<Process<M>>,
    pub(crate) open: Open,
    /// The number of the next event.
    pub(crate) next: u32,
    /// Emits of the process before that failed.
    pub(crate) unsure: Vec<Unsure>,
    /// All calls of the steps before.
    pub(crate) past: Vec<Call>,
    /// What the store has may be less than what has happened.
    pub(crate) was_killed: bool,
}

pub(crate) struct Process<M: Medium> {
    pub(crate) outbox: Outbox,
    pub(crate) store: FaultyStore<M::Store>,
    pub(crate) ids: [Option<ListenerId>; LISTENERS],
    /// The time of the outbox.
    pub(crate) now: i64,
    pub(crate) is_started: bool,
    /// Where listeners start that the store does not know.
    starts_from_oldest: bool,
    event_pool: EventPool,
}

impl<M: Medium> World<M> {
    pub(crate) fn new(open: &Open) -> Self {
        Self {
            medium: M::create(),
            clock: ManualClock::at(Millis(FIRST_DAY)),
            wall: FIRST_DAY,
            script: Arc::new(Mutex::new(Script::new())),
            oracle: Oracle::new(),
            process: None,
            open: open.clone(),
            next: 1,
            unsure: Vec::new(),
            past: Vec::new(),
            was_killed: false,
        }
    }

    pub(crate) fn running(&self) -> &Process<M> {
        self.process.as_ref().expect("a process runs")
    }

    /// Starts a process. It may end at once.
    pub(crate) fn open(&mut self) {
        let store = FaultyStore::new(self.medium.process());
        let pool = WorkerPool::new(4, 1_000).unwrap();
        let event_pool = EventPool::builder()
            .pool(pool)
            .timer(self.clock.timer())
            // Otherwise those of killed processes are printed.
            .error_handler(|_, error| Some(error))
            .build()
            .unwrap();
        let start_from = match self.open.oldest {
            true => StartFrom::Oldest,
            false => StartFrom::Now,
        };
        let outbox = Outbox::builder(store.clone())
            .codec("kept.*", Scripted)
            .codec("also.**", Scripted)
            .in_flight(self.open.in_flight)
            .keep(Duration::from_millis(KEEP as u64))
            .start_from(start_from)
            .wall_clock(self.clock.clone())
            .build(event_pool.clone())
            .unwrap();
        self.process = Some(Process {
            outbox,
            store,
            ids: Default::default(),
            now: self.wall,
            is_started: false,
            starts_from_oldest: self.open.oldest,
            event_pool,
        });
        self.oracle.latest = self.oracle.latest.max(self.wall);
        self.adopt();
        for index in 0..LISTENERS {
            if self.open.subscribed[index] {
                self.subscribe(index);
            }
        }
        if self.open.started {
            self.start();
        }
        self.rest(0);
    }

    pub(crate) fn start(&mut self) {
        let listeners = self.oracle.listeners.iter();
        let mut orphans: Vec<String> = listeners
            .filter(|listener| listener.is_known && !listener.is_subscribed)
            .map(|listener| listener.name.clone())
            .collect();
        orphans.sort();
        let process = self.process.as_mut().expect("a process runs");
        assert_eq!(process.outbox.start().unwrap().orphans, orphans);
        process.is_started = true;
    }

    pub(crate) fn subscribe(&mut self, index: usize) {
        if self.oracle.listeners[index].is_subscribed {
            return;
        }
        let name = self.oracle.listeners[index].name.clone();
        let process = self.process.as_ref().expect("a process runs");
        // It may be leaving still.
        let id = wait_for("the name to be free", || {
            let subscribed = subscribe(&process.outbox, index, &name, &self.script, &process.store);
            match subscribed {
                Err(soiree::SubscribeError::DurableNameTaken { .. }) => Err(name.clone()),
                other => Ok(other.unwrap()),
            }
        });
        let (now, from_oldest) = (process.now, process.starts_from_oldest);
        self.process.as_mut().expect("a process runs").ids[index] = Some(id);
        if !self.oracle.listeners[index].is_known {
            // From now on nothing is removed that the listener has not handled.
            self.find_swept();
            self.oracle.introduce(index, from_oldest);
        }
        self.oracle.claim(index, now);
    }

    /// Waits until everything has happened that is to happen. Times may be later by so many milliseconds.
    pub(crate) fn rest(&mut self, late: i64) {
        let Some(process) = &self.process else {
            return;
        };
        if !process.is_started {
            return;
        }
        let moods = self.script.lock().unwrap().moods;
        let now = process.now;
        let store = process.store.clone();
        let before = self.oracle.listeners.clone();
        match self.oracle.settle(&moods, now) {
            Rest::Killed => {
                wait_for("a listener to end the process", || match store.is_cut() {
                    true => Ok(()),
                    false => Err(String::from("it runs")),
                });
                self.oracle.listeners = before;
                self.kill();
            }
            Rest::After(calls) => {
                let is_cut = wait_for("the outbox to do what it must", || {
                    self.clock.advance(Duration::ZERO);
                    match store.is_cut() {
                        true => Ok(true),
                        false => self.agrees(&calls, late).map(|()| false),
                    }
                });
                if is_cut {
                    self.oracle.listeners = before;
                    self.kill();
                } else {
                    self.remember_calls();
                }
            }
        }
    }

    pub(crate) fn remember_calls(&mut self) {
        let calls = std::mem::take(&mut self.script.lock().unwrap().calls);
        self.past.extend(calls);
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let process = self.process.take().expect("a process runs");
        process.store.cut();
        drop(process.outbox);
        // What its threads still do reaches the store no more.
        let _ = process.event_pool.close();
        M::kill(process.store.inner());
        self.ended();
        self.was_killed = true;
    }

    /// Nobody is subscribed any more.
    pub(crate) fn ended(&mut self) {
        self.remember_calls();
        for listener in &mut self.oracle.listeners {
            listener.is_subscribed = false;
        }
    }
}

/// Waits until there is a value. The error says why there is none.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(start.elapsed() < LIMIT, "waited for {what}: {instead}"),
        }
        thread::yield_now();
    }
}
