//! When a pool starts another worker.

/// The load of a pool at the moment when its [`Strategy`] decides.
///
/// A strategy is asked after a job was queued, and before an idle worker takes one of several queued jobs. The worker's job does
/// not count as waiting then, and the worker does not count as idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Live workers.
    pub workers: usize,
    /// Live workers without a job, including workers whose thread is still starting.
    pub idle: usize,
    /// Jobs in the queue.
    pub waiting: usize,
    /// The worker limit.
    pub max_workers: usize,
    /// How many jobs may wait.
    pub capacity: usize,
}

/// Decides whether a pool below its worker limit starts one more worker. A closure `Fn(&Load) -> bool` is a strategy.
///
/// Some rules hold whatever the strategy returns: a pool with a job has at least one worker, a full queue starts another worker,
/// and there are never more workers than the limit.
///
/// ```
/// use soiree_pool::{Load, WorkerPool};
///
/// // One worker for every ten waiting jobs.
/// let pool = WorkerPool::builder()
///     .max_workers(8)
///     .strategy(|load: &Load| load.waiting > 10 * load.workers)
///     .build()?;
/// # Ok::<(), soiree_pool::BuildError>(())
/// ```
pub trait Strategy: Send + Sync {
    /// Returns `true` to start one more worker.
    ///
    /// The pool calls it on submitting threads and on workers, without a lock, and only while a job waits. The thread goes on when
    /// it returns, so it should not block. A panic is caught, dropped and counts as `false`.
    fn grow(&self, load: &Load) -> bool;
}

/// Starts a worker as soon as more jobs wait than workers are idle. The default: shortest waits, most threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Eager;

/// Starts a worker when, after every idle worker has taken one, more jobs still wait than there are workers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Balanced;

/// Starts a worker only when the queue is full: fewest threads, longest waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lazy;

impl Strategy for Eager {
    fn grow(&self, load: &Load) -> bool {
        load.waiting > load.idle
    }
}

impl Strategy for Balanced {
    fn grow(&self, load: &Load) -> bool {
        load.waiting > load.idle + load.workers
    }
}

impl Strategy for Lazy {
    fn grow(&self, _: &Load) -> bool {
        false
    }
}

impl<F: Fn(&Load) -> bool + Send + Sync> Strategy for F {
    fn grow(&self, load: &Load) -> bool {
        self(load)
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use super::*;

    fn grows(strategy: &dyn Strategy, workers: usize, idle: usize, waiting: usize) -> bool {
        strategy.grow(&Load {
            workers,
            idle,
            waiting,
            max_workers: 8,
            capacity: 8,
        })
    }

    /// P2: each strategy starts a worker at the load that its documentation names, and not one job earlier.
    #[test]
    fn strategies_grow_at_the_load_they_name() {
        for (workers, idle) in [(1, 0), (2, 1), (3, 3)] {
            assert!(!grows(&Eager, workers, idle, idle));
            assert!(grows(&Eager, workers, idle, idle + 1));
            assert!(!grows(&Balanced, workers, idle, idle + workers));
            assert!(grows(&Balanced, workers, idle, idle + workers + 1));
            assert!(!grows(&Lazy, workers, idle, 8));
        }
    }
}
