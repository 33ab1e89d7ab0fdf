//! What waits for a place in the job queue.

use std::collections::VecDeque;

use soiree_core::{Job, JobId};

use crate::sync::{Arc, Condvar};
use crate::task_waiter::TaskWaiter;

/// What waits for a place in the queue, in the order in which it began to wait: jobs of blocked submitters, jobs that were accepted
/// before and have nobody who waits for them, and tasks that reserve a place.
///
/// Plain data without a lock of its own: [`State`](crate::state::State) says why.
#[derive(Default)]
pub(crate) struct Waiters {
    queue: VecDeque<Waiter>,
    /// Jobs of submitters that were blocked when the pool closed, until these take them back.
    rejected: VecDeque<Waiter>,
    /// How many are blocked submitters and tasks.
    blocked: usize,
    last_ticket: i64,
    /// How many jobs were put [ahead](Self::push_ahead) of the others. Their tickets are below 0.
    ahead: i64,
}

struct Waiter {
    ticket: Ticket,
    waiting: Waiting,
}

/// What waits.
pub(crate) enum Waiting {
    /// A job that was accepted before.
    Requeued(Job),
    /// The job of a blocked submitter, and what wakes the submitter.
    Blocked(Job, Arc<Condvar>),
    /// A task that reserves a place.
    Task(Arc<TaskWaiter>),
}

/// Who is to be woken: its wait is over.
pub(crate) enum Waked {
    Thread(Arc<Condvar>),
    Task(Arc<TaskWaiter>),
}

impl Waked {
    /// To be called without a lock: the waker of a task is user code.
    pub(crate) fn wake(&self) {
        match self {
            Self::Thread(thread) => thread.notify_one(),
            Self::Task(task) => task.wake(),
        }
    }
}

/// A place among the waiters. Later ones are larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(i64);

impl Waiters {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many submitters are blocked, and how many tasks wait.
    pub(crate) fn blocked(&self) -> usize {
        self.blocked
    }

    /// How many jobs wait that were accepted before.
    pub(crate) fn requeued(&self) -> usize {
        self.queue.len() - self.blocked
    }

    pub(crate) fn push_requeued(&mut self, job: Job) {
        self.push(Waiting::Requeued(job));
    }

    /// Adds a job that had a place and has lost it, ahead of all who have never had one.
    pub(crate) fn push_ahead(&mut self, job: Job) {
        let ticket = Ticket(i64::MIN + self.ahead);
        self.ahead += 1;
        let index = self
            .queue
            .partition_point(|waiter| waiter.ticket < Ticket(0));
        let waiting = Waiting::Requeued(job);
        self.queue.insert(index, Waiter { ticket, waiting });
    }

    /// Adds the job of a submitter that is about to block until `wake` is notified.
    pub(crate) fn push_blocked(&mut self, job: Job, wake: Arc<Condvar>) -> Ticket {
        self.blocked += 1;
        self.push(Waiting::Blocked(job, wake))
    }

    /// Adds a task.
    pub(crate) fn push_task(&mut self, task: Arc<TaskWaiter>) -> Ticket {
        self.blocked += 1;
        self.push(Waiting::Task(task))
    }

