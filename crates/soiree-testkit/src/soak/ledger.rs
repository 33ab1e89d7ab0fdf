//! What the jobs of a round and their submitters count. All orderings are `Relaxed`, so that the soak does not synchronize
//! threads in place of the pool.

use std::cell::Cell;
use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::plan::{Deadline, Plan};
use super::{SoakFault, SoakOperation, SoakSpec};

/// What is known of one job.
pub(super) struct JobRecord {
    pub(super) plan: Plan,
    submit_result: AtomicU8,
    runs: AtomicU32,
    finishes: AtomicU32,
    drops: AtomicU32,
}

/// What the pool returned to the submitter of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum SubmitResult {
    /// The call has not returned, or returned one result for several jobs.
    Unknown,
    Accepted,
    /// The pool returned the job. What the submitter then does with it does not count for the pool.
    Rejected,
}

/// All counters of one round.
pub(super) struct Ledger {
    pub(super) spec: SoakSpec,
    /// Whether most submissions wait for their job. A job that the pool forgot is then not run by a worker woken for the next.
    pub(super) mostly_waits: bool,
    /// Whether jobs are requeued as well. They wait above the capacity.
    pub(super) requeues: bool,
    pub(super) records: Mutex<Vec<Arc<JobRecord>>>,
    /// Submitting threads that have not finished.
    pub(super) submitters: AtomicUsize,
    /// The current operation of each thread of the soak.
    current: Vec<AtomicU8>,
    /// Increases with everything that happens, for the watchdog.
    pub(super) steps: AtomicU64,
    operations: [AtomicU64; SoakOperation::ALL.len()],
    /// Jobs that were submitted, counted before the call.
    pub(super) offered: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) successful: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Threads of the pool that run a job.
    running: AtomicUsize,
    pub(super) peak_running: AtomicUsize,
    /// The highest `max_workers` of the pool so far.
    pub(super) highest_limit: AtomicUsize,
    pub(super) is_fixed_size: AtomicBool,
    fault: Mutex<Option<SoakFault>>,
}

thread_local! {
    static IS_SOAK_THREAD: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Counts the thread as running a job until dropped.
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

    /// Whether the job has finished or was dropped.
    pub(super) fn is_settled(&self) -> bool {
        self.has_finished() || self.drops() > 0
    }

    pub(super) fn must_not_run(&self) -> bool {
        self.plan.deadline == Deadline::Past
    }
}

impl Ledger {
    pub(super) fn new(spec: SoakSpec, mostly_waits: bool, requeues: bool, threads: usize) -> Self {
        let highest_limit = AtomicUsize::new(spec.max_workers);
        Self {
            spec,
            mostly_waits,
            requeues,
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

    /// Marks the calling thread as one of the soak. Jobs that it runs take no worker of the pool.
    pub(super) fn mark_soak_thread() {
        IS_SOAK_THREAD.set(true);
    }

    /// Counts an operation. `thread` is `None` if a job runs it.
    pub(super) fn start_operation(&self, thread: Option<usize>, operation: SoakOperation) {
        self.steps.fetch_add(1, Relaxed);
        self.operations[operation as usize].fetch_add(1, Relaxed);
        if let Some(thread) = thread {
            self.set_operation(thread, operation);
        }
    }

    /// Sets the current operation of a thread without counting it.
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

    /// Records a fault. Keeps only the first, as later ones may be its consequences.
    pub(super) fn fail(&self, fault: SoakFault) {
        lock(&self.fault).get_or_insert(fault);
    }

    pub(super) fn fault(&self) -> Option<SoakFault> {
        lock(&self.fault).clone()
    }

    /// Records that a job starts on the calling thread.
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
        // A job that runs inline, inside another job or on a submitter, takes no worker.
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

    /// Records that a job is about to return or panic.
    pub(super) fn finish_job(&self, record: &JobRecord) {
        // Counted before the job is marked as finished, so that a thread that sees the mark sees the count.
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

    /// Records that a job was dropped without running.
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
