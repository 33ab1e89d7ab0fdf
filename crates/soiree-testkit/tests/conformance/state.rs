//! The state of the reference pool, under its lock.

use std::collections::VecDeque;

use soiree_core::{Job, JobOutcome, PoolStats};

use crate::line::Line;

#[derive(PartialEq, PartialOrd, Clone, Copy)]
pub(crate) enum Phase {
    Open,
    Draining,
    Stopping,
}

pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) queue: VecDeque<Job>,
    pub(crate) line: Line,
    pub(crate) max_workers: usize,
    /// Live workers, including those whose thread is being started.
    pub(crate) live: usize,
    pub(crate) busy: usize,
    pub(crate) inline: usize,
    /// Workers that block in a release of their own pool.
    pub(crate) releasing: usize,
    /// Places that are kept for jobs to come.
    pub(crate) reserved: usize,
    pub(crate) resized: bool,
    pub(crate) submitted: u64,
    pub(crate) counted: PoolStats,
}

impl State {
    pub(crate) fn new(max_workers: usize) -> Self {
        Self {
            phase: Phase::Open,
            queue: VecDeque::new(),
            line: Line::default(),
            max_workers,
            live: 0,
            busy: 0,
            inline: 0,
            releasing: 0,
            reserved: 0,
            resized: false,
            submitted: 0,
            counted: PoolStats::default(),
        }
    }

    /// Live workers that run no job, including those for which a job is queued.
    pub(crate) fn free(&self) -> usize {
        self.live - self.busy
    }

    pub(crate) fn count(&mut self, outcome: &JobOutcome) {
        match outcome {
            JobOutcome::Panicked(_) => self.counted.failed += 1,
            JobOutcome::Expired => self.counted.expired += 1,
            _ => self.counted.successful += 1,
        }
    }
}
