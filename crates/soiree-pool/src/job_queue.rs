//! The first channel of a pool: the jobs that wait for a worker.

use std::collections::VecDeque;

use soiree_core::{Job, JobId};

/// A bounded first-in, first-out queue of jobs.
///
/// Plain data without a lock of its own: [`State`](crate::state::State) says why.
pub(crate) struct JobQueue {
    jobs: VecDeque<Job>,
    /// How many jobs may wait: the capacity, without the places that are reserved. Below 0 if idle receivers are reserved.
    open: isize,
    /// Places that are kept for jobs to come.
    reserved: usize,
}

impl JobQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            jobs: VecDeque::new(),
            open: capacity as isize,
            reserved: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        (self.open + self.reserved as isize) as usize
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    /// Keeps a place for a job to come, unless all are kept. The caller has made sure that the queue [is not full](Self::is_full).
    pub(crate) fn try_reserve(&mut self) -> bool {
        let is_open = self.open > 0;
        if is_open {
            self.reserve();
        }
        is_open
    }

    /// Keeps a place for a job to come, or an idle receiver. The caller has made sure that the queue [is not full](Self::is_full).
    pub(crate) fn reserve(&mut self) {
        self.open -= 1;
        self.reserved += 1;
    }

    /// A reserved place is used, or no longer kept.
    pub(crate) fn give_back(&mut self) {
        self.reserved -= 1;
        self.open += 1;
    }

    /// Keeps no place any more. None of them may be given back later.
    pub(crate) fn keep_none(&mut self) {
        self.open += self.reserved as isize;
        self.reserved = 0;
    }

    /// Whether a sender has to wait or give up.
    ///
    /// Each idle receiver adds room for one job, as it takes that job at once. So a queue of capacity 0 is a rendezvous channel: it
    /// accepts a job only if a receiver is idle.
    #[inline]
    pub(crate) fn is_full(&self, idle_receivers: usize) -> bool {
        self.jobs.len() as isize >= self.open + idle_receivers as isize
    }

    /// Whether more jobs are queued than may wait and idle receivers will take. They were sent to a receiver that is gone.
    pub(crate) fn is_overfull(&self, idle_receivers: usize) -> bool {
        self.jobs.len() > self.open.max(0) as usize + idle_receivers
    }

    /// Appends a job. The caller has made sure under the same lock that the queue [is not full](Self::is_full).
    #[inline]
    pub(crate) fn send(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// Removes the oldest job.
    #[inline]
    pub(crate) fn try_recv(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Removes the newest job with this ID. A thread that runs a job before its turn has often queued it not long ago.
    pub(crate) fn take(&mut self, id: JobId) -> Option<Job> {
        let index = self.jobs.iter().rposition(|job| job.id() == Some(id))?;
        self.jobs.remove(index)
    }

    /// Removes all jobs. The caller drops them after it has unlocked the state, since dropping a job runs user code.
    pub(crate) fn drain(&mut self) -> VecDeque<Job> {
        std::mem::take(&mut self.jobs)
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use super::*;

    fn queue(capacity: usize, jobs: usize) -> JobQueue {
        let mut queue = JobQueue::new(capacity);
        (0..jobs).for_each(|_| queue.send(Job::new(|| {})));
        queue
    }

    /// P2: the queue holds `capacity` jobs, and one more for each idle receiver.
    #[test]
    fn an_idle_receiver_adds_room_for_one_job() {
        for capacity in [0, 3] {
            for idle in [0, 2] {
                assert!(queue(capacity, capacity + idle).is_full(idle));
                assert!(!queue(capacity, capacity).is_full(idle + 1));
            }
        }
    }

    /// P2: a reserved place is one job fewer that may wait, until it is given back, and idle receivers add none to reserve.
    #[test]
    fn a_reserved_place_counts_like_a_job() {
        let mut queue = queue(2, 1);
        assert!(queue.try_reserve() && queue.is_full(0) && !queue.is_full(1));
        assert_eq!((queue.capacity(), queue.reserved()), (2, 1));
        assert!(queue.try_reserve() && queue.is_full(1));
        assert!(!queue.try_reserve(), "both places are reserved");
        queue.give_back();
        queue.give_back();
        assert_eq!((queue.capacity(), queue.reserved()), (2, 0));
        assert!(!queue.is_full(0));
    }

    /// P3: draining leaves no job in the queue.
    #[test]
    fn drain_returns_every_job() {
        let mut queue = queue(4, 3);
        drop(queue.try_recv());
        assert_eq!(queue.drain().len(), 2);
        assert!(queue.is_empty() && queue.try_recv().is_none());
    }
}
