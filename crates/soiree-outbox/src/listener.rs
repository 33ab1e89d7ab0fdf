//! One durable listener: takes its events from the log, and delivers them.

mod deliver;
mod recover;
mod redriven;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use soiree_core::panic::caught;
use soiree_core::store::{Millis, Position, Store, StoreError, Term};
use soiree_core::{EventId, KeyOrder, Observers, OrderingKey, Pattern, Payload, Retry};
use soiree_engine::{Address, EmissionFuture};

use crate::codecs::Codecs;
use crate::commit_queue::{Begun, CommitQueue};
use crate::info::DurableInfo;
use crate::tail::{LogEntry, Next, Tail};
use crate::window::{Admitted, Outcome, ParkedCounts, Window};

/// How long an event waits that no pool takes, if nothing of its listener ends before.
const BLOCKED_AGAIN: Duration = Duration::from_secs(1);

/// Stands for a listener of the relay.
pub(crate) type Number = u64;

/// What a listener needs of its surroundings.
pub(crate) struct Surroundings<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) codecs: &'a Codecs,
    pub(crate) queue: &'a CommitQueue,
    pub(crate) observers: &'a Observers,
    pub(crate) tail: &'a Tail,
    pub(crate) now: Millis,
    /// The marks up to this generation are committed.
    pub(crate) committed: Option<u64>,
    /// Whether the listener may try a suspect.
    pub(crate) tries_suspects: bool,
    /// Whether deliveries start. If not, what is due stays where it is, for the next start.
    pub(crate) delivers: bool,
}

/// Which delivery an event belongs to. See [`Outbox::on_delivery`](crate::Outbox::on_delivery).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The claim that the listener runs under.
    pub term: Term,
    /// Where in the log the event is.
    pub position: Position,
}

/// The deliveries of a listener that run, by event.
pub(crate) type Deliveries = Mutex<HashMap<EventId, Delivery>>;

/// What the program has said about a listener.
pub(crate) struct Subscribed {
    pub(crate) number: Number,
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Pattern,
    pub(crate) address: Address,
    /// Makes what is woken when the delivery of an event has ended.
    pub(crate) waker: Box<dyn Fn(Position) -> Waker + Send>,
    pub(crate) retry: Option<Retry>,
    pub(crate) order: Option<KeyOrder>,
    pub(crate) deliveries: Option<Arc<Deliveries>>,
    pub(crate) info: Arc<Mutex<DurableInfo>>,
    /// To be set when a listener that was removed has ended.
    pub(crate) has_left: Arc<AtomicBool>,
}

/// A durable listener that this process has claimed.
pub(crate) struct DurableListener {
    pub(crate) subscribed: Subscribed,
    pub(crate) term: Term,
    window: Window,
    begun: Arc<Begun>,
    page: VecDeque<Arc<LogEntry>>,
    /// Events behind another one of their key, which runs.
    held: BTreeMap<Position, Arc<LogEntry>>,
    /// Events that no pool takes, since it is closed or was removed. Oldest first.
    blocked: VecDeque<Arc<LogEntry>>,
    /// Parked events that start once the store knows, with the generation of the marks that say so.
    marking: Vec<(Position, Option<u64>)>,
    running: BTreeMap<Position, Running>,
    /// Events above the floor that had ended or were parked when this process claimed the listener.
    done_before: BTreeSet<Position>,
    /// Dead events after this position may have been redriven.
    redriven_after: Option<Position>,
    unreadable: Option<Arc<StoreError>>,
    pub(crate) is_removed: bool,
    /// Which trial of a suspect was its last one.
    pub(crate) last_trial: u64,
}

struct Running {
    emission: Pin<Box<EmissionFuture>>,
    waker: Waker,
    entry: Arc<LogEntry>,
}

impl DurableListener {
    pub(crate) fn into_subscribed(self) -> Subscribed {
        self.subscribed
    }

