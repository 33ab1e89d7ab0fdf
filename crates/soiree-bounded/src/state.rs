//! The queue, the permits and the counters of a bounded pool: plain data under one lock, and the rules for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use soiree_core::{Job, PoolStats};

use crate::cancellation::CancellationToken;
use crate::counters::Counters;
use crate::permits::Permits;
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

/// A job in the queue. Later jobs have higher IDs.
pub(crate) struct QueuedJob {
    id: Seq,
    job: Job,
    /// Not counted yet: its submitter still has to find out whether the job can run, and may reclaim it.
    reserved: bool,
}

pub(crate) struct State<E> {
    /// `None` once the pool has terminated.
    pub(crate) executor: Option<Arc<E>>,
    pub(crate) phase: Phase,
    pub(crate) max_workers: usize,
    queue: VecDeque<QueuedJob>,
    /// How many jobs in the queue are reserved.
    reserved: usize,
    pub(crate) permits: Permits,
    /// Started futures, by the permits that started them.
    in_flight: BTreeMap<Seq, Arc<CancellationToken>>,
    sequence: Sequence,
    /// Jobs started by a permit.
    pub(crate) active: usize,
    /// Jobs that run on a thread that is no worker.
    pub(crate) inline: usize,
    /// Workers that wait, inside a job, for their own pool to terminate.
    pub(crate) releasing: usize,
    /// Submitters that wait for room.
    pub(crate) blocked: usize,
    pub(crate) counters: Counters,
}

impl<E> State<E> {
    pub(crate) fn new(executor: E, max_workers: usize, queue: VecDeque<QueuedJob>) -> Self {
        Self {
            executor: Some(Arc::new(executor)),
            phase: Phase::Running,
            max_workers,
            queue,
            reserved: 0,
            permits: Permits::default(),
            in_flight: BTreeMap::new(),
            sequence: Sequence::default(),
            active: 0,
            inline: 0,
            releasing: 0,
            blocked: 0,
            counters: Counters::default(),
        }
    }

    /// Active jobs, and permits that will start one.
    pub(crate) fn workers(&self) -> usize {
        self.active + self.permits.outstanding()
    }

    /// Permits that may still be sent under the limit.
    fn available_permits(&self) -> usize {
        self.max_workers.saturating_sub(self.workers())
    }

    /// Jobs in the queue that no permit has been sent for.
    fn waiting(&self) -> usize {
        self.queue.len().saturating_sub(self.permits.outstanding())
    }

    /// Whether another job can be accepted, to start at once or to wait.
    pub(crate) fn has_room(&self, capacity: usize) -> bool {
        self.waiting() < capacity + self.available_permits()
    }

    /// Whether the number of waiting jobs is within the capacity.
    pub(crate) fn is_within(&self, capacity: usize) -> bool {
        self.waiting() <= capacity
    }

    pub(crate) fn has_workers(&self) -> bool {
        self.workers() > 0
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.has_workers() && self.queue.is_empty()
    }

    /// Queues a job and returns its ID.
    pub(crate) fn push(&mut self, job: Job) -> Seq {
        let id = self.sequence.next();
        let reserved = false;
        self.queue.push_back(QueuedJob { id, job, reserved });
        id
    }

    /// Leaves the job out of the statistics until it is committed or starts.
    pub(crate) fn reserve(&mut self, id: Seq) {
        self.set_reserved(id, true);
    }

    pub(crate) fn commit(&mut self, id: Seq) {
        self.set_reserved(id, false);
    }

    fn set_reserved(&mut self, id: Seq, reserved: bool) {
        if let Some(at) = self.position(id) {
            let before = std::mem::replace(&mut self.queue[at].reserved, reserved);
            self.reserved = self.reserved + usize::from(reserved) - usize::from(before);
        }
    }

    /// Takes a job back out of the queue; `None` if it has left the queue already.
    pub(crate) fn reclaim(&mut self, id: Seq) -> Option<Job> {
        let queued = self.position(id).and_then(|at| self.queue.remove(at))?;
        self.reserved -= usize::from(queued.reserved);
        Some(queued.job)
    }

    fn position(&self, id: Seq) -> Option<usize> {
        self.queue
            .binary_search_by_key(&id, |queued| queued.id)
            .ok()
    }

    /// Removes the oldest job.
    pub(crate) fn pop(&mut self) -> Option<Job> {
        let queued = self.queue.pop_front()?;
        self.reserved -= usize::from(queued.reserved);
        Some(queued.job)
    }

    /// Empties the queue and counts its jobs as discarded. The caller must drop them after it has released the lock.
    #[must_use]
    pub(crate) fn discard_queue(&mut self) -> VecDeque<QueuedJob> {
        self.counters.record_discarded(self.queue.len());
        self.reserved = 0;
        std::mem::take(&mut self.queue)
    }

    /// Makes a permit if a job waits for one and may start.
    pub(crate) fn new_permit(&mut self) -> Option<(Seq, Arc<E>)> {
        if self.waiting() == 0 || self.available_permits() == 0 {
            return None;
        }
        let executor = Arc::clone(self.executor.as_ref()?);
        let id = self.sequence.next();
        self.permits.add(id);
        Some((id, executor))
    }

    /// Makes permits void that will find no job, so that nothing waits for them. Only for a pool that accepts no more jobs.
    pub(crate) fn forget_unneeded_permits(&mut self) {
        if self.queue.is_empty() {
            self.permits.clear();
        }
    }

    /// Removes the oldest job and counts it as active; `None` if the queue is empty or the limit is reached.
    pub(crate) fn start_next_job(&mut self) -> Option<Job> {
        if self.active >= self.max_workers {
            return None;
        }
        let job = self.pop()?;
        self.active += 1;
        Some(job)
    }

    /// Records that the permit has started a future.
    pub(crate) fn future_started(&mut self, permit: Seq) -> Arc<CancellationToken> {
        Arc::clone(self.in_flight.entry(permit).or_default())
    }

    /// Forgets the future that the permit has started, if it was one.
    pub(crate) fn future_ended(&mut self, permit: Seq) {
        self.in_flight.remove(&permit);
    }

    pub(crate) fn all_in_flight(&self) -> Vec<Arc<CancellationToken>> {
        self.in_flight.values().cloned().collect()
    }

    /// The statistics, without those of the executor's threads.
    pub(crate) fn stats(&self, capacity: usize) -> PoolStats {
        let queued = self.queue.len() - self.reserved;
        // A queued job with a permit counts as active, or a job would wait in a queue of capacity 0. So do jobs beyond the
        // capacity, whose permits found the limit lowered.
        let with_permit = queued.min(
            self.permits
                .outstanding()
                .max(queued.saturating_sub(capacity)),
        );
        let active = self.active + self.inline + with_permit;
        let mut stats = self.counters.read(active, queued - with_permit);
        stats.capacity = capacity;
        stats.max_workers = self.max_workers;
        stats
    }
}
