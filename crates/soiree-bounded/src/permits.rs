//! The permits that have not been used, counted by where they are.

use std::collections::VecDeque;

use crate::seq_map::SeqMap;
use crate::sequence::Seq;

/// Where a permit is that has not been used.
#[derive(Clone, Copy)]
enum Stage {
    /// `Executor::execute` has not returned. If it fails, nobody runs a job in place of this permit, so no job may rely on it.
    Tentative,
    /// `Executor::execute` has not returned. If it fails, the thread that called it runs the jobs that rely on it.
    Sending,
    /// The executor has it.
    Sent,
    /// The executor dropped it before `Executor::execute` returned.
    Dropped,
}

/// There may be as many as [`MAX_WORKERS`](soiree_core::MAX_WORKERS), so every operation costs the logarithm of their number.
pub(crate) struct Permits {
    stages: SeqMap<Stage>,
    /// How many of them are sure to start a job.
    outstanding: usize,
    /// How many of them are tentative.
    tentative: usize,
}

impl Permits {
    pub(crate) fn none() -> Self {
        Self {
            stages: SeqMap::new(VecDeque::new()),
            outstanding: 0,
            tentative: 0,
        }
    }

    /// How many jobs may rely on a permit: those that are [tentative](Stage::Tentative) do not count.
    #[inline]
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    #[inline]
    pub(crate) fn tentative(&self) -> usize {
        self.tentative
    }

    /// Adds a permit that is being sent.
    #[inline]
    pub(crate) fn add(&mut self, permit: Seq, tentative: bool) {
        let stage = match tentative {
            true => Stage::Tentative,
            false => Stage::Sending,
        };
        self.stages.insert(permit, stage);
        self.outstanding += usize::from(!tentative);
        self.tentative += usize::from(tentative);
    }

    /// `Executor::execute` has accepted the permit. Returns `false` if it dropped the permit.
    ///
    /// A tentative permit counts from now on, unless there is no room: then others were sent meanwhile, and it is void.
    #[inline]
    pub(crate) fn sent(&mut self, permit: Seq, has_room: bool) -> bool {
        let Some(stage) = self.stages.get_mut(permit) else {
            return true;
        };
        match std::mem::replace(stage, Stage::Sent) {
            Stage::Dropped => {
                self.stages.remove(permit);
                return false;
            }
            Stage::Tentative => {
                self.tentative -= 1;
                match has_room {
                    true => self.outstanding += 1,
                    false => drop(self.stages.remove(permit)),
                }
            }
            Stage::Sending | Stage::Sent => {}
        }
        true
    }

    /// The executor has dropped the permit. Returns whether the caller must act on it; while the permit is being sent, the sender
    /// does.
    pub(crate) fn dropped(&mut self, permit: Seq) -> bool {
        let Some(stage) = self.stages.get_mut(permit) else {
            return false;
        };
        match std::mem::replace(stage, Stage::Dropped) {
            Stage::Dropped => {}
            Stage::Tentative => self.tentative -= 1,
            Stage::Sending => self.outstanding -= 1,
            Stage::Sent => {
                self.outstanding -= 1;
                self.stages.remove(permit);
                return true;
            }
        }
        false
    }

    /// Removes a permit that is used, or that could not be sent. Returns whether it was there.
    #[inline]
    pub(crate) fn take(&mut self, permit: Seq) -> bool {
        let stage = self.stages.remove(permit);
        match stage {
            Some(Stage::Tentative) => self.tentative -= 1,
            Some(Stage::Sending | Stage::Sent) => self.outstanding -= 1,
            Some(Stage::Dropped) | None => {}
        }
        stage.is_some()
    }

    /// Makes all permits void.
    pub(crate) fn clear(&mut self) {
        *self = Self::none();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use soiree_core::{Job, Pool, PoolOptions};

    use crate::executor::Executor;
    use crate::permit::Permit;
    use crate::pool::BoundedPool;
    use crate::sequence::comparisons;

    #[derive(Clone, Default)]
    struct Keeping(Arc<Mutex<Vec<Permit>>>);

    impl Executor for Keeping {
        fn execute(&self, permit: Permit) -> io::Result<()> {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(permit);
            Ok(())
        }
    }

    /// P2: what a job costs grows with the logarithm of the number of jobs that were sent and have not started, in whatever order
    /// they start.
    #[test]
    fn a_burst_of_jobs_costs_little_for_each() {
        const JOBS: usize = 40_000;
        let executor = Keeping::default();
        let pool = BoundedPool::new(executor.clone(), PoolOptions::new(JOBS, 16)).unwrap();
        let submitting = comparisons::of(|| {
            for _ in 0..JOBS {
                pool.submit(Job::new(|| {})).unwrap();
            }
        });
        let permits = std::mem::take(&mut *executor.0.lock().unwrap());
        assert_eq!((permits.len(), pool.stats().active), (JOBS, JOBS));
        let running = comparisons::of(|| {
            let (first, last): (Vec<_>, Vec<_>) =
                (0..).zip(permits).partition(|(number, _)| number % 2 == 0);
            let in_any_order = last.into_iter().rev().chain(first);
            in_any_order.for_each(|(_, permit)| permit.run());
        });
        assert_eq!(pool.stats().successful, JOBS as u64);
        for (what, comparisons) in [("submitting", submitting), ("running", running)] {
            let each = comparisons / JOBS as u64;
            assert!(each <= 300, "{each} comparisons for each job, {what}");
        }
    }
}
