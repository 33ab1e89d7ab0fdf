//! What waits to be committed: events of emitters, and marks of listeners.

mod merge;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use soiree_core::store::{Marks, NewRecord, Position, StoreError, Term};
use soiree_core::sync::{AtomicU64, Monitor};
use soiree_engine::NotStored;

use self::merge::merge;
use crate::answer::{Answer, Outcome};

/// The most events of a commit, and the most bytes of their payloads.
const BATCH_EVENTS: usize = 512;
const BATCH_BYTES: usize = 4 << 20;
/// How long marks wait for an append to go with.
const LINGER: Duration = Duration::from_millis(1);

/// How much may wait before an emit that must not wait is rejected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimit {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// Emitters and the relay put in; the writer takes out. It holds no event that no emitter waits for.
pub(crate) struct CommitQueue {
    limit: QueueLimit,
    /// Notified when something is put in.
    state: Monitor<State>,
    /// The last position that the relay has seen. Others may append to the store too.
    seen: AtomicU64,
}

#[derive(Default)]
struct State {
    next: u64,
    appends: BTreeMap<u64, Append>,
    events: usize,
    bytes: usize,
    marks: HashMap<Arc<str>, Marks>,
    /// Something else than an append is worth a commit of its own.
    urgent: bool,
    /// It is worth that at once: a listener, or who waits for a drain, cannot go on before.
    hurried: bool,
    sweep: bool,
    /// How often the writer has taken what waits.
    generation: u64,
    begun: Vec<Arc<Begun>>,
    refusal: Option<Refusal>,
    closing: bool,
    /// Until when marks that could not be committed are tried again while it closes.
    give_up_at: Option<Instant>,
}

/// Why nothing is taken.
#[derive(Clone)]
pub(crate) enum Refusal {
    /// The outbox closes.
    Closed,
    /// The store failed for good.
    Failed(Arc<StoreError>),
}

/// Events that are appended together, or not at all.
pub(crate) struct Append {
    pub(crate) records: Vec<NewRecord>,
    pub(crate) answer: Arc<Answer>,
}

/// Up to where a listener may start events. Written down before it does, so that a crash shows what may have caused it.
pub(crate) struct Begun {
    pub(crate) term: Term,
    /// Up to where it wants to.
    wanted: AtomicU64,
    committed: AtomicU64,
}

/// An emitter's place in the queue. Gives it up when it is dropped before the writer has taken it.
pub(crate) struct Ticket {
    queue: Arc<CommitQueue>,
    number: u64,
    answer: Arc<Answer>,
    is_answered: bool,
}

/// What the writer commits next.
pub(crate) struct Work {
    pub(crate) appends: Vec<Append>,
    pub(crate) marks: Vec<Marks>,
    pub(crate) begun: Vec<Arc<Begun>>,
    pub(crate) sweep: bool,
    /// Marks that were put in at this generation or before are here, or were committed.
    pub(crate) generation: u64,
    /// The queue is closed and empty.
    pub(crate) is_last: bool,
}

impl CommitQueue {
    pub(crate) fn new(limit: QueueLimit) -> Self {
        Self {
            limit,
            state: Monitor::default(),
            seen: AtomicU64::new(0),
        }
    }

