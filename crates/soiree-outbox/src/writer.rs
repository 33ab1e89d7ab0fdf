//! The one thread that commits: events of emitters and marks of listeners together, as much as waits at once.

mod room;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree_core::PanicPayload;
use soiree_core::panic::caught;
use soiree_core::store::{Appended, Batch, Marks, NewRecord, Position, Record, Store, StoreError};
use soiree_engine::NotStored;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::commit_queue::{Append, Begun, CommitQueue, Refusal, Work};
use crate::figures::{Reason, StoreFigures, StoreState};
use crate::signals::Signals;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How often the last marks are tried again when the outbox closes.
const LAST_TRIES: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many events a sweep removes in one transaction.
const SWEEP: usize = 1_000;

pub(crate) struct Writer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<CommitQueue>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) clock: Clock,
    pub(crate) figures: Arc<StoreFigures>,
    pub(crate) last: Position,
    pub(crate) max_events: u64,
    pub(crate) keep: Duration,
    pub(crate) since_sweep: u64,
    /// How long marks wait that could not be committed.
    pub(crate) pause: Option<Duration>,
    /// When the events of the store were counted last, and when room was looked for.
    pub(crate) counted_at: Option<Instant>,
    pub(crate) looked_at: Option<Instant>,
}

impl Writer {
    /// Commits until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        // A close need not wait as long as the writer may be about to.
        let mut last_pauses = (0..LAST_TRIES).map(|tries| FIRST_PAUSE * 2_u32.pow(tries));
        loop {
            let work = self.queue.take(self.pause);
            let is_last = work.is_last;
            let sweep = work.sweep || self.since_sweep >= SWEEP as u64 * 10;
            if let Some(Refusal::Failed(error)) = self.queue.refusal() {
                self.refuse(split(work.appends).1, &NotStored::Store(error));
            } else {
                self.commit(work);
                if sweep {
                    self.sweep();
                }
            }
            if is_last {
                let pause = last_pauses.next();
                if !pause.is_some_and(|pause| self.queue.wait_to_retry(pause)) {
                    return;
                }
            }
        }
    }

    fn commit(&mut self, work: Work) {
        let Work {
            appends,
            mut marks,
            begun,
            generation,
            ..
        } = work;
        let appends = self.refuse_beyond_limit(appends);
        let incoming: u64 = appends.iter().map(|a| a.records.len() as u64).sum();
        self.last = self.last.max(self.queue.seen());
        let expected = Position(self.last.0 + incoming);
        let begun = add_begun(&mut marks, begun, expected);
        let Batches { rejected, marks } = self.commit_appends(appends, marks);
        match self.commit_marks(rejected, marks) {
            Ok(()) => {
                for (begun, up_to) in &begun {
                    begun.set_committed(*up_to);
                }
                self.pause = None;
                self.signals.marked(generation);
            }
            Err(marks) => self.put_back(marks),
        }
    }

    /// Commits everything at once. If that fails, the events one by one: an event that the store does not take must not be an error of
    /// others. Returns the marks that are not committed.
    fn commit_appends(&mut self, appends: Vec<Append>, marks: Vec<Marks>) -> Batches {
        if appends.is_empty() {
            return Batches {
                rejected: None,
                marks,
            };
        }
        let (records, answers) = split(appends);
        let error = match self.try_commit(&records, &marks) {
            Ok(appended) => {
                self.succeeded(records, answers, appended);
                return Batches {
                    rejected: None,
                    marks: Vec::new(),
                };
            }
            Err(error) => error,
        };
        if let StoreError::Fenced { listener, .. } = error {
            let marks = self.fenced(&listener, marks);
            return self.commit_appends(join(records, answers), marks);
        }
        if answers.len() == 1 || !is_of_one_event(&error) {
            let error = self.note(error);
            self.refuse(answers, &NotStored::Store(Arc::clone(&error)));
            return Batches {
                rejected: Some(error),
                marks,
            };
        }
        let mut rejected: Option<Arc<StoreError>> = None;
        for append in join(records, answers) {
            let refusal = rejected.as_ref().filter(|error| !is_of_one_event(error));
            if let Some(error) = refusal {
                let (_, answers) = split(vec![append]);
                self.refuse(answers, &NotStored::Store(Arc::clone(error)));
                continue;
            }
            rejected = self
                .commit_appends(vec![append], Vec::new())
                .rejected
                .or(rejected);
        }
        Batches { rejected, marks }
    }

    /// Commits marks alone: they often need no more room where an event does. Returns those that are not committed.
    fn commit_marks(
        &mut self,
        rejected: Option<Arc<StoreError>>,
        mut marks: Vec<Marks>,
    ) -> Result<(), Vec<Marks>> {
        if rejected.is_some_and(|error| is_fatal(&error)) {
            return Err(marks);
        }
        while !marks.is_empty() {
            match self.try_commit(&[], &marks) {
                Ok(_) => {
                    self.recovered();
                    break;
                }
                Err(StoreError::Fenced { listener, .. }) => marks = self.fenced(&listener, marks),
                Err(error) => {
                    self.note(error);
                    return Err(marks);
                }
            }
        }
        Ok(())
    }

    fn try_commit(
        &self,
        appends: &[NewRecord],
        marks: &[Marks],
    ) -> Result<Vec<Appended>, StoreError> {
        let batch = Batch { appends, marks };
        let start = Instant::now();
        let committed = caught(|| self.store.commit(&batch));
        self.figures.committed(appends.len(), start.elapsed());
        committed.unwrap_or_else(|panic| Err(self.unknown(&panic)))
    }

    fn unknown(&self, panic: &PanicPayload) -> StoreError {
        StoreError::Unknown {
            store: self.store.name(),
            source: format!("the store panicked: {}", panic.message()).into(),
        }
    }

    fn succeeded(
        &mut self,
        records: Vec<NewRecord>,
        answers: Vec<Waiting>,
        appended: Vec<Appended>,
    ) {
        self.recovered();
        let mut new = Vec::with_capacity(records.len());
        for (event, outcome) in records.into_iter().zip(&appended) {
            self.last = self.last.max(outcome.position());
            match outcome {
                Appended::New(position) => new.push(Record {
                    position: *position,
                    event,
                    damage: None,
                }),
                Appended::Duplicate(_) => self.figures.duplicate(),
                Appended::Conflict(_) => self.figures.rejected(Reason::Conflict, 1),
            }
        }
        self.since_sweep += new.len() as u64;
        self.figures.stored(new.len() as u64);
        self.figures.count_up_to(self.last, new.len() as u64);
        if !new.is_empty() {
            self.signals.appended(new);
        }
        let mut appended = appended.into_iter();
        for (answer, events) in answers {
            answer.give(Ok(appended.by_ref().take(events).collect()));
        }
    }

    /// Forgets the marks of a listener that another process has taken over.
    fn fenced(&self, listener: &str, marks: Vec<Marks>) -> Vec<Marks> {
        let is_of = |marks: &Marks| *marks.term.listener == *listener;
        let (fenced, others): (Vec<_>, Vec<_>) = marks.into_iter().partition(is_of);
        for Marks { term, .. } in fenced {
            self.queue.forget(&term);
            self.signals.fenced(term);
        }
        others
    }

    fn recovered(&self) {
        if self.figures.is_failing() {
            self.figures.set_state(StoreState::Ok);
        }
    }

    /// Shows that a commit failed. After some errors the store is not to be trusted any more.
    fn note(&self, error: StoreError) -> Arc<StoreError> {
        let error = Arc::new(error);
        let is_final = is_fatal(&error);
        let state = if is_final {
            self.queue.refuse(Refusal::Failed(Arc::clone(&error)));
            StoreState::Failed(Arc::clone(&error))
        } else {
            StoreState::Failing(Arc::clone(&error))
        };
        if self.figures.set_state(state) {
            self.signals.failed(Arc::clone(&error), is_final);
        }
        error
    }

    /// Marks wait, and are tried again after a pause.
    fn put_back(&mut self, marks: Vec<Marks>) {
        if marks.is_empty() {
            return;
        }
        let longer = self.pause.map_or(FIRST_PAUSE, |pause| pause * 2);
        self.pause = Some(longer.min(LONGEST_PAUSE));
        self.queue.put_back(marks);
    }

    fn refuse(&self, answers: Vec<Waiting>, error: &NotStored) {
        for (answer, events) in answers {
            self.figures
                .rejected(Reason::of_error(error), events as u64);
            answer.give(Err(error.clone()));
        }
    }

    fn sweep(&mut self) {
        self.since_sweep = 0;
        self.sweep_all();
        self.count_again();
    }

    fn sweep_all(&mut self) {
        let before = self.clock.now().saturating_sub(self.keep);
        loop {
            let swept = caught(|| self.store.sweep(self.last, before, SWEEP));
            match swept.unwrap_or_else(|panic| Err(self.unknown(&panic))) {
                Ok(swept) => {
                    self.figures.events.remove(swept);
                    if swept < SWEEP as u64 || self.queue.queued_events() > 0 {
                        return;
                    }
                }
                Err(error) => {
                    self.note(error);
                    self.signals.unswept();
                    return;
                }
            }
        }
    }
}

