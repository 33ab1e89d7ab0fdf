//! The one thread that commits: events of emitters and marks of listeners together, as much as waits at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::panic::caught;
use soiree_core::store::{
    Appended, Batch, Marks, NewRecord, Position, Record, Store, StoreError, WallClock,
};
use soiree_engine::NotStored;

use crate::commit_queue::{Append, Begun, CommitQueue, Refusal, Work};
use crate::figures::{StoreFigures, StoreState};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many events a sweep removes in one transaction.
const SWEEP: usize = 1_000;

/// Receives what was committed.
pub(crate) trait Committed: Send {
    /// New events of the log, in order. Called before their emitters are answered.
    fn appended(&self, records: Vec<Record>);

    /// Marks were committed.
    fn marked(&self);

    /// Another process has taken over this listener.
    fn fenced(&self, listener: &str);

    /// The store failed for good.
    fn failed(&self);
}

pub(crate) struct Writer<C> {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<CommitQueue>,
    pub(crate) committed: C,
    pub(crate) clock: Arc<dyn WallClock>,
    pub(crate) figures: Arc<StoreFigures>,
    pub(crate) last: Position,
    pub(crate) max_events: u64,
    pub(crate) keep: Duration,
    pub(crate) since_sweep: u64,
    /// How long marks wait that could not be committed.
    pub(crate) pause: Option<Duration>,
}

