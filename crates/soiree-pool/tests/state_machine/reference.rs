//! A sequential model of the pool.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use soiree_pool::{Overflow, PoolStats};

/// One operation on the pool.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Submits a job. A late one has missed its deadline before it can start.
    Submit {
        late: bool,
    },
    TrySubmit,
    Requeue,
    /// Runs a job before its turn.
    RunQueued {
        nth: usize,
    },
    /// Asks whether the pool is idle.
    IsIdle,
    /// Ends a running job, normally or with a panic.
    EndJob {
        nth: usize,
        panics: bool,
    },
    /// Raises or lowers the worker limit by one.
    Resize {
        up: bool,
    },
    ResizeToNone,
    Stop,
    StopAndTakeJobs,
    /// Ends all jobs and releases the pool.
    Release,
    ReleaseUntilNow,
}

#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) overflow: Overflow,
    /// Whether the strategy is `Balanced` and not `Lazy`.
    pub(crate) balanced: bool,
    /// The statistics, except those that `stats` computes.
    counted: PoolStats,
    open: bool,
    live: usize,
    /// Workers above the limit, which exit before their next job.
    excess: usize,
    pub(crate) running: Vec<usize>,
    queue: VecDeque<Queued>,
    /// What waits for a place in the queue. Not submitted yet.
    waiters: VecDeque<Queued>,
    /// The number of the next job.
    pub(crate) next: usize,
    /// What the last step returned.
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone, Copy)]
struct Queued {
    job: usize,
    late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Rejected,
    Is(bool),
    Took(usize),
    DrainTimeout { active: usize, discarded: usize },
}

impl Reference {
    /// The statistics that the pool has to return.
    pub(crate) fn stats(&self) -> PoolStats {
        let mut stats = self.counted;
        stats.running = self.live;
        stats.idle = self.live - self.running.len();
        stats.active = self.running.len();
        stats.waiting = self.queue.len();
        stats.requeued = self.waiters.len();
        stats
    }

