//! The one thread that delivers: hands events of the log to the listeners, and what became of them to the writer.

mod claims;
mod ending;
mod suspects;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::time::Duration;

use soiree_core::store::{Limit, Millis, Position, Store, StoreError, Term};
use soiree_core::{Observers, StoreFailed, TimerId};
use soiree_engine::Soiree;

use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::commit_queue::CommitQueue;
use crate::figures::StoreFigures;
use crate::listener::{DurableListener, Limits, Number, Subscribed, Surroundings};
use crate::signals::{Command, Signals, State};
use crate::tail::Tail;

/// How often a listener is claimed that another process holds.
const CLAIM_AGAIN: Duration = Duration::from_millis(200);
/// How long after others may have changed the store redriven events are looked for.
const REDRIVEN: Duration = Duration::from_secs(1);
/// How long a listener waits whose store cannot be read.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// The shortest time before a sweep that failed is tried again.
const SWEEP_AGAIN: Duration = Duration::from_secs(1);
const CATCH_UP: Limit = Limit {
    records: 512,
    bytes: 4 << 20,
};

pub(crate) struct Relay {
    pub(crate) soiree: Weak<dyn Soiree>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) codecs: Arc<Codecs>,
    pub(crate) queue: Arc<CommitQueue>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) clock: Clock,
    pub(crate) figures: Arc<StoreFigures>,
    pub(crate) tail: Tail,
    pub(crate) is_shared: bool,
    pub(crate) sweep_every: Duration,
    pub(crate) limits: Limits,
    pub(crate) state: Progress,
}

/// A listener that was removed and has ended. Its claim ends once the marks of this generation are committed.
struct Leaving {
    term: Term,
    generation: u64,
    has_left: Arc<AtomicBool>,
}

/// The event that is tried of those that may have ended the process.
struct Trial {
    listener: Number,
    position: Position,
    /// Until when it is the only one.
    until: Millis,
}

/// How far the relay has come itself.
#[derive(Default)]
pub(crate) struct Progress {
    listeners: BTreeMap<Number, DurableListener>,
    /// Those of the event pool, each time the relay wakes.
    observers: Observers,
    /// Listeners that another process holds.
    elsewhere: BTreeMap<Number, Subscribed>,
    trial: Option<Trial>,
    /// The listener that may try one now.
    tries: Option<Number>,
    /// How many were tried.
    trials: u64,
    /// Listeners that were removed, and whose last marks are not committed yet.
    leaving: Vec<Leaving>,
    committed: Option<u64>,
    /// The generation of the last marks that were handed to the writer.
    marked: Option<u64>,
    has_started: bool,
    is_stopping: bool,
    is_abandoned: bool,
    has_failed: bool,
    /// When what is done may be swept, if there is something.
    sweep_at: Option<Millis>,
    /// Something has ended since `sweep_at` was set, and may be too young then.
    sweeps_again: bool,
    claim_at: Option<Millis>,
    read_at: Option<Millis>,
    /// When to look for dead events that others may have redriven.
    redriven_at: Option<Millis>,
    /// Why the end of the log cannot be read, and why a listener cannot be claimed.
    unread: Option<Arc<StoreError>>,
    unclaimed: Option<Arc<StoreError>>,
    drained: Vec<Sender<()>>,
    armed: Option<(Millis, TimerId)>,
}

impl Relay {
    /// Delivers until it is stopped. Returns the claims that it holds: release them once the writer has ended.
    pub(crate) fn run(mut self) -> Vec<Term> {
        loop {
            let raised = self.signals.take();
            let soiree = self.soiree.upgrade();
            self.state.observers = soiree.map_or_else(Observers::none, |soiree| soiree.observers());
            self.receive(raised);
            if self.state.is_abandoned {
                self.abandon();
                break;
            }
            self.go_on();
            if self.state.is_stopping && self.is_idle() {
                self.stop();
                break;
            }
        }
        let leaving = self.state.leaving.into_iter().map(|leaving| leaving.term);
        let held = self.state.listeners.into_values();
        leaving.chain(held.map(|listener| listener.term)).collect()
    }

