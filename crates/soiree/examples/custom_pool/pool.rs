//! A pool of one's own: each job gets a fresh thread with a large stack, and nothing stays behind in thread-locals.

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
        Ok(()) // there are as many threads as jobs
    }
}

impl FreshThreads {
    pub(crate) fn new(options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        let pool = BoundedPool::new(Spawn, options)?;
        Ok(Self { pool })
    }
}

soiree::pool::delegate_pool!(FreshThreads, pool);
