//! The permits that have not been used, counted by where they are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
#[derive(Default)]
pub(crate) struct Permits {
    stages: BTreeMap<Seq, Stage>,
    /// How many of them are sure to start a job.
    outstanding: usize,
    /// How many of them are tentative.
    tentative: usize,
}

impl Permits {
    /// How many jobs may rely on a permit: those that are [tentative](Stage::Tentative) do not count.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    pub(crate) fn tentative(&self) -> usize {
        self.tentative
    }

    /// Adds a permit that is being sent.
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
    pub(crate) fn sent(&mut self, permit: Seq, has_room: bool) -> bool {
        let Entry::Occupied(mut stage) = self.stages.entry(permit) else {
            return true;
        };
        match stage.get() {
            Stage::Dropped => {
                stage.remove();
                return false;
            }
            Stage::Tentative => {
                self.tentative -= 1;
                if !has_room {
                    stage.remove();
                    return true;
                }
                self.outstanding += 1;
            }
            Stage::Sending | Stage::Sent => {}
        }
        stage.insert(Stage::Sent);
        true
    }

    /// The executor has dropped the permit. Returns whether the caller must act on it; while the permit is being sent, the sender
    /// does.
    pub(crate) fn dropped(&mut self, permit: Seq) -> bool {
        let Entry::Occupied(mut stage) = self.stages.entry(permit) else {
            return false;
        };
        match stage.get() {
            Stage::Dropped => return false,
            Stage::Tentative => self.tentative -= 1,
            Stage::Sending => self.outstanding -= 1,
            Stage::Sent => {
                self.outstanding -= 1;
                stage.remove();
                return true;
            }
        }
        stage.insert(Stage::Dropped);
        false
    }

    /// Removes a permit that is used, or that could not be sent. Returns whether it was there.
    pub(crate) fn take(&mut self, permit: Seq) -> bool {
        let stage = self.stages.remove(&permit);
        match stage {
            Some(Stage::Tentative) => self.tentative -= 1,
            Some(Stage::Sending | Stage::Sent) => self.outstanding -= 1,
            Some(Stage::Dropped) | None => {}
        }
        stage.is_some()
    }

    /// Makes all permits void.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
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
