//! The limits of a pool.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::limits::{MAX_CAPACITY, MAX_WORKERS};
use super::overflow::Overflow;
use crate::panic::PanicPayload;

/// Sees what jobs panic with, on the thread that ran them.
pub type PoolPanicHandler = Arc<dyn Fn(&PanicPayload) + Send + Sync>;

/// The limits of a pool, its name, and what it does when full or when a job panics.
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
pub struct PoolOptions {
    name: Box<str>,
    max_workers: usize,
    capacity: usize,
    overflow: Overflow,
    panic_handler: Option<PoolPanicHandler>,
}

/// Options that make no sense: which one, and its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPoolOptions {
    /// Without workers nothing would ever run.
    #[error("max_workers is 0; at least 1 is needed")]
    NoWorkers,
    /// A number that is too large to be meant.
    #[error("{option} is {value}, above {max}")]
    TooLarge {
        /// The option.
        option: &'static str,
        /// Its value.
        value: usize,
        /// The most that it may be.
        max: usize,
    },
    /// There is not enough memory for a queue so long.
    #[error("capacity is {capacity}, more than can be allocated")]
    CannotAllocate {
        /// The capacity.
        capacity: usize,
    },
    /// A thread cannot bear the name.
    #[error("the name {name:?} holds a NUL character at byte {at}")]
    NulInName {
        /// The name.
        name: Box<str>,
        /// Where the NUL is.
        at: usize,
    },
}

impl PoolOptions {
    /// At most so many jobs at once, and so many waiting. With a capacity of 0 a job is handed over directly.
    pub fn new(max_workers: usize, capacity: usize) -> Self {
        Self {
            name: "worker".into(),
            max_workers,
            capacity,
            overflow: Overflow::default(),
            panic_handler: None,
        }
    }

    /// Names the pool. `worker` unless set.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// What happens when the queue is full. [`Overflow::Block`] unless set.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sees what each job panics with, on the thread that ran it. If it panics itself, that is dropped.
    pub fn panic_handler(
        mut self,
        handler: impl Fn(&PanicPayload) + Send + Sync + 'static,
    ) -> Self {
        self.panic_handler = Some(Arc::new(handler));
        self
    }

    /// The name, for those who start threads.
    pub fn get_name(&self) -> &str {
        &self.name
    }

    /// The worker limit, for those who start threads.
    pub fn get_max_workers(&self) -> usize {
        self.max_workers
    }

    /// The queue's capacity, for those who write pools.
    pub fn get_capacity(&self) -> usize {
        self.capacity
    }

    /// The overflow policy, for those who write pools.
    pub fn get_overflow(&self) -> Overflow {
        self.overflow
    }

    /// The panic handler, for those who write pools.
    pub fn get_panic_handler(&self) -> Option<&PoolPanicHandler> {
        self.panic_handler.as_ref()
    }

    /// Whether the options make sense.
    ///
    /// # Errors
    /// If there are no workers, a number is too large, a thread could not bear the name, or there is no memory for a queue of
    /// that capacity.
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
        // Queues that are allocated when they are made would end the process.
        self.allocate::<[u64; 5]>().map(drop)
    }

    /// A queue with all the memory that it may need.
    ///
    /// # Errors
    /// If there is not so much.
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