    /// Goes on as far as it can.
    pub(crate) fn advance(&mut self, around: &Surroundings<'_>) -> Result<(), Arc<StoreError>> {
        let advanced = self.try_advance(around).map_err(Arc::new);
        self.unreadable = advanced.as_ref().err().cloned();
        advanced
    }

    fn try_advance(&mut self, around: &Surroundings<'_>) -> Result<(), StoreError> {
        self.deliver_blocked(around);
        self.take_redriven(around)?;
        self.start_marked(around)?;
        let tries_suspects = around.tries_suspects;
        while let Some(position) = self.window.next_due(around.now, tries_suspects) {
            self.marking.push((position, None));
        }
        // No further than necessary: what lies in between is suspected after a crash.
        let ahead = self.window.limit() as u64;
        while self.window.has_room() && self.blocked.is_empty() {
            self.begun.want(Position(self.window.cursor().0 + ahead));
            let Some(entry) = self.next_entry(around)? else {
                break;
            };
            if !self.take(&entry, around) {
                self.page.push_front(entry);
                break;
            }
        }
        self.begun.want(Position(self.window.cursor().0 + ahead));
        Ok(())
    }

    /// Looks at the next event of the log. Returns whether it did.
    fn take(&mut self, entry: &Arc<LogEntry>, around: &Surroundings<'_>) -> bool {
        let position = entry.position();
        if !self.matches(entry) {
            self.window.pass(position, true);
            return true;
        }
        if self.has_ended(position) {
            self.window.pass(position, false);
            return true;
        }
        if position > self.begun.committed() {
            // It may be farther ahead than events run: those in between were swept, or an insert used their positions up.
            self.begun.want(position);
            around.queue.hurry();
            return false;
        }
        match self.read(entry, around.codecs) {
            Err(error) => {
                let outcome = Outcome::Failed(error.clone(), None);
                self.notify_ended(entry, 1, &outcome, around.observers);
                self.window.bury(position, error, around.now);
            }
            Ok((_, key)) => match self.window.admit(position, key, around.now) {
                Admitted::Start => self.deliver(Arc::clone(entry), around),
                Admitted::Held => {
                    self.held.insert(position, Arc::clone(entry));
                }
                Admitted::Behind => {}
            },
        }
        true
    }

    fn matches(&self, entry: &LogEntry) -> bool {
        self.subscribed.pattern.matches(&entry.record.event.topic)
    }

    /// The payload of an event, and its key.
    fn read(
        &self,
        entry: &LogEntry,
        codecs: &Codecs,
    ) -> Result<(Payload, Option<OrderingKey>), Box<str>> {
        let payload = entry.payload(codecs)?;
        let Some(order) = &self.subscribed.order else {
            return Ok((payload, None));
        };
        let event = entry.event(payload.clone(), 1);
        match caught(|| order.key(&event)) {
            Ok(key) => Ok((payload, key)),
            Err(panic) => Err(format!("the key function panicked: {}", panic.message()).into()),
        }
    }

    fn next_entry(
        &mut self,
        around: &Surroundings<'_>,
    ) -> Result<Option<Arc<LogEntry>>, StoreError> {
        if let Some(entry) = self.page.pop_front() {
            return Ok(Some(entry));
        }
        match around.tail.after(self.window.cursor()) {
            Next::Entry(entry) => Ok(Some(entry)),
            Next::End => Ok(None),
            Next::Read => {
                let last = around.tail.last();
                self.page = around.tail.read(self.window.cursor(), around.store)?;
                if let Some(entry) = self.page.back() {
                    // Perhaps of another process, and beyond what the writer knows of.
                    around.queue.saw(entry.position());
                }
                let next = self.page.pop_front();
                if next.is_none() && around.delivers {
                    // An insert of another driver that met a conflict used these positions up. They are never given again.
                    self.window.pass(last, false);
                }
                Ok(next)
            }
        }
    }

