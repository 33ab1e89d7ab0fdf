//! A small correct pool with one lock and one condition variable. With a [`Fault`] it breaks one promise.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, EndedJob, Job, MAX_WORKERS, Overflow, ResizeError, SubmitError,
    SubmitErrorReason as Reason, WorkerContext,
};
use soiree_testkit::PoolSpec;

use crate::faults::Fault;
use crate::state::{Phase, State};

pub(crate) struct Shared {
    pub(crate) spec: PoolSpec,
    pub(crate) fault: Fault,
    pub(crate) context: WorkerContext,
    pub(crate) state: Mutex<State>,
    pub(crate) changed: Condvar,
    /// Held for reading around each job, if the fault is that `resize` waits for running jobs.
    pub(crate) running: RwLock<()>,
    /// How often `stats` was called.
    pub(crate) stats_calls: AtomicUsize,
}

impl Shared {
    pub(crate) fn submit(self: &Arc<Self>, job: Job, blocks: bool) -> Result<(), SubmitError> {
        let mut failed = None;
        let mut state = self.lock();
        loop {
            if state.phase != Phase::Open && !self.accepts_although_closed(&state) {
                return Err(self.reject(state, job, Reason::Closed));
            }
            if failed.is_none() && self.wants_worker(&state, 1) {
                drop(state);
                failed = self.start().err();
                state = self.lock();
                continue;
            }
            let alone = state.live == 0 || self.has(Fault::RejectsWhenALaterThreadFails);
            if let (true, Some(error)) = (alone, failed.take()) {
                return Err(self.reject(state, job, Reason::Spawn(error)));
            }
            if self.has_room(&state) {
                self.accept(&mut state, job);
                return Ok(());
            }
            let inside = self.context.depth() > 0 && !self.has(Fault::BlocksItsOwnWorkers);
            match self.overflow() {
                Overflow::Reject => return Err(self.reject(state, job, self.full())),
                _ if !blocks => return Err(self.reject(state, job, self.full())),
                Overflow::DropOldest => {
                    let oldest = match self.fault {
                        Fault::DropsTheNewestJob => state.queue.pop_back(),
                        _ => state.queue.pop_front(),
                    };
                    if oldest.is_none() {
                        return Err(self.reject(state, job, self.full()));
                    }
                    state.counted.discarded += 1;
                    match self.fault {
                        Fault::ReplacesJobsAheadOfWaiters => self.accept(&mut state, job),
                        _ => _ = state.line.push(job, false),
                    }
                    self.serve(&mut state);
                    drop(state);
                    drop(oldest);
                    return Ok(());
                }
                Overflow::CallerRuns => {
                    drop(state);
                    return self.run_inline(job).map(drop);
                }
                Overflow::Block | Overflow::BlockFor(_) if inside => {
                    drop(state);
                    return self.run_inline(job).map(drop);
                }
                Overflow::Block => return self.wait_for_place(state, job, None),
                Overflow::BlockFor(timeout) => {
                    return self.wait_for_place(state, job, Some(timeout));
                }
            }
        }
    }

    pub(crate) fn accept(&self, state: &mut State, job: Job) {
        state.submitted += 1;
        if self.loses_job(state) {
            state.counted.successful += 1;
            return;
        }
        state.queue.push_back(job);
        self.changed.notify_all();
    }

    fn wait_for_place(
        &self,
        mut state: MutexGuard<'_, State>,
        job: Job,
        timeout: Option<Duration>,
    ) -> Result<(), SubmitError> {
        let since = Instant::now();
        let number = state.line.push(job, true);
        let reason = loop {
            let closed = state.phase != Phase::Open && !self.accepts_although_closed(&state);
            if closed && !self.stays_asleep(&state) {
                break Reason::Closed;
            }
            let waited = since.elapsed();
            state = match timeout.map(|timeout| timeout.checked_sub(waited)) {
                None => self.wait(state),
                Some(Some(rest)) => self.wait_for(state, rest),
                Some(None) if self.has(Fault::ReportsFullInsteadOfTimedOut) => break self.full(),
                Some(None) => break Reason::TimedOut { waited },
            };
            if !state.line.contains(number) {
                return Ok(());
            }
        };
        match state.line.take_number(number) {
            Some(job) => Err(self.reject(state, job, reason)),
            None => Ok(()),
        }
    }

    pub(crate) fn reject(
        &self,
        mut state: MutexGuard<'_, State>,
        job: Job,
        reason: Reason,
    ) -> SubmitError {
        match self.fault {
            Fault::CountsRejectedJobsAsSubmitted => {
                state.submitted += 1;
                state.counted.rejected += 1;
            }
            Fault::DoesNotCountRejectedJobs => {}
            _ => state.counted.rejected += 1,
        }
        drop(state);
        match self.fault {
            Fault::ReturnsAnotherJob => SubmitError::new(Job::new(|| {}), reason),
            _ => SubmitError::new(job, reason),
        }
    }