impl<C: Committed> Writer<C> {
    /// Commits until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let work = self.queue.take(self.pause);
            let is_last = work.is_last;
            let sweep = work.sweep || self.since_sweep >= SWEEP as u64 * 10;
            if let Some(Refusal::Failed(error)) = self.queue.refusal() {
                self.answer_all(work.appends, &NotStored::Store(error));
            } else {
                self.commit(work);
                if sweep {
                    self.sweep();
                }
            }
            if is_last {
                return;
            }
        }
    }

    fn commit(&mut self, work: Work) {
        let Work {
            appends,
            mut marks,
            begun,
            ..
        } = work;
        let appends = self.refuse_beyond_limit(appends);
        let incoming: u64 = appends.iter().map(|a| a.records.len() as u64).sum();
        let expected = Position(self.last.0 + incoming);
        let begun = add_begun(&mut marks, begun, expected);
        if appends.is_empty() && marks.is_empty() {
            return;
        }
        match self.try_commit(&appends, &marks) {
            Ok(appended) => self.succeeded(appends, appended, &begun),
            Err(error) => self.failed(appends, marks, error),
        }
    }

    fn try_commit(
        &self,
        appends: &[Append],
        marks: &[Marks],
    ) -> Result<Vec<Appended>, StoreError> {
        let records: Vec<NewRecord> = appends
            .iter()
            .flat_map(|append| append.records.iter().cloned())
            .collect();
        let batch = Batch {
            appends: &records,
            marks,
        };
        let start = std::time::Instant::now();
        let committed = caught(|| self.store.commit(&batch)).unwrap_or_else(|panic| {
            Err(StoreError::Unknown {
                store: self.store.name(),
                source: panic.message().into(),
            })
        });
        self.figures.committed(start.elapsed());
        committed
    }

    fn succeeded(&mut self, appends: Vec<Append>, appended: Vec<Appended>, begun: &[Begins]) {
        self.pause = None;
        if self.figures.is_failing() {
            self.figures.set_state(StoreState::Ok);
        }
        for (begun, up_to) in begun {
            begun.set_committed(*up_to);
        }
        let mut appended = appended.into_iter();
        let mut new = Vec::new();
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            let outcomes: Vec<Appended> = appended.by_ref().take(append.records.len()).collect();
            for (event, outcome) in append.records.into_iter().zip(&outcomes) {
                self.last = self.last.max(outcome.position());
                match outcome {
                    Appended::New(position) => new.push(Record {
                        position: *position,
                        event,
                        damage: None,
                    }),
                    Appended::Duplicate(_) => self.figures.duplicate(),
                    Appended::Conflict(_) => self.figures.refused(1),
                }
            }
            answers.push((append.answer, outcomes));
        }
        self.since_sweep += new.len() as u64;
        self.figures.stored(new.len() as u64);
        if !new.is_empty() {
            self.committed.appended(new);
        }
        self.committed.marked();
        for (answer, outcomes) in answers {
            answer.give(Ok(outcomes));
        }
    }

    fn failed(&mut self, appends: Vec<Append>, marks: Vec<Marks>, error: StoreError) {
        match error {
            StoreError::Fenced { listener, .. } => {
                self.queue.forget(&listener);
                self.committed.fenced(&listener);
                let marks = marks
                    .into_iter()
                    .filter(|marks| *marks.term.listener != *listener)
                    .collect();
                let begun = Vec::new();
                // Without that listener. There are fewer each time.
                self.commit(Work {
                    appends,
                    marks,
                    begun,
                    sweep: false,
                    is_last: false,
                });
            }
            // One event that is too large, or that the store cannot take, must not be an error of others.
            error if appends.len() > 1 && !is_fatal(&error) && !is_full(&error) => {
                for append in appends {
                    match self.try_commit(std::slice::from_ref(&append), &[]) {
                        Ok(appended) => self.succeeded(vec![append], appended, &[]),
                        Err(error) => self.failed(vec![append], Vec::new(), error),
                    }
                }
                self.put_back(marks);
            }
            error => {
                let is_fatal = is_fatal(&error);
                let error = Arc::new(error);
                let state = if is_fatal {
                    StoreState::Failed
                } else {
                    StoreState::Failing
                };
                self.figures.set_state(state(Arc::clone(&error)));
                if is_fatal {
                    self.queue.refuse(Refusal::Failed(Arc::clone(&error)));
                    self.committed.failed();
                }
                let had_appends = !appends.is_empty();
                self.answer_all(appends, &NotStored::Store(Arc::clone(&error)));
                if is_fatal {
                    return;
                }
                // Acknowledgements often need no more room where an event does.
                if had_appends && !marks.is_empty() {
                    match self.try_commit(&[], &marks) {
                        Ok(_) => self.committed.marked(),
                        Err(error) => self.failed(Vec::new(), marks, error),
                    }
                    return;
                }
                self.put_back(marks);
            }
        }
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

    fn refuse_beyond_limit(&self, appends: Vec<Append>) -> Vec<Append> {
        let limit = self.max_events;
        let mut free = limit.saturating_sub(self.figures.events.get());
        let mut taken = Vec::with_capacity(appends.len());
        for append in appends {
            let wanted = append.records.len() as u64;
            if wanted <= free {
                free -= wanted;
                taken.push(append);
            } else {
                self.figures.refused(wanted);
                append.answer.give(Err(NotStored::Full { limit }));
            }
        }
        taken
    }

    fn answer_all(&self, appends: Vec<Append>, error: &NotStored) {
        for append in appends {
            self.figures.refused(append.records.len() as u64);
            append.answer.give(Err(error.clone()));
        }
    }

    fn sweep(&mut self) {
        self.since_sweep = 0;
        let before = self.clock.now().saturating_sub(self.keep);
        while let Ok(Ok(swept)) = caught(|| self.store.sweep(self.last, before, SWEEP)) {
            self.figures.events.remove(swept);
            if swept < SWEEP as u64 || self.queue.queued_events() > 0 {
                return;
            }
        }
    }
}

type Begins = (Arc<Begun>, Position);

/// Adds to the marks up to where listeners may start events, if that has changed.
fn add_begun(marks: &mut Vec<Marks>, begun: Vec<Arc<Begun>>, last: Position) -> Vec<Begins> {
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

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Full { .. })
}

/// Whether the store takes nothing more until it is opened again.
fn is_fatal(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unknown { .. } | StoreError::NotOpen { .. } | StoreError::Corrupt { .. }
    )
}
