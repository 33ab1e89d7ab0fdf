//! The queue: the jobs that have a place.

use std::collections::VecDeque;

use soiree_core::{Job, JobId};

use crate::sequence::Seq;

/// A job, and what has to be known of it under the lock. A job may be of a user's making, so it is not asked there.
pub(crate) struct QueuedJob {
    pub(crate) job: Job,
    pub(crate) id: Option<JobId>,
    pub(crate) is_future: bool,
    /// Not counted yet: its submitter still has to find out whether the job can run, and may reclaim it.
    pub(crate) reserved: bool,
}

impl QueuedJob {
    pub(crate) fn new(job: Job) -> Self {
        Self {
            id: job.id(),
            is_future: job.is_future(),
            reserved: false,
            job,
        }
    }
}

/// Where a job is, or was. Neither the first nor the last slot is empty.
pub(crate) struct Slot {
    seq: Seq,
    job: Option<QueuedJob>,
}

/// Jobs by their numbers. A job that is taken from the middle leaves its slot behind, because moving the others would take as
/// long as there are many.
pub(crate) struct JobQueue {
    slots: VecDeque<Slot>,
    /// How many slots have a job.
    len: usize,
}

impl JobQueue {
    pub(crate) fn new(slots: VecDeque<Slot>) -> Self {
        Self { slots, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn first(&self) -> Option<&QueuedJob> {
        self.slots.front()?.job.as_ref()
    }

    pub(crate) fn first_seq(&self) -> Option<Seq> {
        Some(self.slots.front()?.seq)
    }

    pub(crate) fn last_seq(&self) -> Option<Seq> {
        Some(self.slots.back()?.seq)
    }

    pub(crate) fn get_mut(&mut self, seq: Seq) -> Option<&mut QueuedJob> {
        let at = self.position(seq).ok()?;
        self.slots[at].job.as_mut()
    }

    /// Adds a job that is not in the queue. Mostly it is the newest.
    pub(crate) fn insert(&mut self, seq: Seq, job: QueuedJob) {
        self.len += 1;
        let job = Some(job);
        match self.slots.back() {
            Some(last) if last.seq > seq => match self.position(seq) {
                Ok(at) => self.slots[at].job = job,
                Err(at) => self.slots.insert(at, Slot { seq, job }),
            },
            _ => self.slots.push_back(Slot { seq, job }),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<QueuedJob> {
        let first = self.slots.pop_front()?.job;
        self.len -= 1;
        self.trim();
        first
    }

    pub(crate) fn remove(&mut self, seq: Seq) -> Option<QueuedJob> {
        let at = self.position(seq).ok()?;
        let job = self.slots[at].job.take()?;
        self.len -= 1;
        self.trim();
        if self.slots.len() > 2 * self.len + 32 {
            self.slots.retain(|slot| slot.job.is_some());
        }
        Some(job)
    }

    /// Removes all jobs, oldest first.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Seq, QueuedJob)> + use<> {
        self.len = 0;
        let slots = std::mem::take(&mut self.slots);
        slots
            .into_iter()
            .filter_map(|slot| Some((slot.seq, slot.job?)))
    }

    fn trim(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.job.is_none()) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(|slot| slot.job.is_none()) {
            self.slots.pop_back();
        }
    }

    fn position(&self, seq: Seq) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&seq, |slot| slot.seq)
    }
}