    /// Hands what has changed to the writer. Returns the generation of these marks, if there are any.
    pub(crate) fn flush(&mut self, queue: &CommitQueue) -> Option<u64> {
        let is_urgent = self.window.has_urgent_marks();
        let marks = self.window.take_marks(&self.term)?;
        let generation = queue.mark(marks, is_urgent);
        for (_, waits_for) in &mut self.marking {
            waits_for.get_or_insert(generation);
        }
        Some(generation)
    }

    /// Starts nothing more: what has not started goes back.
    pub(crate) fn withdraw(&mut self, now: Millis) {
        for (position, _) in std::mem::take(&mut self.marking) {
            self.window.withdraw(position, now);
        }
        for entry in std::mem::take(&mut self.blocked) {
            self.window.withdraw(entry.position(), now);
        }
        self.subscribed.address.withdraw();
    }

    /// Ends what has ended, and gives up what still runs: it counts as not called.
    pub(crate) fn abandon(&mut self, around: &Surroundings<'_>) {
        self.withdraw(around.now);
        let running: Vec<Position> = self.running.keys().copied().collect();
        for position in running {
            self.poll(position, around);
        }
        for (position, _) in std::mem::take(&mut self.running) {
            self.window.withdraw(position, around.now);
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// The suspect that it would try next, and how often that has ended the process.
    pub(crate) fn next_suspect(&self) -> Option<(u32, Position)> {
        self.window.next_suspect().filter(|_| !self.is_removed)
    }

    pub(crate) fn suspect_running(&self) -> Option<Position> {
        self.window.suspect_running()
    }

    /// Whether it has ended everything that is in the log, but for dead events.
    pub(crate) fn is_drained(&self, last: Position) -> bool {
        self.window.cursor() >= last
            && self.window.in_flight() == 0
            && self.window.parked() == ParkedCounts::default()
            && self.redriven_after.is_none()
            && self.window.unrestored().is_none()
    }

    /// When to look again, although nothing happens.
    pub(crate) fn next_time(&self, now: Millis) -> Option<Millis> {
        let blocked = (!self.blocked.is_empty()).then(|| now.saturating_add(BLOCKED_AGAIN));
        // Otherwise what is due waits for something else, which wakes the relay.
        let starts = self.window.has_place() && !self.is_removed && self.unreadable.is_none();
        let due = self.window.earliest_due().filter(|_| starts);
        [blocked, due].into_iter().flatten().min()
    }

    /// Shows how it stands.
    pub(crate) fn publish(&self, last: Position, now: Millis) {
        let window = &self.window;
        let parked = window.parked();
        // Of each, the first in the log: that it was emitted first as well is near enough.
        let heads = [
            self.running.values().next().map(|running| &running.entry),
            self.held.values().next(),
            self.blocked.front(),
            self.page.front(),
        ];
        let emitted = heads
            .into_iter()
            .flatten()
            .map(|entry| entry.record.event.emitted_at);
        let oldest = emitted.min();
        let shown = self.subscribed.info.lock();
        let mut shown = shown.unwrap_or_else(PoisonError::into_inner);
        shown.is_held = true;
        shown.waiting = last.0.saturating_sub(window.cursor().0);
        shown.oldest_waiting = oldest.map(|emitted_at| now.since(emitted_at));
        shown.in_flight = window.in_flight();
        shown.retrying = parked.retrying;
        shown.behind = parked.behind;
        shown.suspects = parked.suspects;
        shown.done = window.outcomes.done;
        shown.skipped = window.outcomes.skipped;
        shown.failed = window.outcomes.failed;
        shown.given_up = window.outcomes.dead;
        shown.retried = window.outcomes.retried;
        shown.redriven = window.outcomes.redriven;
        shown.after_crashes = window.outcomes.after_crashes;
        shown.floor = window.floor_now();
        shown.unreadable = self.unreadable.clone();
    }
}

/// The bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) in_flight: usize,
    pub(crate) max_parked: usize,
}
