//! What the jobs of a round and their submitters count. Relaxed throughout, so that the soak orders nothing for the pool.

use std::cell::Cell;
use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::plan::{Deadline, Plan};
use super::{SoakFault, SoakOperation, SoakSpec};

/// One job: what it is, what its submitter was told, and what became of it.
pub(super) struct Record {
    pub(super) plan: Plan,
    answer: AtomicU8,
    runs: AtomicU32,
    finishes: AtomicU32,
    drops: AtomicU32,
}

/// What a submitter was told of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Answer {
    /// Nothing, or not of this one among several.
    Unknown,
    Accepted,
    /// The job came back. What is done to it afterwards is the submitter's own affair.
    Rejected,
}

/// All that is counted in one round.
pub(super) struct Ledger {
    pub(super) spec: SoakSpec,
    /// Whether nearly every submission waits for its job, so that a stranded one is not found by those that follow.
    pub(super) is_patient: bool,
    pub(super) records: Mutex<Vec<Arc<Record>>>,
    /// Submitters that have not ended.
    pub(super) submitters: AtomicUsize,
    /// What each thread of the soak is doing.
    doing: Vec<AtomicU8>,
    /// Rises with whatever happens.
    pub(super) steps: AtomicU64,
    operations: [AtomicU64; SoakOperation::ALL.len()],
    /// Jobs that a pool was offered, those that it is being offered included.
    pub(super) offered: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) begun: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) successful: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Threads of the pool that are inside a job.
    at_once: AtomicUsize,
    pub(super) most_at_once: AtomicUsize,
    /// The greatest limit that the pool was given.
    pub(super) greatest_limit: AtomicUsize,
    pub(super) is_fixed: AtomicBool,
    fault: Mutex<Option<SoakFault>>,
}

thread_local! {
    static IS_SOAK: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A thread is inside a job until this is dropped.
pub(super) struct Inside<'a>(Option<&'a Ledger>);

impl Record {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            answer: AtomicU8::new(Answer::Unknown as u8),
            runs: AtomicU32::new(0),
            finishes: AtomicU32::new(0),
            drops: AtomicU32::new(0),
        }
    }

    pub(super) fn answer(&self) -> Answer {
        match self.answer.load(Relaxed) {
            answer if answer == Answer::Accepted as u8 => Answer::Accepted,
            answer if answer == Answer::Rejected as u8 => Answer::Rejected,
            _ => Answer::Unknown,
        }
    }

    pub(super) fn answered(&self, answer: Answer) {
        self.answer.store(answer as u8, Relaxed);
    }

    pub(super) fn runs(&self) -> u32 {
        self.runs.load(Relaxed)
    }

    pub(super) fn drops(&self) -> u32 {
        self.drops.load(Relaxed)
    }

    pub(super) fn has_finished(&self) -> bool {
        self.finishes.load(Relaxed) > 0
    }

    /// Whether nothing more is to come of it.
    pub(super) fn is_settled(&self) -> bool {
        self.has_finished() || self.drops() > 0
    }

    pub(super) fn must_not_run(&self) -> bool {
        self.plan.deadline == Deadline::Past
    }
}

impl Ledger {
    pub(super) fn new(spec: SoakSpec, is_patient: bool, threads: usize) -> Self {
        let greatest_limit = AtomicUsize::new(spec.max_workers);
        Self {
            spec,
            is_patient,
            records: Mutex::default(),
            submitters: AtomicUsize::new(0),
            doing: (0..=threads).map(|_| AtomicU8::new(0)).collect(),
            steps: AtomicU64::new(0),
            operations: Default::default(),
            offered: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            successful: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            greatest_limit,
            is_fixed: AtomicBool::new(false),
            fault: Mutex::default(),
        }
    }

    /// The calling thread belongs to the soak: jobs that it runs are run inline.
    pub(super) fn enter_soak() {
        IS_SOAK.set(true);
    }

    /// A thread of the soak, if it is one, begins an operation.
    pub(super) fn does(&self, thread: Option<usize>, operation: SoakOperation) {
        self.steps.fetch_add(1, Relaxed);
        self.operations[operation as usize].fetch_add(1, Relaxed);
        if let Some(thread) = thread {
            self.is_at(thread, operation);
        }
    }

    /// A thread of the soak is at something that is not counted.
    pub(super) fn is_at(&self, thread: usize, operation: SoakOperation) {
        self.doing[thread].store(operation as u8, Relaxed);
    }

    pub(super) fn doing(&self) -> Vec<SoakOperation> {
        let operation = |thread: &AtomicU8| SoakOperation::ALL[usize::from(thread.load(Relaxed))];
        self.doing.iter().map(operation).collect()
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = (SoakOperation, u64)> {
        let times = self.operations.iter().map(|times| times.load(Relaxed));
        SoakOperation::ALL.into_iter().zip(times)
    }

    /// Only the first fault is kept; what follows may follow from it.
    pub(super) fn fail(&self, fault: SoakFault) {
        lock(&self.fault).get_or_insert(fault);
    }

    pub(super) fn fault(&self) -> Option<SoakFault> {
        lock(&self.fault).clone()
    }

    /// A job begins on the calling thread.
    pub(super) fn begin(&self, record: &Record) -> Inside<'_> {
        let runs = record.runs.fetch_add(1, Relaxed) + 1;
        self.steps.fetch_add(1, Relaxed);
        if runs > 1 || record.drops() > 0 {
            self.fail(SoakFault::Repeated {
                runs,
                drops: record.drops(),
            });
        }
        if record.answer() == Answer::Rejected {
            return Inside(None);
        }
        if record.must_not_run() {
            self.fail(SoakFault::RanLate);
        }
        self.begun.fetch_add(1, Relaxed);
        // What runs inside another job on the same thread, or on a submitter, takes no worker.
        if IS_SOAK.get() {
            return Inside(None);
        }
        DEPTH.set(DEPTH.get() + 1);
        if DEPTH.get() == 1 {
            let at_once = self.at_once.fetch_add(1, Relaxed) + 1;
            self.most_at_once.fetch_max(at_once, Relaxed);
            let limit = self.greatest_limit.load(Relaxed);
            if at_once > limit {
                self.fail(SoakFault::TooManyAtOnce { at_once, limit });
            }
        }
        Inside(Some(self))
    }

    /// A job is about to end, as it was to.
    pub(super) fn finish(&self, record: &Record) {
        // Before the job's own mark, so that whoever sees that finds it counted.
        if record.answer() != Answer::Rejected {
            let count = if record.plan.manner.panics() {
                &self.failed
            } else {
                &self.successful
            };
            count.fetch_add(1, Relaxed);
        }
        record.finishes.fetch_add(1, Relaxed);
        self.steps.fetch_add(1, Relaxed);
    }

    /// A job was dropped unrun.
    pub(super) fn drop_unrun(&self, record: &Record) {
        if record.answer() != Answer::Rejected {
            self.dropped.fetch_add(1, Relaxed);
        }
        let drops = record.drops.fetch_add(1, Relaxed) + 1;
        self.steps.fetch_add(1, Relaxed);
        if drops > 1 || record.runs() > 0 {
            self.fail(SoakFault::Repeated {
                runs: record.runs(),
                drops,
            });
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(ledger) = self.0 {
            DEPTH.set(DEPTH.get() - 1);
            if DEPTH.get() == 0 {
                ledger.at_once.fetch_sub(1, Relaxed);
            }
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