    /// The jobs that wait, in their order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = usize> {
        let waiting = self.queue.iter().chain(&self.waiters);
        waiting.map(|queued| queued.job)
    }

    /// Gives places in the queue to what waits for one.
    fn serve_waiters(&mut self) {
        while self.queue.len() < self.counted.capacity {
            let Some(waiter) = self.waiters.pop_front() else {
                break;
            };
            self.queue.push_back(waiter);
            self.counted.submitted += 1;
        }
    }

    fn permits(&self) -> usize {
        self.counted.max_workers + self.excess - self.live
    }

    fn submit(&mut self, late: bool, requeued: bool) -> Answer {
        let job = Queued {
            job: self.next,
            late,
        };
        self.next += 1;
        let idle = self.live - self.running.len();
        let full = self.queue.len() == self.counted.capacity;
        if !self.open {
            self.counted.rejected += 1;
            return Answer::Rejected;
        }
        if self.live == 0 || idle > 0 {
            self.live = self.live.max(1);
            self.queue.push_back(job);
            self.update();
        } else if !full {
            self.queue.push_back(job);
            if self.balanced && self.queue.len() > self.live && self.permits() > 0 {
                self.live += 1;
                self.update();
            }
        } else if self.permits() > 0 {
            self.live += 1;
            self.queue.push_back(job);
            self.update();
        } else if requeued {
            self.waiters.push_back(job);
            return Answer::Done;
        } else if self.overflow == Overflow::DropOldest {
            self.queue.pop_front();
            self.counted.discarded += 1;
            self.waiters.push_back(job);
            self.serve_waiters();
            return Answer::Done;
        } else {
            self.counted.rejected += 1;
            return Answer::Rejected;
        }
        self.counted.submitted += 1;
        Answer::Done
    }

    /// An idle worker takes the next job, or exits.
    fn update(&mut self) {
        if self.excess > 0 {
            self.excess -= 1;
            self.live -= 1;
            return;
        }
        while let Some(Queued { job, late }) = self.queue.pop_front() {
            self.serve_waiters();
            if !late {
                self.running.push(job);
                return;
            }
            self.counted.expired += 1;
        }
        if !self.open {
            self.live -= 1;
        }
    }

    fn run_queued(&mut self, nth: usize) {
        let waiting = self.queue.len();
        let Some(queued) = (match nth.checked_sub(waiting) {
            None => self.queue.remove(nth),
            Some(nth) => {
                self.counted.submitted += 1;
                self.waiters.remove(nth)
            }
        }) else {
            return;
        };
        self.serve_waiters();
        match queued.late {
            true => self.counted.expired += 1,
            false => self.counted.successful += 1,
        }
    }

    fn end_job(&mut self, nth: usize, panics: bool) {
        self.running.remove(nth);
        match panics {
            true => self.counted.failed += 1,
            false => self.counted.successful += 1,
        }
        self.update();
    }

    fn resize(&mut self, up: bool) {
        if !up {
            let spare = self.permits() > 0;
            self.counted.max_workers -= 1;
            if !spare {
                self.excess += 1;
                if self.live > self.running.len() {
                    self.update();
                }
            }
            return;
        }
        self.counted.max_workers += 1;
        if self.excess > 0 {
            self.excess -= 1;
        } else if !self.queue.is_empty() {
            self.live += 1;
            self.update();
        }
    }

    fn stop(&mut self) -> Answer {
        self.open = false;
        self.live = self.running.len();
        let (active, discarded) = (self.live, self.queue.len() + self.waiters.len());
        self.counted.submitted += self.waiters.len() as u64;
        self.queue.clear();
        self.waiters.clear();
        self.counted.discarded += discarded as u64;
        match (active, discarded) {
            (0, 0) => Answer::Done,
            _ => Answer::DrainTimeout { active, discarded },
        }
    }
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let overflow = prop_oneof![
            Just(Overflow::Reject),
            Just(Overflow::BlockFor(Duration::from_nanos(1))),
            Just(Overflow::DropOldest),
        ];
        (overflow, any::<bool>(), 1..=3_usize, 1..=3_usize)
            .prop_map(|(overflow, balanced, max_workers, capacity)| {
                let mut counted = PoolStats::default();
                counted.max_workers = max_workers;
                counted.capacity = capacity;
                counted.min_workers = 1;
                Self {
                    overflow,
                    balanced,
                    counted,
                    open: true,
                    live: 0,
                    excess: 0,
                    running: Vec::new(),
                    queue: VecDeque::new(),
                    waiters: VecDeque::new(),
                    next: 0,
                    answer: Answer::Done,
                }
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        prop_oneof![
            12 => any::<bool>().prop_map(|late| Step::Submit { late }),
            12 => Just(Step::Submit { late: false }),
            4 => Just(Step::TrySubmit),
            8 => Just(Step::Requeue),
            4 => (0..8_usize).prop_map(|nth| Step::RunQueued { nth }),
            2 => Just(Step::IsIdle),
            12 => (0..8_usize, any::<bool>()).prop_map(|(nth, panics)| Step::EndJob { nth, panics }),
            8 => any::<bool>().prop_map(|up| Step::Resize { up }),
            1 => Just(Step::ResizeToNone),
            1 => Just(Step::Stop),
            1 => Just(Step::StopAndTakeJobs),
            1 => Just(Step::Release),
            1 => Just(Step::ReleaseUntilNow),
        ]
        .boxed()
    }

    fn preconditions(state: &Self, step: &Step) -> bool {
        match step {
            Step::EndJob { nth, .. } => *nth < state.running.len(),
            Step::RunQueued { nth } => *nth < state.waiting().count(),
            Step::Resize { up } => *up || state.counted.max_workers > 1,
            _ => true,
        }
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        state.answer = Answer::Done;
        match *step {
            Step::Submit { late } => state.answer = state.submit(late, false),
            Step::TrySubmit => state.answer = state.submit(false, false),
            Step::Requeue => state.answer = state.submit(false, true),
            Step::RunQueued { nth } => state.run_queued(nth),
            Step::IsIdle => state.answer = Answer::Is(state.stats().is_idle()),
            Step::EndJob { nth, panics } => state.end_job(nth, panics),
            Step::Resize { up } => state.resize(up),
            Step::ResizeToNone => state.answer = Answer::Rejected,
            Step::Stop => drop(state.stop()),
            Step::StopAndTakeJobs => {
                let waiting = state.waiting().count();
                state.stop();
                state.answer = Answer::Took(waiting);
            }
            Step::ReleaseUntilNow => state.answer = state.stop(),
            Step::Release => {
                state.open = false;
                state.live = state.running.len();
                while !state.running.is_empty() {
                    state.end_job(0, false);
                }
            }
        }
        state
    }
}
