//! The line of jobs, the permits and the counters of a bounded pool: plain data under one lock, and the rules for it.

use std::collections::{BTreeMap, VecDeque};
use std::future::IntoFuture;
use std::sync::Arc;

use soiree_core::{Job, JobId, PoolStats};

use crate::counters::Counters;
use crate::in_flight::InFlight;
use crate::line::Line;
use crate::permits::Permits;
use crate::queued_job::QueuedJob;
use crate::seq_map::Slot;
use crate::sequence::{Seq, Sequence};

/// The phases of a pool's life, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Rejects new jobs, and runs those that it has accepted.
    Draining,
    /// Rejects new jobs, and has discarded those that waited.
    Stopped,
}

pub(crate) struct State<E> {
    /// `None` once the pool has terminated.
    pub(crate) executor: Option<Arc<E>>,
    pub(crate) phase: Phase,
    /// The handle was dropped, so nobody submits, releases or stops any more.
    pub(crate) is_abandoned: bool,
    pub(crate) max_workers: usize,
    capacity: usize,
    /// Places in the queue that are kept for jobs to come.
    pub(crate) reserved_places: usize,
    pub(crate) line: Line,
    pub(crate) permits: Permits,
    /// Started futures, by the permits that started them.
    in_flight: BTreeMap<Seq, Arc<InFlight>>,
    sequence: Sequence,
    /// Jobs started by a permit.
    pub(crate) active: usize,
    /// Jobs that run on a thread without a permit for them.
    pub(crate) inline: usize,
    /// Jobs that wait for their own pool to terminate.
    pub(crate) releasing: usize,
    /// Threads that wait until the pool is idle.
    pub(crate) awaiting_idle: usize,
    peak_running: usize,
    peak_waiting: usize,
    pub(crate) counters: Counters,
}

