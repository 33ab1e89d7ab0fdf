//! What the jobs of a round and their submitters count. Relaxed throughout, so that the soak orders nothing for the pool.

use std::cell::Cell;
use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::plan::{Deadline, Plan};
use super::{SoakFault, SoakOperation, SoakSpec};

/// One job: what it is, what its submitter was told, and what became of it.
pub(super) struct JobRecord {
    pub(super) plan: Plan,
    submit_result: AtomicU8,
    runs: AtomicU32,
    finishes: AtomicU32,
    drops: AtomicU32,
}

/// What a submitter was told of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum SubmitResult {
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
    pub(super) mostly_waits: bool,
    pub(super) records: Mutex<Vec<Arc<JobRecord>>>,
    /// Submitters that have not ended.
    pub(super) submitters: AtomicUsize,
    /// What each thread of the soak is doing.
    current: Vec<AtomicU8>,
    /// Rises with whatever happens.
    pub(super) steps: AtomicU64,
    operations: [AtomicU64; SoakOperation::ALL.len()],
    /// Jobs that a pool was offered, those that it is being offered included.
    pub(super) offered: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) successful: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Threads of the pool that are inside a job.
    running: AtomicUsize,
    pub(super) peak_running: AtomicUsize,
    /// The greatest limit that the pool was given.
    pub(super) highest_limit: AtomicUsize,
    pub(super) is_fixed_size: AtomicBool,
    fault: Mutex<Option<SoakFault>>,
}

thread_local! {
    static IS_SOAK_THREAD: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A thread is inside a job until this is dropped.
pub(super) struct RunningGuard<'a>(Option<&'a Ledger>);

impl JobRecord {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            submit_result: AtomicU8::new(SubmitResult::Unknown as u8),
            runs: AtomicU32::new(0),
            finishes: AtomicU32::new(0),
            drops: AtomicU32::new(0),
        }
    }

    pub(super) fn submit_result(&self) -> SubmitResult {
        match self.submit_result.load(Relaxed) {
            result if result == SubmitResult::Accepted as u8 => SubmitResult::Accepted,
            result if result == SubmitResult::Rejected as u8 => SubmitResult::Rejected,
            _ => SubmitResult::Unknown,
        }
    }

    pub(super) fn set_submit_result(&self, result: SubmitResult) {
        self.submit_result.store(result as u8, Relaxed);
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
    pub(super) fn new(spec: SoakSpec, mostly_waits: bool, threads: usize) -> Self {
        let highest_limit = AtomicUsize::new(spec.max_workers);
        Self {
            spec,
            mostly_waits,
            records: Mutex::default(),
            submitters: AtomicUsize::new(0),
            current: (0..=threads).map(|_| AtomicU8::new(0)).collect(),
            steps: AtomicU64::new(0),
            operations: Default::default(),
            offered: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            started: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            successful: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            peak_running: AtomicUsize::new(0),
            highest_limit,
            is_fixed_size: AtomicBool::new(false),
            fault: Mutex::default(),
        }
    }

    /// The calling thread belongs to the soak: jobs that it runs are run inline.
    pub(super) fn mark_soak_thread() {
        IS_SOAK_THREAD.set(true);
    }

    /// A thread of the soak, if it is one, begins an operation.
    pub(super) fn start_operation(&self, thread: Option<usize>, operation: SoakOperation) {
        self.steps.fetch_add(1, Relaxed);
        self.operations[operation as usize].fetch_add(1, Relaxed);
        if let Some(thread) = thread {
            self.set_operation(thread, operation);
        }
    }

    /// A thread of the soak is at something that is not counted.
    pub(super) fn set_operation(&self, thread: usize, operation: SoakOperation) {
        self.current[thread].store(operation as u8, Relaxed);
    }

    pub(super) fn current_operations(&self) -> Vec<SoakOperation> {
        let operation = |thread: &AtomicU8| SoakOperation::ALL[usize::from(thread.load(Relaxed))];
        self.current.iter().map(operation).collect()
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
    pub(super) fn start_job(&self, record: &JobRecord) -> RunningGuard<'_> {
        let runs = record.runs.fetch_add(1, Relaxed) + 1;
        self.steps.fetch_add(1, Relaxed);
        if runs > 1 || record.drops() > 0 {
            self.fail(SoakFault::Duplicated {
                runs,
                drops: record.drops(),
            });
        }
        if record.submit_result() == SubmitResult::Rejected {
            return RunningGuard(None);
        }
        if record.must_not_run() {
            self.fail(SoakFault::RanPastDeadline);
        }
        self.started.fetch_add(1, Relaxed);
        // What runs inside another job on the same thread, or on a submitter, takes no worker.
        if IS_SOAK_THREAD.get() {
            return RunningGuard(None);
        }
        DEPTH.set(DEPTH.get() + 1);
        if DEPTH.get() == 1 {
            let running = self.running.fetch_add(1, Relaxed) + 1;
            self.peak_running.fetch_max(running, Relaxed);
            let limit = self.highest_limit.load(Relaxed);
            if running > limit {
                self.fail(SoakFault::TooManyRunning { running, limit });
            }
        }
        RunningGuard(Some(self))
    }

    /// A job is about to end, as it was to.
    pub(super) fn finish_job(&self, record: &JobRecord) {
        // Before the job's own mark, so that whoever sees that finds it counted.
        if record.submit_result() != SubmitResult::Rejected {
            let count = if record.plan.panic_mode.panics() {
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
    pub(super) fn drop_job(&self, record: &JobRecord) {
        if record.submit_result() != SubmitResult::Rejected {
            self.dropped.fetch_add(1, Relaxed);
        }
        let drops = record.drops.fetch_add(1, Relaxed) + 1;
        self.steps.fetch_add(1, Relaxed);
        if drops > 1 || record.runs() > 0 {
            self.fail(SoakFault::Duplicated {
                runs: record.runs(),
                drops,
            });
        }
    }
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        if let Some(ledger) = self.0 {
            DEPTH.set(DEPTH.get() - 1);
            if DEPTH.get() == 0 {
                ledger.running.fetch_sub(1, Relaxed);
            }
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
