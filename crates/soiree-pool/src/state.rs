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
pub(crate) struct Seat;

pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) max_workers: usize,
    /// Seats that are taken: by workers, and by threads that are about to start one.
    pub(crate) live: usize,
    /// Seats without a job, those of workers that are just starting included.
    pub(crate) free: usize,
    /// Free workers that look at the queue again and again before they go to sleep.
    pub(crate) looking: usize,
    pub(crate) sleeping: usize,
    /// Sleeping workers that have been woken and are not up yet.
    waking: usize,
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
            free: 0,
            looking: 0,
            sleeping: 0,
            waking: 0,
            releasing: 0,
            blocked: 0,
            queue: VecDeque::new(),
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Workers without a job that no queued job is about to be taken by.
    pub(crate) fn idle(&self) -> usize {
        self.free.saturating_sub(self.queue.len())
    }

    /// Whether another job may wait, or has a worker that is free to take it.
    pub(crate) fn has_room(&self, capacity: usize) -> bool {
        self.queue.len() < capacity + self.free
    }

    /// Takes a permit, if there is one. The seat counts as free, so that a job may be queued for it.
    pub(crate) fn take_seat(&mut self) -> Option<Seat> {
        (self.live < self.max_workers).then(|| {
            self.live += 1;
            self.free += 1;
            Seat
        })
    }

    /// Gives the permit back.
    pub(crate) fn leave(&mut self, free: bool) {
        self.live -= 1;
        self.free -= usize::from(free);
    }

    pub(crate) fn push(&mut self, job: Job) {
        self.queue.push_back(job);
    }

    pub(crate) fn pop(&mut self) -> Option<Job> {
        self.queue.pop_front()
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<Job> {
        std::mem::take(&mut self.queue)
    }

    /// Whether to wake a worker: there is something to do, and nobody on the way to see it. One that wakes up wakes the next.
    #[must_use]
    pub(crate) fn wake(&mut self) -> bool {
        let wake =
            !self.queue.is_empty() && self.sleeping > 0 && self.looking == 0 && self.waking == 0;
        self.waking += usize::from(wake);
        wake
    }

    pub(crate) fn woke_up(&mut self) {
        self.sleeping -= 1;
        // It may have woken by itself, and the one that was woken finds nothing to take back.
        self.waking = self.waking.saturating_sub(1);
    }

    pub(crate) fn load(&self, capacity: usize) -> Load {
        Load {
            workers: self.live,
            idle: self.free,
            waiting: self.queue.len(),
            max_workers: self.max_workers,
            capacity,
        }
    }

    /// The load as it is when a free worker has taken a job.
    pub(crate) fn load_without_one(&self, capacity: usize) -> Load {
        let mut load = self.load(capacity);
        load.waiting -= 1;
        load.idle -= 1;
        load
    }
}
