//! A pool of your own: each job gets a new thread with a large stack, and thread-locals never outlive a job.

use std::{io, thread};

use soiree::pool::{BoundedPool, Executor, InvalidPoolOptions, Permit, PoolOptions, ResizeError};

pub(crate) struct FreshThreads {
    pool: BoundedPool<Spawn>,
}

struct Spawn;

impl Executor for Spawn {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        let thread = thread::Builder::new().stack_size(8 << 20);
        thread.spawn(|| permit.run()).map(drop)
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(()) // each job starts its own thread
    }
}

impl FreshThreads {
    pub(crate) fn new(options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        let pool = BoundedPool::new(Spawn, options)?;
        Ok(Self { pool })
    }
}

soiree::pool::delegate_pool!(FreshThreads, pool);
