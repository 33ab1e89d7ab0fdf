//! The options of a pool.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::limits::{MAX_CAPACITY, MAX_WORKERS};
use super::overflow::Overflow;
use crate::panic::PanicPayload;

/// Called with the payload when a job panics, on the thread that ran the job.
pub type PoolPanicHandler = Arc<dyn Fn(&PanicPayload) + Send + Sync>;

/// The limits of a pool, its name, and what it does when it is full or a job panics.
///
/// Invalid options are an error when the pool is created, not before.
///
/// ```
/// use soiree_core::{Overflow, PoolOptions};
/// let options = PoolOptions::new(4, 100).name("bulk").overflow(Overflow::Reject);
/// assert!(options.check().is_ok());
/// let error = PoolOptions::new(0, 100).check().unwrap_err();
/// assert_eq!(error.to_string(), "max_workers is 0; at least 1 is needed");
/// ```
#[derive(Clone)]
#[must_use]
#[non_exhaustive]
pub struct PoolOptions {
    /// The name of the pool.
    pub name: Box<str>,
    /// How many jobs run at the same time at most.
    pub max_workers: usize,
    /// How many jobs wait at most.
    pub capacity: usize,
    /// What happens when the queue is full.
    pub overflow: Overflow,
    /// What is called when a job panics, if anything.
    pub panic_handler: Option<PoolPanicHandler>,
}

/// Which option is invalid, and its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPoolOptions {
    /// The worker limit is zero, so no job would ever run.
    #[error("max_workers is 0; at least 1 is needed")]
    NoWorkers,
    /// A number is above its limit.
    #[error("{option} is {value}, above {max}")]
    TooLarge {
        /// The name of the option.
        option: &'static str,
        /// Its value.
        value: usize,
        /// Its limit.
        max: usize,
    },
    /// The memory for a queue of this capacity cannot be allocated.
    #[error("capacity is {capacity}, more than can be allocated")]
    CannotAllocate {
        /// The capacity.
        capacity: usize,
    },
    /// The name contains a NUL character, which the name of a thread must not.
    #[error("the name {name:?} holds a NUL character at byte {at}")]
    NulInName {
        /// The name.
        name: Box<str>,
        /// The position of the NUL, in bytes.
        at: usize,
    },
}

impl PoolOptions {
    /// Options for a pool that runs at most `max_workers` jobs at the same time, with at most `capacity` more waiting.
    ///
    /// With a capacity of 0, a job is accepted only if a worker can take it at once.
    pub fn new(max_workers: usize, capacity: usize) -> Self {
        Self {
            name: "worker".into(),
            max_workers,
            capacity,
            overflow: Overflow::default(),
            panic_handler: None,
        }
    }

    /// Sets the name of the pool, which its threads get. `worker` by default.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets what happens when the queue is full. [`Overflow::Block`] by default.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets a function that is called when a job panics, on the thread that ran the job. A panic of the function is caught and
    /// dropped.
    pub fn panic_handler(
        mut self,
        handler: impl Fn(&PanicPayload) + Send + Sync + 'static,
    ) -> Self {
        self.panic_handler = Some(Arc::new(handler));
        self
    }

    /// Checks the options, and allocates a queue once to see whether the memory suffices.
    ///
    /// # Errors
    /// If the worker limit is zero, a number is above its limit, the name contains a NUL character, or there is not enough memory.
    pub fn check(&self) -> Result<(), InvalidPoolOptions> {
        if self.max_workers == 0 {
            return Err(InvalidPoolOptions::NoWorkers);
        }
        for (option, value, max) in [
            ("max_workers", self.max_workers, MAX_WORKERS),
            ("capacity", self.capacity, MAX_CAPACITY),
        ] {
            if value > max {
                return Err(InvalidPoolOptions::TooLarge { option, value, max });
            }
        }
        if let Some(at) = self.name.find('\0') {
            let name = self.name.clone();
            return Err(InvalidPoolOptions::NulInName { name, at });
        }
        // A failed allocation would otherwise abort the process, in a pool that allocates its queue when it is created.
        self.allocate::<[u64; 5]>().map(drop)
    }

    /// Creates a queue, with memory for all jobs that may wait.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn allocate<T>(&self) -> Result<VecDeque<T>, InvalidPoolOptions> {
        let capacity = self.capacity;
        let mut queue = VecDeque::new();
        queue
            .try_reserve_exact(capacity)
            .map_err(|_| InvalidPoolOptions::CannotAllocate { capacity })?;
        Ok(queue)
    }
}

impl fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOptions")
            .field("name", &self.name)
            .field("max_workers", &self.max_workers)
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .finish_non_exhaustive()
    }
}
