//! The decisions of the reference pool; a fault makes one of them wrong.

use std::future::{Future, IntoFuture};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use soiree_core::{EndedJob, Job, JobOutcome, Overflow, PoolStats, SubmitErrorReason as Reason};

use crate::faults::Fault;
use crate::reference::Shared;
use crate::state::{Phase, State};

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.changed.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_for<'a>(
        &self,
        state: MutexGuard<'a, State>,
        timeout: Duration,
    ) -> MutexGuard<'a, State> {
        let woken = self.changed.wait_timeout(state, timeout);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    pub(crate) fn loses_job(&self, state: &State) -> bool {
        let number = state.submitted;
        match self.fault {
            Fault::LosesAJobAfterAResize => number == 500 && state.resized,
            Fault::LosesOneJobInAThousand => number % 1_000 == 0,
            Fault::LosesAJobWhileWorkersStartAndLeave => {
                number == 500 && self.spec.idle_timeout < Duration::from_millis(1)
            }
            _ => false,
        }
    }

    pub(crate) fn limit(&self, state: &State) -> usize {
        match self.fault {
            Fault::ExceedsMaxWorkersByOneUnderLoad if state.submitted > 100 => {
                state.max_workers + 1
            }
            Fault::NeverHasMoreThanThreeWorkers => state.max_workers.min(3),
            _ => state.max_workers,
        }
    }

    /// Whether there is a worker or room in the queue for one more job.
    pub(crate) fn has_room(&self, state: &State) -> bool {
        let to_start = self.limit(state).saturating_sub(state.live);
        let is_next = state.line.is_empty() || self.has(Fault::LetsNewJobsOvertakeWaiters);
        is_next
            && state.queue.len() + self.reserved(state) < state.free() + to_start + self.capacity()
    }

    pub(crate) fn capacity(&self) -> usize {
        match (self.fault, self.spec.capacity) {
            (Fault::QueuesOneJobTooMany, 1..) => self.spec.capacity + 1,
            (Fault::QueuesWithCapacity0, 0) => 1,
            (_, capacity) => capacity,
        }
    }

    /// Whether to start a worker for the queued jobs and for `coming` more.
    pub(crate) fn wants_worker(&self, state: &State, coming: usize) -> bool {
        let free = match self.fault {
            Fault::ReliesOnAWorkerThatHasAJobComing if coming > 0 && state.free() > 0 => {
                return false;
            }
            _ => state.free(),
        };
        state.queue.len() + coming > free && state.live < self.limit(state)
    }

    pub(crate) fn overflow(&self) -> Overflow {
        match (self.fault, self.spec.overflow) {
            (Fault::RejectsInsteadOfBlocking, Overflow::Block)
            | (Fault::RejectsInsteadOfRunningOnTheCaller, Overflow::CallerRuns) => Overflow::Reject,
            (Fault::BlocksInsteadOfRejecting, Overflow::Reject) => Overflow::Block,
            (_, overflow) => overflow,
        }
    }

    pub(crate) fn full(&self) -> Reason {
        if self.has(Fault::RejectsWithAWrongReason) {
            return Reason::Other("no room".into());
        }
        let capacity = self.spec.capacity;
        Reason::Full { capacity }
    }

    pub(crate) fn accepts_although_closed(&self, state: &State) -> bool {
        match self.fault {
            Fault::AcceptsAfterAStop => state.phase == Phase::Stopping,
            Fault::AcceptsAfterARelease => state.phase == Phase::Draining,
            Fault::AcceptsFromItsWorkersDuringARelease => {
                state.phase == Phase::Draining && self.context.depth() > 0
            }
            _ => false,
        }
    }

    /// Whether a blocked submitter keeps waiting although the pool has closed.
    pub(crate) fn stays_asleep(&self, state: &State) -> bool {
        let slept_through = match self.fault {
            Fault::DoesNotWakeSubmittersAtAStop => Phase::Stopping,
            Fault::DoesNotWakeSubmittersAtARelease => Phase::Draining,
            _ => return false,
        };
        state.phase == slept_through && state.busy > 0
    }

    /// Whether a worker above the limit leaves before its next job.
    pub(crate) fn leaves(&self, state: &State) -> bool {
        match self.fault {
            Fault::KeepsWorkersAboveTheLimit => state.phase != Phase::Open,
            Fault::LetsWorkersAboveTheLimitContinue => state.queue.is_empty(),
            _ => true,
        }
    }

    /// Whether an idle worker stays without a timeout.
    pub(crate) fn stays(&self, state: &State) -> bool {
        match self.fault {
            Fault::KeepsIdleWorkers => true,
            Fault::KeepsNoIdleWorkers => false,
            _ => state.live <= self.spec.min_workers,
        }
    }

    pub(crate) fn run(&self, job: Job) -> EndedJob {
        let holds = self.has(Fault::WaitsForRunningJobsInAResize);
        let _running = holds.then(|| self.running.read());
        match self.fault {
            Fault::CountsJobsAfterTheirWaitersWake => {
                let outcome = job.run();
                thread::yield_now();
                ended(outcome)
            }
            Fault::ReliesOnTheTokenOfItsThreadInAPoll if job.is_future() => ended(park_on(job)),
            _ => job.run_for_pool(),
        }
    }

    pub(crate) fn count(&self, state: &mut State, outcome: &JobOutcome) {
        match (self.fault, outcome) {
            (Fault::CountsPanicsAsSuccessful, JobOutcome::Panicked(_))
            | (Fault::CountsExpiredJobsAsSuccessful, JobOutcome::Expired) => {
                state.counted.successful += 1;
            }
            (Fault::CountsSuccessfulJobsAsExpired, JobOutcome::Completed) => {
                state.counted.expired += 1;
            }
            _ => state.count(outcome),
        }
        let counted = state.counted.completed() + state.counted.expired;
        if self.has(Fault::CountsOneJobTwice) && counted == 400 {
            state.counted.successful += 1;
        }
    }

    pub(crate) fn drop_outcome(&self, ended: EndedJob) {
        let is_wrong = matches!(
            self.fault,
            Fault::LosesAWorkerOnEachPanic | Fault::DropsPanicPayloadsOutsideCatchUnwind
        );
        if !is_wrong {
            return drop(ended);
        }
        let JobOutcome::Panicked(payload) = ended.into_outcome() else {
            return;
        };
        match self.fault {
            Fault::LosesAWorkerOnEachPanic => {
                drop(payload);
                resume_unwind(Box::new(()));
            }
            Fault::DropsPanicPayloadsOutsideCatchUnwind => drop(payload.into_inner()),
            _ => drop(payload),
        }
    }

    pub(crate) fn close(&self, phase: Phase) {
        let mut state = self.lock();
        if state.phase < phase {
            state.phase = phase;
        }
        if !self.has(Fault::WaitsForReservationsInARelease) {
            state.reserved = 0;
        }
        if !self.has(Fault::DoesNotWakeTasksWhenItCloses) {
            state.line.end_tasks();
        }
        self.serve(&mut state);
        self.changed.notify_all();
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let state = self.lock();
        let assigned = state.queue.len().min(state.free());
        let mut stats = state.counted;
        stats.running = state.live;
        stats.idle = state.free() - assigned;
        stats.active = state.busy + state.inline + assigned;
        stats.waiting = state.queue.len() - assigned;
        stats.capacity = self.spec.capacity;
        stats.max_workers = state.max_workers;
        stats.min_workers = self.spec.min_workers;
        stats.submitted = state.submitted;
        stats.requeued = state.line.count(false);
        stats.blocked = state.line.count(true);
        stats.reserved = state.reserved;
        self.falsify(&state, &mut stats);
        stats
    }

    fn falsify(&self, state: &State, stats: &mut PoolStats) {
        match self.fault {
            Fault::ShowsOneWorkerTooFew => stats.running = stats.running.saturating_sub(1),
            Fault::ShowsOneWorkerTooMany => stats.running += 1,
            Fault::ShowsAllWorkersAsIdle => stats.idle = stats.running,
            Fault::ShowsWaitingJobsAsActive => {
                stats.active += stats.waiting;
                stats.waiting = 0;
            }
            Fault::ShowsTheThirdActiveJobAsWaiting if stats.active == 3 => {
                stats.active -= 1;
                stats.waiting += 1;
            }
            Fault::ShowsNoMaximum => stats.max_workers = 0,
            Fault::ShowsNoCapacity => stats.capacity = 0,
            Fault::ShowsNoMinimum => stats.min_workers = 0,
            Fault::ShowsWorkersThatHaveEnded if state.phase != Phase::Open => {
                stats.running = state.max_workers;
            }
            Fault::ShowsJobsThatNobodySubmitted if state.submitted > 400 => {
                stats.submitted += 50;
                stats.successful += 50;
            }
            Fault::ShowsAnEndedJobAsActiveAgain if stats.successful > 100 => {
                let odd = self.stats_calls.fetch_add(1, Ordering::Relaxed) % 2;
                stats.successful -= odd as u64;
                stats.active += odd;
            }
            Fault::ShowsPeaksThatAreTooLow => stats.peak_running = 1,
            Fault::ShowsNoBlockedSubmitters => stats.blocked = 0,
            Fault::ShowsNoRequeuedWork => stats.requeued = 0,
            Fault::ShowsAJobThatNeverEnds if stats.submitted == 30 => {
                stats.submitted += 1;
                stats.waiting += 1;
            }
            _ => {}
        }
    }
}

/// A job that has ended in this way, for faults that have run it in their own way.
fn ended(outcome: JobOutcome) -> EndedJob {
    let is_expired = matches!(outcome, JobOutcome::Expired);
    let job = Job::new(|| {
        if let JobOutcome::Panicked(payload) = outcome {
            resume_unwind(payload.into_inner());
        }
    });
    match is_expired {
        true => job.before(Instant::now() - Duration::from_nanos(1)),
        false => job,
    }
    .run_for_pool()
}

/// Polls a future, and has only the token of the thread to know that it was woken.
fn park_on(job: Job) -> JobOutcome {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(job.into_future());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => thread::park(),
        }
    }
}
