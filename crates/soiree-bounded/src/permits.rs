//! The permits that have not been used, counted by where they are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::sequence::Seq;

/// Where a permit is that has not been used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// `Executor::execute` has not returned.
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
    /// How many of them will start a job, which those that were dropped do not.
    outstanding: usize,
}

impl Permits {
    /// How many permits will each start a job.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Adds a permit that is being sent.
    pub(crate) fn add(&mut self, permit: Seq) {
        self.stages.insert(permit, Stage::Sending);
        self.outstanding += 1;
    }

    /// `Executor::execute` has accepted the permit. Returns `false` if it dropped the permit.
    pub(crate) fn sent(&mut self, permit: Seq) -> bool {
        let Entry::Occupied(mut stage) = self.stages.entry(permit) else {
            return true;
        };
        if *stage.get() == Stage::Dropped {
            stage.remove();
            return false;
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
        self.outstanding -= 1;
        if *stage.get() == Stage::Sending {
            stage.insert(Stage::Dropped);
            return false;
        }
        stage.remove();
        true
    }

    /// Removes a permit that is used, or that could not be sent. Returns whether it was there.
    pub(crate) fn take(&mut self, permit: Seq) -> bool {
        let stage = self.stages.remove(&permit);
        if stage.is_some_and(|stage| stage != Stage::Dropped) {
            self.outstanding -= 1;
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
