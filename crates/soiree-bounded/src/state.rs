//! The figures and the queue of a bounded pool: plain data under one lock, and the rules for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use soiree_core::{Job, JobOutcome, PoolStats};

use crate::cancel::Cancel;

/// What a pool still does. In the order in which it gets there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Takes no jobs, and runs those it has.
    Draining,
    /// Takes no jobs, and has dropped those it had.
    Stopped,
}

/// A job in the queue. Those that came later have higher numbers.
pub(crate) struct Queued {
    id: u64,
    job: Job,
    /// Whether its submitter has yet to find out that somebody will run it. It is not counted until then.
    reserved: bool,
}

/// Where a permit is that has not begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On its way to the executor.
    Sending,
    /// With the executor.
    Sent,
    /// Dropped by the executor while it was on its way.
    Lost,
}

pub(crate) struct State<E> {
    /// Gone when the pool has ended.
    pub(crate) executor: Option<Arc<E>>,
    pub(crate) phase: Phase,
    pub(crate) limit: usize,
    queue: VecDeque<Queued>,
    reserved: usize,
    permits: Vec<(u64, Stage)>,
    /// Futures that have begun, by the permits that they began in.
    in_flight: BTreeMap<u64, Arc<Cancel>>,
    next_id: u64,
    /// Jobs that run in a permit.
    pub(crate) active: usize,
    /// Jobs that run inline.
    pub(crate) inline: usize,
    /// Threads that run a job in a permit, and wait there for their own pool to end.
    pub(crate) releasing: usize,
    pub(crate) blocked: usize,
    successful: u64,
    failed: u64,
    expired: u64,
    pub(crate) discarded: u64,
    pub(crate) rejected: u64,
}

impl<E> State<E> {
    pub(crate) fn new(executor: E, limit: usize, queue: VecDeque<Queued>) -> Self {
        Self {
            executor: Some(Arc::new(executor)),
            phase: Phase::Running,
            limit,
            queue,
            reserved: 0,
            permits: Vec::new(),
            in_flight: BTreeMap::new(),
            next_id: 0,
            active: 0,
            inline: 0,
            releasing: 0,
            blocked: 0,
            successful: 0,
            failed: 0,
            expired: 0,
            discarded: 0,
            rejected: 0,
        }
    }

    /// Permits of which each will run a job.
    fn granted(&self) -> usize {
        let lost = self
            .permits
            .iter()
            .filter(|permit| permit.1 == Stage::Lost)
            .count();
        self.permits.len() - lost
    }

    /// Threads that run jobs, or are about to.
    pub(crate) fn at_work(&self) -> usize {
        self.active + self.granted()
    }