    fn push(&mut self, waiting: Waiting) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.queue.push_back(Waiter { ticket, waiting });
        ticket
    }

    /// Removes the first waiter.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let waiter = self.queue.pop_front()?;
        self.blocked -= usize::from(waiter.is_blocked());
        Some(waiter.waiting)
    }

    /// Removes the first job that waits, and what wakes its submitter if one is blocked. Tasks before it wait on.
    pub(crate) fn pop_job(&mut self) -> Option<(Job, Option<Arc<Condvar>>)> {
        let is_job = |waiter: &Waiter| !matches!(waiter.waiting, Waiting::Task(_));
        let index = self.queue.iter().position(is_job)?;
        let waiter = self.queue.remove(index)?;
        self.blocked -= usize::from(waiter.is_blocked());
        match waiter.waiting {
            Waiting::Requeued(job) => Some((job, None)),
            Waiting::Blocked(job, thread) => Some((job, Some(thread))),
            Waiting::Task(_) => None,
        }
    }

    /// The tasks that wait.
    pub(crate) fn tasks(&self) -> Vec<Arc<TaskWaiter>> {
        let tasks = self
            .queue
            .iter()
            .filter_map(|waiter| match &waiter.waiting {
                Waiting::Task(task) => Some(Arc::clone(task)),
                _ => None,
            });
        tasks.collect()
    }

    /// Whether a job waits.
    pub(crate) fn has_jobs(&self) -> bool {
        let mut waiters = self.queue.iter();
        waiters.any(|waiter| !matches!(waiter.waiting, Waiting::Task(_)))
    }

    /// Whether the job of a blocked submitter was neither accepted nor taken back, or a task waits.
    pub(crate) fn contains(&self, ticket: Ticket) -> bool {
        find(&self.queue, ticket).is_some() || find(&self.rejected, ticket).is_some()
    }

    /// Takes back the job of a blocked submitter that no longer waits.
    pub(crate) fn take_back(&mut self, ticket: Ticket) -> Option<Job> {
        if let Some(index) = find(&self.queue, ticket) {
            self.blocked -= 1;
            return self.queue.remove(index)?.into_job();
        }
        let index = find(&self.rejected, ticket)?;
        self.rejected.remove(index)?.into_job()
    }

    /// Removes a task that no longer waits.
    pub(crate) fn remove_task(&mut self, ticket: Ticket) {
        if let Some(index) = find(&self.queue, ticket) {
            self.blocked -= 1;
            self.queue.remove(index);
        }
    }

    /// Removes the newest job with this ID that has no blocked submitter.
    pub(crate) fn take_requeued(&mut self, id: JobId) -> Option<Job> {
        let is_it = |waiter: &Waiter| match &waiter.waiting {
            Waiting::Requeued(job) => job.id() == Some(id),
            _ => false,
        };
        let index = self.queue.iter().rposition(is_it)?;
        self.queue.remove(index)?.into_job()
    }

    /// Ends the wait of all tasks and blocked submitters. The latter have to take back their jobs. Returns whom to wake.
    pub(crate) fn reject_blocked(&mut self) -> Vec<Waked> {
        let mut woken = Vec::new();
        for waiter in std::mem::take(&mut self.queue) {
            match &waiter.waiting {
                Waiting::Requeued(_) => self.queue.push_back(waiter),
                Waiting::Task(task) => woken.push(Waked::Task(Arc::clone(task))),
                Waiting::Blocked(_, thread) => {
                    woken.push(Waked::Thread(Arc::clone(thread)));
                    self.rejected.push_back(waiter);
                }
            }
        }
        self.blocked = 0;
        woken
    }
}

impl Waiter {
    fn is_blocked(&self) -> bool {
        !matches!(self.waiting, Waiting::Requeued(_))
    }

    fn into_job(self) -> Option<Job> {
        match self.waiting {
            Waiting::Requeued(job) | Waiting::Blocked(job, _) => Some(job),
            Waiting::Task(_) => None,
        }
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
        let blocked = left.map(|waiting| matches!(waiting, Waiting::Blocked(..)));
        let blocked: Vec<bool> = blocked.collect();
        assert_eq!(blocked, [false, false, true]);
        assert!(waiters.is_empty() && !waiters.contains(tickets[1]));
        assert_eq!((waiters.blocked(), waiters.requeued()), (0, 0));
    }

    /// A2: jobs that have lost their places come before those that wait for their first one, in order.
    #[test]
    fn jobs_that_lost_their_places_are_first_in_line() {
        let mut waiters = Waiters::default();
        let blocked = waiters.push_blocked(job(), Arc::default());
        let ids = [(), ()].map(Arc::new);
        for id in &ids {
            waiters.push_ahead(job().with_id(JobId::of(id)));
        }
        for id in &ids {
            let Some(Waiting::Requeued(first)) = waiters.pop() else {
                panic!("it is ahead");
            };
            assert_eq!(first.id(), Some(JobId::of(id)));
        }
        assert!(waiters.contains(blocked) && waiters.take_back(blocked).is_some());
        assert_eq!((waiters.requeued(), waiters.blocked()), (0, 0));
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
        assert!(matches!(waiters.pop(), Some(Waiting::Requeued(_))));
    }
}