    fn receive(&mut self, raised: State) {
        if !raised.appended.is_empty() {
            self.sweep_later();
        }
        for record in raised.appended {
            self.tail.push(record);
        }
        let looks = self.is_shared || self.state.unread.is_some();
        if raised.wake || raised.timer && looks {
            self.look_for_others();
        } else if raised.commands.iter().any(|command| self.asks(command)) {
            while self.read_on() {}
        }
        let awaited = self.state.marked > self.state.committed;
        self.state.committed = self.state.committed.max(raised.committed);
        if awaited && raised.committed.is_some() {
            // A sweep that came before has not removed what they are about.
            self.sweep_later();
        }
        if raised.unswept {
            let at = self.clock.now();
            let at = at.saturating_add(self.sweep_every.max(SWEEP_AGAIN));
            self.state.sweep_at.get_or_insert(at);
        }
        for (error, is_final) in raised.failures {
            self.state.has_failed |= is_final;
            self.notify_failed(&error, is_final);
        }
        for term in raised.fenced {
            self.lose(&term);
        }
        for (number, position) in raised.ended {
            self.with_listener(number, |listener, around| listener.poll(position, around));
        }
        for command in raised.commands {
            self.obey(command);
        }
        if raised.timer {
            self.state.armed = None;
        }
    }