    /// Jobs that may still start beside those that run and those that a permit will run.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.active + self.granted())
    }

    /// Jobs that nobody is on his way to.
    fn waiting(&self) -> usize {
        self.queue.len().saturating_sub(self.granted())
    }

    pub(crate) fn has_room(&self, capacity: usize) -> bool {
        self.waiting() < capacity + self.room()
    }

    /// Whether no more jobs wait than may.
    pub(crate) fn fits(&self, capacity: usize) -> bool {
        self.waiting() <= capacity
    }

    /// Whether somebody runs jobs, or is about to.
    pub(crate) fn has_workers(&self) -> bool {
        self.at_work() > 0
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.has_workers() && self.queue.is_empty()
    }

    pub(crate) fn push(&mut self, job: Job) -> u64 {
        let id = self.new_id();
        let reserved = false;
        self.queue.push_back(Queued { id, job, reserved });
        id
    }

    /// The job counts only when it is confirmed, or when it starts.
    pub(crate) fn reserve(&mut self, id: u64) {
        self.set_reserved(id, true);
    }

    pub(crate) fn commit(&mut self, id: u64) {
        self.set_reserved(id, false);
    }

    fn set_reserved(&mut self, id: u64, reserved: bool) {
        if let Some(at) = self.queued(id) {
            let before = std::mem::replace(&mut self.queue[at].reserved, reserved);
            self.reserved = self.reserved + usize::from(reserved) - usize::from(before);
        }
    }

    /// Takes back a job that was pushed, unless it has left the queue.
    pub(crate) fn reclaim(&mut self, id: u64) -> Option<Job> {
        let queued = self.queued(id).and_then(|at| self.queue.remove(at))?;
        self.reserved -= usize::from(queued.reserved);
        Some(queued.job)
    }

    fn queued(&self, id: u64) -> Option<usize> {
        self.queue
            .binary_search_by_key(&id, |queued| queued.id)
            .ok()
    }

    pub(crate) fn pop(&mut self) -> Option<Job> {
        let queued = self.queue.pop_front()?;
        self.reserved -= usize::from(queued.reserved);
        Some(queued.job)
    }

    /// Counts all that is queued as discarded. The jobs are to be dropped when the lock is not held.
    #[must_use]
    pub(crate) fn discard_all(&mut self) -> VecDeque<Queued> {
        self.discarded += self.queue.len() as u64;
        self.reserved = 0;
        std::mem::take(&mut self.queue)
    }

    /// A new permit, if a job waits for one and may start.
    pub(crate) fn new_permit(&mut self) -> Option<(u64, Arc<E>)> {
        if self.waiting() == 0 || self.room() == 0 {
            return None;
        }
        let executor = Arc::clone(self.executor.as_ref()?);
        let id = self.new_id();
        self.permits.push((id, Stage::Sending));
        Some((id, executor))
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The executor has accepted the permit. Says whether it will run, or has.
    pub(crate) fn permit_accepted(&mut self, id: u64) -> bool {
        let Some(at) = self.permit(id) else {
            return true;
        };
        if self.permits[at].1 == Stage::Lost {
            self.permits.remove(at);
            return false;
        }
        self.permits[at].1 = Stage::Sent;
        true
    }

    /// The executor has dropped the permit. Says whether nobody else has been told.
    pub(crate) fn permit_dropped(&mut self, id: u64) -> bool {
        let Some(at) = self.permit(id) else {
            return false;
        };
        if self.permits[at].1 == Stage::Sending {
            self.permits[at].1 = Stage::Lost;
            return false;
        }
        self.permits.remove(at);
        true
    }

    /// The permit begins, or is not to. Says whether it was known.
    pub(crate) fn permit_used(&mut self, id: u64) -> bool {
        let known = self.permit(id);
        if let Some(at) = known {
            self.permits.remove(at);
        }
        known.is_some()
    }

    /// Permits that have not begun find nothing to do any more.
    pub(crate) fn forget_permits(&mut self) {
        self.permits.clear();
    }

    /// Of a pool that takes no more jobs, nobody needs to wait for permits that will find none.
    pub(crate) fn forget_unneeded_permits(&mut self) {
        if self.queue.is_empty() {
            self.forget_permits();
        }
    }

    fn permit(&self, id: u64) -> Option<usize> {
        self.permits.iter().position(|permit| permit.0 == id)
    }

    /// Takes the oldest job to run it.
    pub(crate) fn begin(&mut self) -> Option<Job> {
        if self.active >= self.limit {
            return None;
        }
        let job = self.pop()?;
        self.active += 1;
        Some(job)
    }

    /// A future begins.
    pub(crate) fn in_flight(&mut self, permit: u64) -> Arc<Cancel> {
        Arc::clone(self.in_flight.entry(permit).or_default())
    }

    /// What began in this permit has ended.
    pub(crate) fn future_ended(&mut self, permit: u64) {
        self.in_flight.remove(&permit);
    }

    pub(crate) fn all_in_flight(&self) -> Vec<Arc<Cancel>> {
        self.in_flight.values().cloned().collect()
    }

    pub(crate) fn count(&mut self, outcome: &JobOutcome) {
        match outcome {
            JobOutcome::Panicked(_) => self.failed += 1,
            JobOutcome::Expired => self.expired += 1,
            _ => self.successful += 1,
        }
    }

    pub(crate) fn stats(&self, capacity: usize) -> PoolStats {
        let queued = self.queue.len() - self.reserved;
        // What a permit is on its way to is as good as active; else a job would wait in a queue of capacity 0. So are those to
        // which one was on its way before the limit fell.
        let handed_over = queued.min(self.granted().max(queued.saturating_sub(capacity)));
        let mut stats = PoolStats::default();
        stats.active = self.active + self.inline + handed_over;
        stats.waiting = queued - handed_over;
        stats.max_workers = self.limit;
        stats.rejected = self.rejected;
        stats.successful = self.successful;
        stats.failed = self.failed;
        stats.expired = self.expired;
        stats.discarded = self.discarded;
        let ended = self.successful + self.failed + self.expired + self.discarded;
        stats.submitted = ended + (stats.waiting + stats.active) as u64;
        stats
    }
}