    /// The log ends here, or later.
    pub(crate) fn saw(&self, last: Position) {
        self.seen.fetch_max(last.0, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self) -> Position {
        Position(self.seen.load(Ordering::Relaxed))
    }

    /// Puts events in. With `may_wait` also beyond the limit: the caller would hold them while it waits for a place.
    pub(crate) fn append(
        self: &Arc<Self>,
        records: Vec<NewRecord>,
        may_wait: bool,
    ) -> Result<Ticket, Rejected> {
        let mut state = self.state.lock();
        match &state.refusal {
            None => {}
            Some(Refusal::Closed) => return Err(Rejected::Closed),
            Some(Refusal::Failed(error)) => {
                return Err(NotStored::Store(Arc::clone(error)).into());
            }
        }
        let payloads = size(&records);
        if !may_wait && !state.has_room(records.len(), payloads, self.limit) {
            let (events, bytes) = (state.events, state.bytes);
            return Err(NotStored::QueueFull { events, bytes }.into());
        }
        let answer = Arc::new(Answer::default());
        let number = state.next;
        state.next += 1;
        state.events += records.len();
        state.bytes += payloads;
        let append = Append {
            records,
            answer: Arc::clone(&answer),
        };
        state.appends.insert(number, append);
        drop(state);
        self.state.notify_all();
        Ok(Ticket {
            queue: Arc::clone(self),
            number,
            answer,
            is_answered: false,
        })
    }

    /// Puts marks in. They are merged with those of the same listener that wait. Returns the generation that they belong to.
    pub(crate) fn mark(&self, marks: Marks, urgent: bool) -> u64 {
        let mut state = self.state.lock();
        let generation = state.generation;
        match state.marks.get_mut(&marks.term.listener) {
            Some(waiting) if waiting.term == marks.term => merge(waiting, marks),
            _ => {
                let listener = Arc::clone(&marks.term.listener);
                state.marks.insert(listener, marks);
            }
        }
        state.urgent |= urgent;
        drop(state);
        if urgent {
            self.state.notify_all();
        }
        generation
    }

    /// The writer failed to commit marks: they wait again, under what came meanwhile.
    pub(crate) fn put_back(&self, marks: Vec<Marks>) {
        let mut state = self.state.lock();
        for mut older in marks {
            let listener = Arc::clone(&older.term.listener);
            match state.marks.remove(&listener) {
                Some(newer) if newer.term == older.term => merge(&mut older, newer),
                Some(newer) => older = newer,
                None => {}
            }
            state.marks.insert(listener, older);
        }
        state.urgent = true;
    }

    /// Nothing more is marked under this claim.
    pub(crate) fn forget(&self, term: &Term) {
        let mut state = self.state.lock();
        state.marks.retain(|_, marks| marks.term != *term);
        state.begun.retain(|begun| begun.term != *term);
    }

    /// Starts to write down up to where the listener may start events.
    pub(crate) fn add_begun(&self, term: Term, committed: Position) -> Arc<Begun> {
        let begun = Arc::new(Begun {
            term,
            wanted: AtomicU64::new(committed.0),
            committed: AtomicU64::new(committed.0),
        });
        self.state.lock().begun.push(Arc::clone(&begun));
        begun
    }

    /// Asks for a commit at once, although nobody appends.
    pub(crate) fn hurry(&self) {
        let mut state = self.state.lock();
        state.urgent = true;
        state.hurried = true;
        drop(state);
        self.state.notify_all();
    }

    /// Asks for a sweep.
    pub(crate) fn sweep(&self) {
        let mut state = self.state.lock();
        state.sweep = true;
        state.urgent = true;
        drop(state);
        self.state.notify_all();
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut state = self.state.lock();
        if !matches!(state.refusal, Some(Refusal::Failed(_))) {
            state.refusal = Some(refusal);
        }
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.state.lock().refusal.clone()
    }

    /// Lets the writer end once it has committed what waits.
    pub(crate) fn close(&self) {
        self.state.lock().closing = true;
        self.state.notify_all();
    }

    /// As [`close`](Self::close). Marks that cannot be committed are given up at the deadline.
    pub(crate) fn close_until(&self, deadline: Option<Instant>) {
        self.state.lock().give_up_at = deadline;
        self.close();
    }

    /// Whether marks wait. Once the writer has ended, they are lost.
    pub(crate) fn has_marks(&self) -> bool {
        !self.state.lock().marks.is_empty()
    }

    /// Blocks for the pause if marks could not be committed while the queue closes. Returns whether to try them again.
    pub(crate) fn wait_to_retry(&self, pause: Duration) -> bool {
        let mut state = self.state.lock();
        let now = Instant::now();
        let until = now + pause;
        let until = state.give_up_at.map_or(until, |at| at.min(until));
        if state.marks.is_empty() || until <= now {
            return false;
        }
        let mut has_waited = false;
        while !has_waited {
            (state, has_waited) = self.state.wait_until(state, until);
        }
        true
    }

    pub(crate) fn queued_events(&self) -> usize {
        self.state.lock().events
    }

    /// Blocks until there is something to commit. Marks wait for an append to go with, or for `pause` if they could not be committed before.
    pub(crate) fn take(&self, pause: Option<Duration>) -> Work {
        let mut state = self.state.lock();
        let (mut until, mut has_waited) = (None, false);
        loop {
            // After a commit that failed, the pause holds for those too.
            let hurries = state.hurried && pause.is_none();
            let is_due = state.urgent && (hurries || has_waited);
            if !state.appends.is_empty() || state.closing || is_due {
                return state.take();
            }
            if !state.urgent {
                state = self.state.wait(state);
                continue;
            }
            // From the first look on, so that marks that come all the time do not put it off.
            let until = *until.get_or_insert_with(|| Instant::now() + pause.unwrap_or(LINGER));
            (state, has_waited) = self.state.wait_until(state, until);
        }
    }
}

fn size(records: &[NewRecord]) -> usize {
    records.iter().map(|record| record.payload.len()).sum()
}

impl State {
    /// One event finds a place in an empty queue, however large it is.
    fn has_room(&self, events: usize, bytes: usize, limit: QueueLimit) -> bool {
        self.events + events <= limit.events
            && (self.events == 0 || self.bytes + bytes <= limit.bytes)
    }

