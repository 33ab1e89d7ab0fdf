//! The jobs that have not started, in the order in which they came: those with a place in the queue, then those that wait for one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use soiree_core::JobId;

use crate::queued_job::QueuedJob;
use crate::seq_map::{SeqMap, Slot};
use crate::sequence::Seq;
use crate::task_waiter::TaskWaiter;
use crate::waiter::{BlockedSubmitter, Verdict};

/// What has no place.
enum Waiter {
    Job {
        job: QueuedJob,
        /// `None` for work that was accepted before.
        submitter: Option<Arc<BlockedSubmitter>>,
    },
    /// A task that reserves a place.
    Task(Arc<TaskWaiter>),
}

impl Waiter {
    /// Whether it has not been accepted yet.
    fn is_blocked(&self) -> bool {
        !matches!(
            self,
            Self::Job {
                submitter: None,
                ..
            }
        )
    }
}

/// A job that got a place, but may lose it again: no worker may be left to run it.
pub(crate) struct Candidate {
    seq: Seq,
    submitter: Option<Arc<BlockedSubmitter>>,
}

// The pool is generic and compiled with its executor, in another crate. So what runs for each job is marked `#[inline]`.

/// Places are given in the order of numbers, to blocked submitters and to work that was accepted before alike.
pub(crate) struct Line {
    queue: SeqMap<QueuedJob>,
    /// How many jobs in the queue are reserved.
    reserved: usize,
    waiters: BTreeMap<Seq, Waiter>,
    /// How many waiters are blocked submitters or tasks.
    blocked: usize,
    /// Tasks that are to be woken when the pool is unlocked.
    pub(crate) woken: Vec<Arc<TaskWaiter>>,
    /// Which jobs have an ID: in the queue, or accepted before.
    by_id: HashMap<JobId, Seq, BuildHasherDefault<AddressHasher>>,
}

impl Line {
    pub(crate) fn new(slots: VecDeque<Slot<QueuedJob>>) -> Self {
        Self {
            queue: SeqMap::new(slots),
            reserved: 0,
            waiters: BTreeMap::new(),
            blocked: 0,
            woken: Vec::new(),
            by_id: HashMap::default(),
        }
    }

    /// How many jobs have a place.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// How many of them are not counted yet.
    #[inline]
    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    #[inline]
    pub(crate) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    #[inline]
    pub(crate) fn blocked(&self) -> usize {
        self.blocked
    }

    /// How many jobs were accepted before and wait for a place.
    #[inline]
    pub(crate) fn requeued(&self) -> usize {
        self.waiters.len() - self.blocked
    }

    /// How many accepted jobs have not started.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.requeued()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the next job to start is a future.
    #[inline]
    pub(crate) fn starts_with_future(&self) -> bool {
        self.queue.first().is_some_and(|first| first.is_future)
    }

    /// Queues a job.
    #[inline]
    pub(crate) fn push(&mut self, seq: Seq, job: QueuedJob) {
        if let Some(id) = job.id {
            self.by_id.insert(id, seq);
        }
        self.reserved += usize::from(job.reserved);
        self.queue.insert(seq, job);
    }

