//! The reference pool as a `Pool`, and the faults that concern one method each.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, EndedJob, Job, JobId, JobOutcome, Pool, PoolStats, Reservation, Reserve,
    ResizeError, SubmitError, SubmitErrorReason, WaitError, WorkerCheck, WorkerContext,
};
use soiree_testkit::PoolSpec;

use crate::faults::Fault;
use crate::reference::Shared;
use crate::state::{Phase, State};

pub(crate) struct Reference {
    /// Shared with the worker check if the fault is that the check keeps the pool alive.
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
}

impl Reference {
    pub(crate) fn new(spec: PoolSpec, fault: Fault) -> Self {
        let state = State::new(spec.max_workers);
        let shared = Arc::new(Shared {
            spec,
            fault,
            context: WorkerContext::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
            running: RwLock::new(()),
            stats_calls: AtomicUsize::new(0),
        });
        let handle = Arc::new(Handle { shared });
        Self { handle }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn fault(&self) -> Fault {
        self.shared().fault
    }

    fn one_more_if(&self, fault: Fault, count: u64) -> u64 {
        count + u64::from(self.fault() == fault)
    }
}

impl Pool for Reference {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared().submit(job, true)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared()
            .submit(job, self.fault() == Fault::WaitsInTrySubmit)
    }

    fn submit_now(&self, job: Job) -> Result<(), SubmitError> {
        match self.fault() {
            Fault::LosesJobsInSubmitNow => Ok(()),
            Fault::WaitsInSubmitNow => self.shared().submit(job, true),
            _ => self.try_submit(job),
        }
    }

    fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        self.shared().requeue(job)
    }

    fn run_queued(&self, id: JobId) -> bool {
        self.shared().run_queued(id)
    }

    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        self.shared().try_reserve()
    }

    fn reserves_places(&self) -> bool {
        self.shared().spec.capacity > 0
    }

    fn reserve(&self) -> Option<Reserve> {
        Some(self.shared().reserve())
    }

    fn is_closed(&self) -> bool {
        match self.fault() {
            Fault::NeverSaysThatItIsClosed => false,
            _ => self.shared().lock().phase != Phase::Open,
        }
    }

    fn wait_idle(&self, deadline: Instant) -> bool {
        match self.fault() {
            Fault::DoesNotWaitUntilItIsIdle => true,
            Fault::IgnoresTheDeadlineOfWaitIdle => {
                while !self.stats().is_idle() && !self.on_worker() {
                    std::thread::yield_now();
                }
                true
            }
            Fault::WaitsForItselfInWaitIdle => {
                while !self.stats().is_idle() && Instant::now() < deadline {
                    std::thread::yield_now();
                }
                self.stats().is_idle()
            }
            _ => DefaultMethods(self).wait_idle(deadline),
        }
    }

    fn stop_and_take_jobs(&self) -> Vec<Job> {
        match self.fault() {
            Fault::ReturnsOnlyTheFirstJobOfAStop => {
                let first = self.shared().lock().queue.pop_front();
                self.shared().lock().counted.discarded += u64::from(first.is_some());
                let rest = std::mem::take(&mut self.shared().lock().queue);
                self.shared().lock().counted.discarded += rest.len() as u64;
                std::mem::forget(rest);
                self.stop();
                first.into_iter().collect()
            }
            _ => DefaultMethods(self).stop_and_take_jobs(),
        }
    }

    fn polls_futures(&self) -> bool {
        self.fault() == Fault::RunsFuturesWhereItPollsThem
    }

    fn stop(&self) {
        let phase = self.shared().lock().phase;
        match self.fault() {
            Fault::IgnoresAStopDuringARelease if phase == Phase::Draining => return,
            Fault::HangsInASecondStop if phase == Phase::Stopping => loop {
                std::thread::park();
            },
            _ => {}
        }
        self.shared().stop();
        let on_worker = self.shared().context.depth() > 0;
        let waits = match self.fault() {
            Fault::WaitsForTheJobThatStops => on_worker,
            Fault::WaitsInAStop => !on_worker,
            _ => false,
        };
        let mut state = self.shared().lock();
        while waits && state.busy > 0 {
            state = self.shared().wait(state);
        }
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        let released = self.shared().release(deadline);
        // With a far deadline the caller is `release`, which would retry forever.
        let is_near = deadline < Instant::now() + Duration::from_secs(24 * 3600);
        match self.fault() {
            Fault::ReportsEveryReleaseAsTimedOut if is_near => Err(DrainTimeout::new(0, 0)),
            Fault::ReportsEveryReleaseAsComplete => Ok(()),
            _ => released,
        }
    }

    fn stats(&self) -> PoolStats {
        self.shared().stats()
    }

    fn on_worker(&self) -> bool {
        match self.fault() {
            Fault::IsNeverOnWorker => false,
            Fault::IsAlwaysOnWorker => true,
            _ => self.shared().context.depth() > 0,
        }
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        let check = self.shared().context.worker_check();
        let handle = Arc::clone(&self.handle);
        match self.fault() {
            Fault::HasNoWorkerCheck => None,
            Fault::HasAWorkerCheckThatIsAlwaysTrue => Some(WorkerCheck::new(|| true)),
            Fault::ForgetsItsWorkersWhenDropped => {
                let pool = Arc::downgrade(&handle);
                Some(WorkerCheck::new(move || {
                    pool.strong_count() > 0 && check.is_worker()
                }))
            }
            Fault::KeepsThePoolAliveInTheWorkerCheck => Some(WorkerCheck::new(move || {
                let _ = &handle;
                check.is_worker()
            })),
            _ => Some(check),
        }
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        match self.fault() {
            Fault::DoesNotCountInlineJobs => Ok(job.run()),
            Fault::QueuesInlineJobs => self.submit(job).map(|()| JobOutcome::Completed),
            Fault::HidesInlinePanics => {
                drop(self.shared().run_inline(job)?);
                Ok(JobOutcome::Completed)
            }
            _ => self.shared().run_inline(job).map(EndedJob::into_outcome),
        }
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        match self.fault() {
            Fault::DoesNotResize => Ok(()),
            _ => self.shared().resize(max_workers),
        }
    }

    fn submit_and_wait(&self, job: Job) -> Result<(), WaitError> {
        match self.fault() {
            Fault::DoesNotWaitForAJob => Ok(self.submit(job)?),
            _ => DefaultMethods(self).submit_and_wait(job),
        }
    }

    fn submit_before(&self, job: Job, deadline: Instant) -> Result<(), SubmitError> {
        match self.fault() {
            Fault::RunsExpiredJobs => self.submit(job),
            Fault::TreatsEveryDeadlineAsPassed => self.submit(job.before(Instant::now())),
            _ => self.submit(job.before(deadline)),
        }
    }

    fn submit_all_and_wait(&self, jobs: Vec<Job>) -> Result<(), WaitError> {
        match self.fault() {
            Fault::DoesNotWaitForAllJobs => {
                jobs.into_iter().try_for_each(|job| Ok(self.submit(job)?))
            }
            Fault::StopsAtTheFirstError => jobs
                .into_iter()
                .try_for_each(|job| self.submit_and_wait(job)),
            _ => DefaultMethods(self).submit_all_and_wait(jobs),
        }
    }

    fn stop_and_wait_for(&self, timeout: Duration) -> Result<(), DrainTimeout> {
        match self.fault() {
            Fault::DoesNotWaitForAStop => {
                self.stop();
                return Ok(());
            }
            Fault::DropsQueuedJobsInStopAndWaitFor => self.stop(),
            _ => {}
        }
        self.release_with_deadline(Instant::now() + timeout)
    }

    fn running(&self) -> usize {
        self.one_more_if(Fault::OverstatesRunning, self.stats().running as u64) as usize
    }

    fn idle_workers(&self) -> usize {
        self.one_more_if(Fault::OverstatesIdleWorkers, self.stats().idle as u64) as usize
    }

    fn submitted_tasks(&self) -> u64 {
        self.one_more_if(Fault::OverstatesSubmittedTasks, self.stats().submitted)
    }

    fn waiting_tasks(&self) -> usize {
        self.one_more_if(Fault::OverstatesWaitingTasks, self.stats().waiting as u64) as usize
    }

    fn successful_tasks(&self) -> u64 {
        self.one_more_if(Fault::OverstatesSuccessfulTasks, self.stats().successful)
    }

    fn failed_tasks(&self) -> u64 {
        self.one_more_if(Fault::OverstatesFailedTasks, self.stats().failed)
    }

    fn completed_tasks(&self) -> u64 {
        self.one_more_if(Fault::OverstatesCompletedTasks, self.stats().completed())
    }
}

/// The pool with the provided methods of the trait.
struct DefaultMethods<'a>(&'a Reference);

impl Pool for DefaultMethods<'_> {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.try_submit(job)
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.0.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.0.stats()
    }

    fn on_worker(&self) -> bool {
        self.0.on_worker()
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.0.run_inline(job)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let shared = &self.shared;
        let on_worker = shared.context.depth() > 0;
        match shared.fault {
            Fault::DoesNotEndWhenDropped => {}
            Fault::DropsQueuedJobsWhenDropped => _ = shared.stop(),
            Fault::WaitsWhenDropped if !on_worker => {
                let year = Duration::from_secs(365 * 24 * 3600);
                let _ = shared.release(Instant::now() + year);
            }
            Fault::WaitsForItselfWhenDropped if on_worker => loop {
                std::thread::park();
            },
            _ => shared.close(Phase::Draining),
        }
    }
}
