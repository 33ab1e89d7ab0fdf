//! The state of a pool: its two channels, what waits for a place in them, its lifecycle phase, and how many threads search or sleep.

use crate::job_queue::JobQueue;
use crate::strategy::Load;
use crate::waiters::Waiters;
use crate::worker_permits::WorkerPermits;

/// The lifecycle of a pool. A later phase is never followed by an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Rejects new jobs and runs the queued ones.
    Draining,
    /// Rejects new jobs and discards the queued ones.
    Stopping,
}

/// Both channels and all bookkeeping, behind ONE lock, for speed.
///
/// Every job needs both channels at once: whether it has room depends on the idle workers, and whether to start a worker depends
/// on the queue. With a lock for each, or with two ready-made channels, every job would synchronize twice, and would then have to
/// check the first channel again because it may have changed. With one lock, a submitter locks once to count and queue a job, and a
/// worker locks once to take and start it. This also keeps the jobs in exact order.
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) jobs: JobQueue,
    pub(crate) permits: WorkerPermits,
    /// What waits for a place in `jobs`. With a live worker it is empty whenever there is room, since the thread that makes room
    /// serves the waiters under the same lock. So a new job never overtakes them.
    pub(crate) waiters: Waiters,
    /// Idle workers that poll the queue before they sleep.
    pub(crate) searching: usize,
    pub(crate) sleeping: usize,
    /// Sleeping workers that were notified and do not run yet.
    notified: usize,
    /// Workers that wait inside a release of their own pool.
    pub(crate) releasing: usize,
    /// How often a thread was started, and did not become a worker.
    pub(crate) failed_starts: u64,
}

impl State {
    pub(crate) fn new(max_workers: usize, capacity: usize) -> Self {
        Self {
            phase: Phase::Running,
            jobs: JobQueue::new(capacity),
            permits: WorkerPermits::new(max_workers),
            waiters: Waiters::default(),
            searching: 0,
            sleeping: 0,
            notified: 0,
            releasing: 0,
            failed_starts: 0,
        }
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        !self.jobs.is_full(self.permits.idle())
    }

    /// As [`has_room`](Self::has_room), for a job with a place of its own. Of several that were promised workers which have exited, the
    /// first one gets the room that is left.
    pub(crate) fn has_room_for_reserved(&self) -> bool {
        self.jobs.len() < self.jobs.capacity() + self.permits.idle()
    }

    /// Whether jobs wait that no worker will take soon. For a thread that holds a permit, marked as busy, and is no worker.
    pub(crate) fn has_stranded_jobs(&self) -> bool {
        let is_alone = self.permits.live() == 1;
        let has_jobs = !self.jobs.is_empty() || self.waiters.has_jobs();
        (is_alone && has_jobs) || self.jobs.is_overfull(self.permits.idle())
    }

    /// Whether no job is queued, waits for a place, or runs on a worker.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.jobs.is_empty()
            && self.waiters.is_empty()
            && self.permits.live() == self.permits.idle()
    }

    /// Whether the queue takes a new job, without another worker and without overtaking a waiter.
    #[inline]
    pub(crate) fn takes_jobs(&self) -> bool {
        let takes = self.phase == Phase::Running && self.permits.live() > 0 && self.has_room();
        debug_assert!(!takes || self.waiters.is_empty(), "it would overtake one");
        takes
    }

    /// Idle workers that are not about to take a queued job.
    #[inline]
    pub(crate) fn unassigned_idle(&self) -> usize {
        self.permits.idle().saturating_sub(self.jobs.len())
    }

    /// Returns whether the caller has to notify a sleeping worker: jobs are queued, and no worker is searching or notified already.
    /// One at a time is enough, since a worker that takes a job notifies the next one.
    #[inline]
    #[must_use]
    pub(crate) fn try_notify_worker(&mut self) -> bool {
        let notify =
            !self.jobs.is_empty() && self.sleeping > 0 && self.searching == 0 && self.notified == 0;
        self.notified += usize::from(notify);
        notify
    }

    pub(crate) fn worker_woke(&mut self) {
        self.sleeping -= 1;
        // A worker that woke without a notification has taken the count of the notified one, which finds 0 here.
        self.notified = self.notified.saturating_sub(1);
    }

    #[inline]
    pub(crate) fn load(&self) -> Load {
        Load {
            workers: self.permits.live(),
            idle: self.permits.idle(),
            waiting: self.jobs.len(),
            max_workers: self.permits.limit(),
            capacity: self.jobs.capacity(),
        }
    }

    /// The load as it will be when an idle worker has taken a job.
    pub(crate) fn load_after_receive(&self) -> Load {
        let mut load = self.load();
        load.waiting -= 1;
        load.idle -= 1;
        load
    }
}
