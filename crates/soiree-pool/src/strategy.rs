//! When to start another worker.

/// What a [`Strategy`] decides by: a pool's state as a job has been queued, or as an idle worker is
/// about to take one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Live workers.
    pub workers: usize,
    /// Live workers without a job, those that are just starting included.
    pub idle: usize,
    /// Jobs in the queue.
    pub waiting: usize,
    /// Workers that may live at once.
    pub max_workers: usize,
    /// Jobs that may wait at once.
    pub capacity: usize,
}

/// Decides whether a pool below its limit starts one more worker. Closures `Fn(&Load) -> bool` are strategies.
///
/// Whatever it says, a pool with a job has at least one worker, a full queue starts another, and the limit holds. One that
/// panics counts as having said no.
pub trait Strategy: Send + Sync {
    /// Whether to start one more worker.
    fn grow(&self, load: &Load) -> bool;
}

/// Starts a worker as soon as a job would wait for one. The default: shortest waits, most threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Eager;

/// Starts a worker when there are more waiting jobs than workers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Balanced;

/// Starts a worker only when the queue is full. Fewest threads, longest waits.
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

    /// P2: each strategy starts a worker when it says that it does, and not a job earlier.
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