/// An emitter that waits for an answer, and how many events it has appended.
type Waiting = (Arc<Answer>, usize);

/// What is left of a batch.
struct Batches {
    /// The last error of an event.
    rejected: Option<Arc<StoreError>>,
    marks: Vec<Marks>,
}

fn split(appends: Vec<Append>) -> (Vec<NewRecord>, Vec<Waiting>) {
    let mut records = Vec::with_capacity(appends.len());
    let mut answers = Vec::with_capacity(appends.len());
    for append in appends {
        answers.push((append.answer, append.records.len()));
        records.extend(append.records);
    }
    (records, answers)
}

fn join(records: Vec<NewRecord>, answers: Vec<Waiting>) -> Vec<Append> {
    let mut records = records.into_iter();
    let appends = answers.into_iter().map(|(answer, events)| Append {
        records: records.by_ref().take(events).collect(),
        answer,
    });
    appends.collect()
}

/// Adds to the marks up to where listeners may start events, if that has changed.
fn add_begun(
    marks: &mut Vec<Marks>,
    begun: Vec<Arc<Begun>>,
    last: Position,
) -> Vec<(Arc<Begun>, Position)> {
    let mut by_listener: HashMap<Arc<str>, usize> = marks
        .iter()
        .enumerate()
        .map(|(index, marks)| (Arc::clone(&marks.term.listener), index))
        .collect();
    let mut written = Vec::new();
    for begun in begun {
        let Some(up_to) = begun.next(last) else {
            continue;
        };
        let index = *by_listener
            .entry(Arc::clone(&begun.term.listener))
            .or_insert_with(|| {
                marks.push(Marks::new(begun.term.clone()));
                marks.len() - 1
            });
        marks[index].begun = Some(up_to);
        written.push((begun, up_to));
    }
    written
}

/// Whether other events of the batch may be stored. Otherwise each of them would wait as long as the batch has.
fn is_of_one_event(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::TooLarge { .. } | StoreError::Rejected { .. }
    )
}

/// Whether the store takes nothing more until it is opened again.
fn is_fatal(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unknown { .. } | StoreError::NotOpen { .. } | StoreError::Corrupt { .. }
    )
}