impl<E> State<E> {
    pub(crate) fn new(
        executor: E,
        max_workers: usize,
        capacity: usize,
        slots: VecDeque<Slot<QueuedJob>>,
    ) -> Self {
        Self {
            executor: Some(Arc::new(executor)),
            phase: Phase::Running,
            is_abandoned: false,
            max_workers,
            capacity,
            reserved_places: 0,
            line: Line::new(slots),
            permits: Permits::none(),
            in_flight: BTreeMap::new(),
            sequence: Sequence::default(),
            active: 0,
            inline: 0,
            releasing: 0,
            awaiting_idle: 0,
            peak_running: 0,
            peak_waiting: 0,
            counters: Counters::default(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase > Phase::Running
    }

    /// Active jobs, and permits that will start one.
    pub(crate) fn workers(&self) -> usize {
        self.active + self.permits.outstanding()
    }

    pub(crate) fn has_workers(&self) -> bool {
        self.workers() > 0
    }

    /// Jobs in the queue that no permit was sent for.
    fn waiting(&self) -> usize {
        self.line
            .queued()
            .saturating_sub(self.permits.outstanding())
    }

    /// How many jobs may wait: the capacity, without the places that are reserved.
    fn open_places(&self) -> usize {
        self.capacity.saturating_sub(self.reserved_places)
    }

    /// Whether there is a place for another job, to start at once or to wait.
    pub(crate) fn has_place(&self) -> bool {
        let free_workers = self.max_workers.saturating_sub(self.active);
        self.line.queued() + self.reserved_places < self.capacity + free_workers
    }

    /// A reserved place is used, or no longer kept.
    pub(crate) fn no_longer_reserved(&mut self) {
        // A pool that is closed keeps none.
        if !self.is_closed() {
            self.reserved_places -= 1;
        }
    }

    /// Keeps a place in the queue for a job to come, if there is one that nobody waits for.
    pub(crate) fn try_reserve(&mut self) -> bool {
        let is_open = self.open_places() > 0 && self.has_place_for_new();
        self.reserved_places += usize::from(is_open);
        is_open
    }

    /// Whether a new job can have a place. It does not overtake those that wait for one.
    pub(crate) fn has_place_for_new(&self) -> bool {
        !self.line.has_waiters() && self.has_place()
    }

    /// Whether the number of waiting jobs is within the capacity.
    pub(crate) fn is_within_capacity(&self) -> bool {
        self.waiting() <= self.open_places()
    }

    /// Whether nothing is left for the executor to do.
    pub(crate) fn needs_no_executor(&self) -> bool {
        !self.has_workers() && self.line.is_empty()
    }

    /// Whether no job runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.needs_no_executor() && self.inline == 0 && self.line.blocked() == 0
    }

    pub(crate) fn new_seq(&mut self) -> Seq {
        self.sequence.next()
    }

    /// Gives the free places to those who wait. To jobs only if a worker will run them: either there is one, or the calling thread
    /// `takes_over`. Returns how many jobs got one.
    #[inline]
    pub(crate) fn admit(&mut self, takes_over: bool) -> usize {
        match self.line.has_waiters() {
            true => self.admit_waiters(takes_over),
            false => 0,
        }
    }

    #[cold]
    fn admit_waiters(&mut self, takes_over: bool) -> usize {
        let mut admitted = 0;
        while self.line.has_waiters() && self.has_place() {
            if let Some(task) = self.line.pop_task() {
                // It submits its job later, and finds a worker then.
                self.reserved_places += 1;
                task.grant();
            } else if (takes_over || self.has_workers()) && self.line.admit() {
                admitted += 1;
            } else {
                break;
            }
        }
        admitted
    }

    /// Whether someone waits for a place although there is one, because the pool has no worker.
    pub(crate) fn is_stalled(&self) -> bool {
        self.line.has_waiters() && !self.has_workers() && self.has_place()
    }

    /// Whether jobs wait although the pool has no worker, and no permit is being sent either.
    pub(crate) fn is_stranded(&self) -> bool {
        !self.has_workers() && self.permits.tentative() == 0 && !self.line.is_empty()
    }

    /// Makes up to `jobs` of the newest jobs wait on without a place, as far as more of them wait than the capacity permits.
    pub(crate) fn put_back_excess(&mut self, jobs: usize) {
        let excess = self.waiting().saturating_sub(self.open_places());
        for _ in 0..excess.min(jobs) {
            self.line.put_back_newest();
        }
    }

    /// Empties the line of accepted jobs, and counts them as discarded. The caller must drop them after it has released the lock.
    #[must_use]
    pub(crate) fn discard_all(&mut self) -> Vec<QueuedJob> {
        let discarded = self.line.take_accepted();
        self.counters.record_discarded(discarded.len());
        discarded
    }

    /// Whether jobs wait for a permit, and none is being sent for them.
    pub(crate) fn needs_permit(&self) -> bool {
        self.waiting() > self.permits.tentative()
    }

    pub(crate) fn may_send_permit(&self) -> bool {
        self.workers() < self.max_workers
    }

    /// Makes a permit if a job waits for one and may start.
    pub(crate) fn new_permit(&mut self, tentative: bool) -> Option<(Seq, Arc<E>)> {
        if self.waiting() == 0 || !self.may_send_permit() {
            return None;
        }
        let executor = Arc::clone(self.executor.as_ref()?);
        let permit = self.new_seq();
        self.permits.add(permit, tentative);
        Some((permit, executor))
    }

    /// `Executor::execute` has accepted the permit. Returns `false` if it dropped the permit.
    pub(crate) fn permit_sent(&mut self, permit: Seq) -> bool {
        let has_room = self.workers() < self.max_workers;
        self.permits.sent(permit, has_room)
    }

    /// Makes permits void that will find no job, so that nothing waits for them. Only for a pool that accepts no more jobs.
    pub(crate) fn forget_unneeded_permits(&mut self) {
        if self.line.is_empty() {
            self.permits.clear();
        }
    }

    /// Removes the oldest job and counts it as active; `None` if the queue is empty or the limit is reached.
    pub(crate) fn start_next_job(&mut self) -> Option<QueuedJob> {
        if self.active >= self.max_workers {
            return None;
        }
        let (_, job) = self.line.pop()?;
        self.active += 1;
        Some(job)
    }

    /// Takes the job out of the line, and counts it as one that runs without a permit.
    pub(crate) fn start_inline(&mut self, id: JobId) -> Option<(Seq, QueuedJob)> {
        let started = self.line.remove_by_id(id)?;
        self.inline += 1;
        Some(started)
    }

    /// Records that the permit has started a future.
    pub(crate) fn future_started(&mut self, permit: Seq, job: Job) -> Arc<InFlight> {
        let future = Arc::new(InFlight::new(job.into_future()));
        self.in_flight.insert(permit, Arc::clone(&future));
        future
    }

    /// Forgets the future that the permit has started, if it was one.
    pub(crate) fn future_ended(&mut self, permit: Seq) {
        self.in_flight.remove(&permit);
    }

    pub(crate) fn all_in_flight(&self) -> Vec<(Seq, Arc<InFlight>)> {
        let all = self.in_flight.iter();
        all.map(|(permit, future)| (*permit, Arc::clone(future)))
            .collect()
    }

    /// How many jobs count as active, and how many as waiting.
    fn active_and_waiting(&self) -> (usize, usize) {
        let queued = self.line.queued() - self.line.reserved();
        // A queued job with a permit counts as active, or a job would wait in a queue of capacity 0. So do jobs beyond the
        // capacity, whose permits found the limit lowered.
        let with_permit = queued.min(
            self.permits
                .outstanding()
                .max(queued.saturating_sub(self.capacity)),
        );
        (
            self.active + self.inline + with_permit,
            queued - with_permit,
        )
    }

    /// Called when a job waits, or a permit was sent.
    pub(crate) fn record_peaks(&mut self) {
        self.record_running(self.workers());
        self.peak_waiting = self.peak_waiting.max(self.active_and_waiting().1);
    }

    pub(crate) fn record_running(&mut self, running: usize) {
        self.peak_running = self.peak_running.max(running);
    }

    /// The statistics, without those of the executor's threads.
    pub(crate) fn stats(&self) -> PoolStats {
        let (active, waiting) = self.active_and_waiting();
        let mut stats = self.counters.read(active, waiting);
        stats.requeued = self.line.requeued();
        stats.blocked = self.line.blocked();
        stats.reserved = self.reserved_places;
        stats.peak_running = self.peak_running;
        stats.peak_waiting = self.peak_waiting;
        stats.capacity = self.capacity;
        stats.max_workers = self.max_workers;
        stats
    }
}
