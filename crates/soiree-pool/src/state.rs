//! The two channels of a pool, and the rules for them: plain data under one lock.
//!
//! Channel one queues the jobs. Channel two holds the permits: as many as there may be workers, less those that live.

use std::collections::VecDeque;

use soiree_core::Job;

use crate::strategy::Load;

/// What a pool still does. In the order in which it gets there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    /// Takes no jobs, and runs those it has.
    Draining,
    /// Takes no jobs, and discards those it has.
    Stopping,
}

/// The right to be a worker, and the duty to answer for what was queued in the belief that there is one.
#[must_use]
pub(crate) struct WorkerPermit;

pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) max_workers: usize,
    /// Seats that are taken: by workers, and by threads that are about to start one.
    pub(crate) live: usize,
    /// Seats without a job, those of workers that are just starting included.
    pub(crate) idle: usize,
    /// Free workers that look at the queue again and again before they go to sleep.
    pub(crate) searching: usize,
    pub(crate) sleeping: usize,
    /// Sleeping workers that have been woken and are not up yet.
    notified: usize,
    /// Workers that wait in a release of their own pool.
    pub(crate) releasing: usize,
    /// Submitters that wait for a place.
    pub(crate) blocked: usize,
    queue: VecDeque<Job>,
}

impl State {
    pub(crate) fn new(max_workers: usize) -> Self {
        Self {
            phase: Phase::Open,
            max_workers,
            live: 0,
            idle: 0,
            searching: 0,
            sleeping: 0,
            notified: 0,
            releasing: 0,
            blocked: 0,
            queue: VecDeque::new(),
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Workers without a job that no queued job is about to be taken by.
    pub(crate) fn unassigned_idle(&self) -> usize {
        self.idle.saturating_sub(self.queue.len())
    }

    /// Whether another job may wait, or has a worker that is free to take it.
    pub(crate) fn has_room(&self, capacity: usize) -> bool {
        self.queue.len() < capacity + self.idle
    }

    /// Takes a permit, if there is one. The seat counts as free, so that a job may be queued for it.
    pub(crate) fn try_acquire(&mut self) -> Option<WorkerPermit> {
        (self.live < self.max_workers).then(|| {
            self.live += 1;
            self.idle += 1;
            WorkerPermit
        })
    }

    /// Gives the permit back.
    pub(crate) fn release(&mut self, idle: bool) {
        self.live -= 1;
        self.idle -= usize::from(idle);
    }

    pub(crate) fn push(&mut self, job: Job) {
        self.queue.push_back(job);
    }

    pub(crate) fn pop(&mut self) -> Option<Job> {
        self.queue.pop_front()
    }

    pub(crate) fn drain(&mut self) -> VecDeque<Job> {
        std::mem::take(&mut self.queue)
    }

    /// Whether to wake a worker: there is something to do, and nobody on the way to see it. One that wakes up wakes the next.
    #[must_use]
    pub(crate) fn try_notify_worker(&mut self) -> bool {
        let notify = !self.queue.is_empty()
            && self.sleeping > 0
            && self.searching == 0
            && self.notified == 0;
        self.notified += usize::from(notify);
        notify
    }

    pub(crate) fn worker_woke(&mut self) {
        self.sleeping -= 1;
        // It may have woken by itself, and the one that was woken finds nothing to take back.
        self.notified = self.notified.saturating_sub(1);
    }

    pub(crate) fn load(&self, capacity: usize) -> Load {
        Load {
            workers: self.live,
            idle: self.idle,
            waiting: self.queue.len(),
            max_workers: self.max_workers,
            capacity,
        }
    }

    /// The load as it is when a free worker has taken a job.
    pub(crate) fn load_after_receive(&self, capacity: usize) -> Load {
        let mut load = self.load(capacity);
        load.waiting -= 1;
        load.idle -= 1;
        load
    }
}
