//! What waits for a place in the job queue.

use std::collections::VecDeque;

use soiree_core::{Job, JobId};

use crate::sync::{Arc, Condvar};

/// Jobs that wait for a place in the queue, in the order in which they began to wait: jobs of blocked submitters, and jobs that
/// were accepted before and have nobody who waits for them.
///
/// Plain data without a lock of its own: [`State`](crate::state::State) says why.
#[derive(Default)]
pub(crate) struct Waiters {
    queue: VecDeque<Waiter>,
    /// Jobs of submitters that were blocked when the pool closed, until these take them back.
    rejected: VecDeque<Waiter>,
    blocked: usize,
    last_ticket: u64,
}

pub(crate) struct Waiter {
    ticket: Ticket,
    pub(crate) job: Job,
    /// Wakes the submitter. `None` if none is blocked.
    pub(crate) submitter: Option<Arc<Condvar>>,
}

/// A place among the waiters. Later ones are larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Waiters {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many submitters are blocked.
    pub(crate) fn blocked(&self) -> usize {
        self.blocked
    }

    /// How many jobs wait without a blocked submitter.
    pub(crate) fn requeued(&self) -> usize {
        self.queue.len() - self.blocked
    }

    pub(crate) fn push_requeued(&mut self, job: Job) {
        self.push(job, None);
    }

    /// Adds the job of a submitter that is about to block until `wake` is notified.
    pub(crate) fn push_blocked(&mut self, job: Job, wake: Arc<Condvar>) -> Ticket {
        self.blocked += 1;
        self.push(job, Some(wake))
    }

    fn push(&mut self, job: Job, submitter: Option<Arc<Condvar>>) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.queue.push_back(Waiter {
            ticket,
            job,
            submitter,
        });
        ticket
    }

    /// Removes the first waiter.
    pub(crate) fn pop(&mut self) -> Option<Waiter> {
        let waiter = self.queue.pop_front()?;
        self.blocked -= usize::from(waiter.submitter.is_some());
        Some(waiter)
    }

    /// Whether the job of a blocked submitter was neither accepted nor taken back.
    pub(crate) fn contains(&self, ticket: Ticket) -> bool {
        find(&self.queue, ticket).is_some() || find(&self.rejected, ticket).is_some()
    }

    /// Takes back the job of a blocked submitter that no longer waits.
    pub(crate) fn take_back(&mut self, ticket: Ticket) -> Option<Job> {
        if let Some(index) = find(&self.queue, ticket) {
            self.blocked -= 1;
            return self.queue.remove(index).map(|waiter| waiter.job);
        }
        let index = find(&self.rejected, ticket)?;
        self.rejected.remove(index).map(|waiter| waiter.job)
    }

    /// Removes the newest job with this ID that has no blocked submitter.
    pub(crate) fn take_requeued(&mut self, id: JobId) -> Option<Job> {
        let is_it = |waiter: &Waiter| waiter.submitter.is_none() && waiter.job.id() == Some(id);
        let index = self.queue.iter().rposition(is_it)?;
        self.queue.remove(index).map(|waiter| waiter.job)
    }

    /// Ends the wait of all blocked submitters: they have to take back their jobs. Returns what wakes them.
    pub(crate) fn reject_blocked(&mut self) -> Vec<Arc<Condvar>> {
        let (blocked, requeued): (VecDeque<_>, _) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|waiter| waiter.submitter.is_some());
        self.queue = requeued;
        self.blocked = 0;
        let wake = blocked.iter().flat_map(|waiter| waiter.submitter.clone());
        let wake = wake.collect();
        self.rejected.extend(blocked);
        wake
    }
}

fn find(waiters: &VecDeque<Waiter>, ticket: Ticket) -> Option<usize> {
    waiters
        .binary_search_by_key(&ticket, |waiter| waiter.ticket)
        .ok()
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use soiree_core::JobOutcome;

    use super::*;

    fn job() -> Job {
        Job::new(|| {})
    }

    /// P2: what waits first gets the first place, blocked or not, and the counts say how many of each kind wait.
    #[test]
    fn waiters_leave_in_the_order_in_which_they_came() {
        let mut waiters = Waiters::default();
        let mut tickets = Vec::new();
        for _ in 0..2 {
            waiters.push_requeued(job());
            tickets.push(waiters.push_blocked(job(), Arc::default()));
        }
        assert_eq!((waiters.blocked(), waiters.requeued()), (2, 2));
        assert!(waiters.take_back(tickets[0]).is_some() && !waiters.contains(tickets[0]));
        assert!(waiters.take_back(tickets[0]).is_none());
        let left = std::iter::from_fn(|| waiters.pop());
        let blocked: Vec<bool> = left.map(|waiter| waiter.submitter.is_some()).collect();
        assert_eq!(blocked, [false, false, true]);
        assert!(waiters.is_empty() && !waiters.contains(tickets[1]));
        assert_eq!((waiters.blocked(), waiters.requeued()), (0, 0));
    }

    /// P5: a close ends the wait of blocked submitters, which get their jobs back. What was accepted before stays.
    #[test]
    fn a_close_rejects_blocked_submitters_only() {
        let mut waiters = Waiters::default();
        let first = waiters.push_blocked(job(), Arc::default());
        waiters.push_requeued(job());
        let second = waiters.push_blocked(job(), Arc::default());
        assert_eq!(waiters.reject_blocked().len(), 2);
        assert_eq!((waiters.blocked(), waiters.requeued()), (0, 1));
        for ticket in [second, first] {
            assert!(waiters.contains(ticket));
            let job = waiters
                .take_back(ticket)
                .expect("it was not taken back yet");
            assert!(matches!(job.run(), JobOutcome::Completed));
        }
        assert!(waiters.pop().is_some_and(|left| left.submitter.is_none()));
    }
}