    /// Removes the oldest job from the queue.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(Seq, QueuedJob)> {
        let seq = self.queue.first_seq()?;
        let job = self.queue.pop()?;
        self.forget(seq, &job);
        Some((seq, job))
    }

    /// Removes a job from the queue; `None` if it has left the queue already.
    pub(crate) fn remove(&mut self, seq: Seq) -> Option<QueuedJob> {
        let job = self.queue.remove(seq)?;
        self.forget(seq, &job);
        Some(job)
    }

    /// Removes the job with this ID, with or without a place.
    pub(crate) fn remove_by_id(&mut self, id: JobId) -> Option<(Seq, QueuedJob)> {
        let seq = *self.by_id.get(&id)?;
        let job = self.remove(seq).or_else(|| self.remove_waiter(seq))?;
        Some((seq, job))
    }

    #[inline]
    fn forget(&mut self, seq: Seq, job: &QueuedJob) {
        self.reserved -= usize::from(job.reserved);
        if let Some(id) = job.id {
            // Another job may have come with the same ID.
            if self.by_id.get(&id) == Some(&seq) {
                self.by_id.remove(&id);
            }
        }
    }

    /// Counts a reserved job from now on, unless it has started or left.
    #[inline]
    pub(crate) fn commit(&mut self, seq: Seq) {
        if self.reserved == 0 {
            return;
        }
        if let Some(job) = self.queue.get_mut(seq) {
            self.reserved -= usize::from(std::mem::replace(&mut job.reserved, false));
        }
    }

    /// Lets work wait that was accepted before.
    pub(crate) fn requeue(&mut self, seq: Seq, mut job: QueuedJob) {
        job.reserved = false;
        if let Some(id) = job.id {
            self.by_id.insert(id, seq);
        }
        let submitter = None;
        self.waiters.insert(seq, Waiter::Job { job, submitter });
    }

    /// Lets a task wait.
    pub(crate) fn push_task(&mut self, seq: Seq, task: Arc<TaskWaiter>) {
        self.waiters.insert(seq, Waiter::Task(task));
        self.blocked += 1;
    }

    /// Removes a task that no longer waits.
    pub(crate) fn remove_task(&mut self, seq: Seq) {
        if self.waiters.remove(&seq).is_some() {
            self.blocked -= 1;
        }
    }

    /// Whether a task waits.
    pub(crate) fn has_task(&self, seq: Seq) -> bool {
        self.waiters.contains_key(&seq)
    }

    /// Removes the first waiter if it is a task, and wakes it later.
    pub(crate) fn pop_task(&mut self) -> Option<Arc<TaskWaiter>> {
        let first = self.waiters.first_entry()?;
        let Waiter::Task(_) = first.get() else {
            return None;
        };
        let Waiter::Task(task) = first.remove() else {
            return None;
        };
        self.blocked -= 1;
        self.woken.push(Arc::clone(&task));
        Some(task)
    }

    /// Lets the job of a blocked submitter wait.
    pub(crate) fn block(&mut self, seq: Seq, mut job: QueuedJob) -> Arc<BlockedSubmitter> {
        job.reserved = false;
        let submitter = Arc::<BlockedSubmitter>::default();
        self.block_again(seq, job, Arc::clone(&submitter));
        submitter
    }

    fn block_again(&mut self, seq: Seq, job: QueuedJob, submitter: Arc<BlockedSubmitter>) {
        let submitter = Some(submitter);
        self.waiters.insert(seq, Waiter::Job { job, submitter });
        self.blocked += 1;
    }

    /// Removes a job that has no place; `None` if it has one by now, or has left.
    pub(crate) fn remove_waiter(&mut self, seq: Seq) -> Option<QueuedJob> {
        let waiter = self.waiters.remove(&seq)?;
        self.blocked -= usize::from(waiter.is_blocked());
        let Waiter::Job { job, .. } = waiter else {
            return None;
        };
        self.forget(seq, &job);
        Some(job)
    }

    /// Gives the next place, for good. Returns `false` if nobody waits.
    pub(crate) fn admit(&mut self) -> bool {
        let Some(candidate) = self.admit_candidate() else {
            return false;
        };
        self.confirm(candidate);
        true
    }

    /// Gives the next place. The job is reserved until it is confirmed or put back.
    pub(crate) fn admit_candidate(&mut self) -> Option<Candidate> {
        let first = self.waiters.first_entry()?;
        // A task gets its place in another way.
        if let Waiter::Task(_) = first.get() {
            return None;
        }
        let (seq, waiter) = first.remove_entry();
        self.blocked -= usize::from(waiter.is_blocked());
        let Waiter::Job { mut job, submitter } = waiter else {
            return None;
        };
        job.reserved = true;
        self.push(seq, job);
        Some(Candidate { seq, submitter })
    }

    pub(crate) fn confirm(&mut self, candidate: Candidate) {
        self.commit(candidate.seq);
        if let Some(submitter) = candidate.submitter {
            submitter.notify(Verdict::Accepted);
        }
    }

    /// Takes the place away again. If the pool was closed meanwhile, that rejects the job of a blocked submitter.
    pub(crate) fn put_back(&mut self, candidate: Candidate, is_closed: bool) {
        let Candidate { seq, submitter } = candidate;
        let Some(mut job) = self.remove(seq) else {
            // It has started, or was discarded.
            return self.confirm(Candidate { seq, submitter });
        };
        job.reserved = false;
        match submitter {
            None => self.requeue(seq, job),
            Some(submitter) if is_closed => submitter.notify(Verdict::Closed(job)),
            Some(submitter) => self.block_again(seq, job, submitter),
        }
    }

    /// Takes the place of the newest job in the queue, which waits on without one.
    pub(crate) fn put_back_newest(&mut self) {
        let Some(seq) = self.queue.last_seq() else {
            return;
        };
        if let Some(job) = self.remove(seq) {
            self.requeue(seq, job);
        }
    }

    /// Notifies the blocked submitters and tasks that the pool has no worker.
    pub(crate) fn notify_no_worker(&mut self) {
        if self.blocked == 0 {
            return;
        }
        for waiter in self.waiters.values() {
            match waiter {
                Waiter::Job { submitter, .. } => {
                    if let Some(submitter) = submitter {
                        submitter.notify(Verdict::NoWorker);
                    }
                }
                Waiter::Task(task) => self.woken.push(Arc::clone(task)),
            }
        }
    }

    /// Removes the blocked submitters and the tasks, and notifies them that the pool is closed.
    pub(crate) fn close(&mut self) {
        if self.blocked == 0 {
            return;
        }
        self.blocked = 0;
        for (seq, waiter) in std::mem::take(&mut self.waiters) {
            match waiter {
                Waiter::Task(task) => self.woken.push(task),
                Waiter::Job { job, submitter } => match submitter {
                    Some(submitter) => submitter.notify(Verdict::Closed(job)),
                    None => self.requeue(seq, job),
                },
            }
        }
    }

    /// Removes all accepted jobs, oldest first.
    pub(crate) fn take_accepted(&mut self) -> Vec<QueuedJob> {
        self.reserved = 0;
        self.by_id.clear();
        let mut taken: Vec<_> = self.queue.take().collect();
        for (seq, waiter) in std::mem::take(&mut self.waiters) {
            match waiter {
                Waiter::Job {
                    job,
                    submitter: None,
                } => taken.push((seq, job)),
                waiter => {
                    self.waiters.insert(seq, waiter);
                }
            }
        }
        taken.sort_by_key(|(seq, _)| *seq);
        taken.into_iter().map(|(_, job)| job).collect()
    }
}

/// Hashes a single address.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        // A table uses the lowest bits, and those of an address are zero.
        let spread = (self.0 ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