    pub(crate) fn work(&self) {
        let _guard = self.context.enter_worker();
        let mut state = self.lock();
        let mut idle_since = Instant::now();
        loop {
            self.serve(&mut state);
            let above = state.live > self.limit(&state);
            if above && self.leaves(&state) {
                break;
            }
            let declines = above && self.has(Fault::KeepsWorkersAboveTheLimit);
            if !declines {
                if let Some(job) = state.queue.pop_front() {
                    state.busy += 1;
                    self.serve(&mut state);
                    self.changed.notify_all();
                    drop(state);
                    let ended = self.run(job);
                    state = self.lock();
                    state.busy -= 1;
                    self.count(&mut state, ended.outcome());
                    self.changed.notify_all();
                    drop(state);
                    // Without the lock: dropping the payload of a panic runs user code.
                    self.drop_outcome(ended);
                    state = self.lock();
                    idle_since = Instant::now();
                    continue;
                }
            }
            if state.phase != Phase::Open {
                break;
            }
            let rest = self.spec.idle_timeout.checked_sub(idle_since.elapsed());
            state = match (self.fault, rest) {
                (Fault::BusyWaitsWhenIdle, Some(_)) => {
                    drop(state);
                    thread::yield_now();
                    self.lock()
                }
                (Fault::PollsWhenIdle, Some(rest)) => {
                    self.wait_for(state, rest.min(Duration::from_millis(5)))
                }
                _ if self.stays(&state) => self.wait(state),
                (_, Some(rest)) => self.wait_for(state, rest),
                (Fault::LeavesWithoutCheckingTheQueue, None) => {
                    drop(state);
                    (0..50).for_each(|_| thread::yield_now());
                    state = self.lock();
                    break;
                }
                (_, None) => break,
            };
        }
        state.live -= 1;
        self.changed.notify_all();
    }

    pub(crate) fn run_inline(&self, job: Job) -> Result<EndedJob, SubmitError> {
        let guard = self.context.enter_inline();
        let mut state = self.lock();
        if guard.is_none() && !self.has(Fault::HasNoRecursionLimit) {
            let depth = self.context.depth();
            return Err(self.reject(state, job, Reason::RecursionLimit { depth }));
        }
        if state.phase != Phase::Open {
            return Err(self.reject(state, job, Reason::Closed));
        }
        state.submitted += 1;
        state.inline += 1;
        drop(state);
        let ended = job.run_for_pool();
        let mut state = self.lock();
        state.inline -= 1;
        self.count(&mut state, ended.outcome());
        self.changed.notify_all();
        Ok(ended)
    }

    /// Drops the queued jobs and returns how many there were.
    pub(crate) fn stop(&self) -> usize {
        self.close(Phase::Stopping);
        if self.has(Fault::RunsQueuedJobsAfterAStop) {
            return 0;
        }
        let mut state = self.lock();
        let mut queue = std::mem::take(&mut state.queue);
        if !self.has(Fault::ForgetsRequeuedWorkAtAStop) {
            let requeued = state.line.take_requeued();
            state.submitted += requeued.len() as u64;
            queue.extend(requeued);
        }
        let dropped = queue.len();
        match self.fault {
            Fault::CountsDroppedJobsAsSuccessful => state.counted.successful += dropped as u64,
            _ => state.counted.discarded += dropped as u64,
        }
        match self.fault {
            Fault::LeaksQueuedJobsAtAStop => std::mem::forget(queue),
            Fault::HoldsItsLockWhileDroppingJobs => drop(queue),
            _ => {
                drop(state);
                drop(queue);
            }
        }
        dropped
    }

    pub(crate) fn release(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.close(Phase::Draining);
        if self.has(Fault::DropsQueuedJobsInARelease) {
            self.stop();
        }
        if self.has(Fault::DoesNotWaitInARelease) {
            return Ok(());
        }
        let on_worker = self.context.is_worker() && !self.has(Fault::WaitsForItselfInARelease);
        let mut state = self.lock();
        state.releasing += usize::from(on_worker);
        self.changed.notify_all();
        let in_time = loop {
            let not_waited_for = if on_worker { state.releasing } else { 0 };
            let keeps_places =
                state.reserved > 0 && self.has(Fault::WaitsForReservationsInARelease);
            if state.live <= not_waited_for && !keeps_places {
                break true;
            }
            if self.has(Fault::IgnoresTheDeadlineOfARelease) {
                state = self.wait(state);
                continue;
            }
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                break false;
            };
            state = self.wait_for(state, rest);
        };
        state.releasing -= usize::from(on_worker);
        drop(state);
        if in_time {
            return Ok(());
        }
        let discarded = self.stop();
        let state = self.lock();
        let active = (state.busy + state.inline).saturating_sub(self.context.depth());
        if active + discarded == 0 {
            return Ok(());
        }
        Err(DrainTimeout::new(active, discarded))
    }

    pub(crate) fn resize(self: &Arc<Self>, max: usize) -> Result<(), ResizeError> {
        let min = self.spec.min_workers;
        if max == 0 && !self.has(Fault::ResizesToNoWorkers) {
            return Err(ResizeError::NoWorkers);
        }
        if max < min && !self.has(Fault::ResizesBelowTheMinimum) {
            return Err(ResizeError::BelowMin { max, min });
        }
        if max > MAX_WORKERS && !self.has(Fault::ResizesToAnything) {
            return Err(ResizeError::TooLarge { max });
        }
        if self.has(Fault::WaitsForRunningJobsInAResize) {
            drop(self.running.write().unwrap_or_else(PoisonError::into_inner));
        }
        let mut state = self.lock();
        if self.has(Fault::LosesAJobWhenShrinking) && max < state.max_workers {
            let lost = state.queue.pop_front();
            state.counted.discarded += u64::from(lost.is_some());
        }
        state.max_workers = max;
        state.resized = true;
        if self.has(Fault::StartsNothingWhenGrowing) {
            return Ok(());
        }
        self.changed.notify_all();
        while self.wants_worker(&state, state.line.count(true) + state.line.count(false)) {
            drop(state);
            if self.start().is_err() {
                break;
            }
            state = self.lock();
        }
        Ok(())
    }
}