    fn take(&mut self) -> Work {
        let mut appends = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        while let Some((&number, append)) = self.appends.first_key_value() {
            let size = size(&append.records);
            let fits = events + append.records.len() <= BATCH_EVENTS && bytes + size <= BATCH_BYTES;
            if !appends.is_empty() && !fits {
                break;
            }
            events += append.records.len();
            bytes += size;
            appends.extend(self.appends.remove(&number));
        }
        self.events -= events;
        self.bytes -= bytes;
        self.urgent = false;
        self.hurried = false;
        let generation = self.generation;
        self.generation += 1;
        Work {
            is_last: self.closing && self.appends.is_empty(),
            appends,
            marks: self.marks.drain().map(|(_, marks)| marks).collect(),
            begun: self.begun.clone(),
            sweep: std::mem::take(&mut self.sweep),
            generation,
        }
    }
}

/// Why events were not committed.
pub(crate) enum Rejected {
    Closed,
    NotStored(NotStored),
}

impl From<NotStored> for Rejected {
    fn from(error: NotStored) -> Self {
        Self::NotStored(error)
    }
}

impl Begun {
    pub(crate) fn want(&self, up_to: Position) {
        self.wanted.fetch_max(up_to.0, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self) -> Position {
        Position(self.committed.load(Ordering::Acquire))
    }

    /// What to write down with a commit after which the log ends at `last`.
    pub(crate) fn next(&self, last: Position) -> Option<Position> {
        let next = self.wanted.load(Ordering::Relaxed).min(last.0);
        (next > self.committed.load(Ordering::Relaxed)).then_some(Position(next))
    }

    pub(crate) fn set_committed(&self, begun: Position) {
        self.committed.fetch_max(begun.0, Ordering::AcqRel);
    }
}

impl Ticket {
    pub(crate) fn wait(mut self) -> Outcome {
        let outcome = self.answer.wait();
        self.is_answered = true;
        outcome
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = self.answer.poll(context);
        self.is_answered = outcome.is_ready();
        outcome
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let mut state = self.queue.state.lock();
        if let Some(taken_back) = state.appends.remove(&self.number) {
            state.events -= taken_back.records.len();
            state.bytes -= size(&taken_back.records);
        }
    }
}