    fn obey(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Add(listener) => {
                let number = listener.subscribed.number;
                // If it is new, what it has not ended may have been removed before: only the store knows.
                self.tail.forget();
                self.state.listeners.insert(number, *listener);
            }
            Command::Wait(subscribed) => {
                self.state.elsewhere.insert(subscribed.number, *subscribed);
                self.state.claim_at.get_or_insert(Millis(0));
            }
            Command::Remove(number) => {
                if let Some(subscribed) = self.state.elsewhere.remove(&number) {
                    subscribed.has_left.store(true, Ordering::Release);
                }
                if let Some(listener) = self.state.listeners.get_mut(&number) {
                    listener.is_removed = true;
                    listener.withdraw(now);
                }
            }
            Command::Start => {
                self.state.has_started = true;
                self.sweep_later();
            }
            Command::Redriven(number, after) => {
                if let Some(listener) = self.state.listeners.get_mut(&number) {
                    listener.look_for_redriven(after);
                }
            }
            Command::Drained(sender) => self.state.drained.push(sender),
            Command::Stop => {
                self.state.is_stopping = true;
                for listener in self.state.listeners.values_mut() {
                    listener.withdraw(now);
                }
            }
            Command::Abandon => {
                self.state.is_stopping = true;
                self.state.is_abandoned = true;
            }
        }
    }

    fn with_listener(
        &mut self,
        number: Number,
        act: impl FnOnce(&mut DurableListener, &Surroundings<'_>),
    ) {
        let Some(mut listener) = self.state.listeners.remove(&number) else {
            return;
        };
        let mut around = self.surroundings();
        around.delivers &= !listener.is_removed;
        around.tries_suspects = self.state.tries == Some(number);
        act(&mut listener, &around);
        self.state.listeners.insert(number, listener);
    }

    fn surroundings(&self) -> Surroundings<'_> {
        let state = &self.state;
        Surroundings {
            store: &*self.store,
            codecs: &self.codecs,
            queue: &self.queue,
            observers: &state.observers,
            tail: &self.tail,
            now: self.clock.now(),
            committed: state.committed,
            tries_suspects: false,
            delivers: state.has_started && !state.is_stopping && !state.has_failed,
        }
    }

    fn go_on(&mut self) {
        let now = self.clock.now();
        self.claim_again(now);
        self.look_for_redriven(now);
        let state = &self.state;
        let mut unreadable = state.unread.as_ref().or(state.unclaimed.as_ref()).cloned();
        let mut has_marked = false;
        self.state.tries = self.next_to_try(now);
        let numbers: Vec<Number> = self.state.listeners.keys().copied().collect();
        for number in numbers {
            has_marked |= self.advance(number, &mut unreadable);
        }
        self.state.tries = self.next_to_try(now);
        if let Some(number) = self.state.tries {
            // A suspect of another listener has ended meanwhile, and nothing else would wake this one.
            has_marked |= self.advance(number, &mut unreadable);
        }
        if unreadable.is_some() {
            self.state.read_at = Some(now.saturating_add(READ_AGAIN));
        }
        if self.figures.set_unreadable(unreadable.clone()) {
            unreadable.inspect(|error| self.notify_failed(error, false));
        }
        if has_marked {
            self.sweep_later();
        }
        self.drop_removed();
        self.notify_drained();
        self.sweep(now);
        self.arm(now);
    }

    /// Lets a listener go on as far as it can. Returns whether it has marked something.
    fn advance(&mut self, number: Number, unreadable: &mut Option<Arc<StoreError>>) -> bool {
        let mut marked = None;
        let mut suspect = None;
        self.with_listener(number, |listener, around| {
            if around.delivers {
                let advanced = listener.advance(around);
                *unreadable = unreadable.take().or(advanced.err());
            }
            marked = listener.flush(around.queue);
            suspect = listener.suspect_running();
            // Deliveries may have ended at once, and marks of retries wait for nothing else.
            listener.publish(around.tail.last(), around.now);
        });
        self.state.marked = self.state.marked.max(marked);
        self.note_trial(number, suspect);
        marked.is_some()
    }

    fn notify_failed(&self, error: &StoreError, is_final: bool) {
        let observers = &self.state.observers;
        if !observers.is_empty() {
            let name = self.store.name();
            let failed = StoreFailed::new(&name, error, is_final);
            observers.notify(|observer| observer.store_failed(&failed));
        }
    }

    fn notify_drained(&mut self) {
        if self.state.drained.is_empty() || !self.state.elsewhere.is_empty() {
            return;
        }
        let last = self.tail.last();
        let mut listeners = self.state.listeners.values();
        if listeners.all(|listener| listener.is_drained(last)) {
            if self.state.marked > self.state.committed {
                self.queue.hurry();
                return;
            }
            for sender in self.state.drained.drain(..) {
                // The caller may have stopped waiting.
                let _ = sender.send(());
            }
        }
    }

    fn sweep(&mut self, now: Millis) {
        if self.state.sweep_at.is_some_and(|at| at <= now) {
            self.state.sweep_at = None;
            self.queue.sweep();
            if std::mem::take(&mut self.state.sweeps_again) {
                self.sweep_later();
            }
        }
    }

    /// What has been appended or has ended is swept once it was kept for long enough.
    fn sweep_later(&mut self) {
        if self.state.sweep_at.is_some() {
            self.state.sweeps_again = true;
            return;
        }
        let at = self.clock.now().saturating_add(self.sweep_every);
        self.state.sweep_at = Some(at);
    }

    /// Lets the timer wake the relay when something is due.
    fn arm(&mut self, now: Millis) {
        let state = &mut self.state;
        let listeners = state.listeners.values();
        let shared = self.is_shared.then(|| now.saturating_add(CLAIM_AGAIN / 2));
        let times = [
            state.sweep_at,
            state.claim_at,
            state.redriven_at,
            state.read_at.take(),
            state.trial.as_ref().map(|trial| trial.until),
            shared,
        ];
        let next = listeners
            .filter_map(|listener| listener.next_time(now))
            .chain(times.into_iter().flatten())
            .min();
        if state.is_stopping || !state.has_started || state.has_failed {
            return;
        }
        let Some(next) = next else {
            return;
        };
        if let Some((armed, id)) = state.armed {
            if armed <= next {
                return;
            }
            self.clock.cancel(id);
        }
        let at = next.max(now.saturating_add(Duration::from_millis(1)));
        let signals = Arc::clone(&self.signals);
        let armed = self.clock.at(at, move || signals.timer());
        state.armed = armed.ok().map(|id| (next, id));
    }
}
