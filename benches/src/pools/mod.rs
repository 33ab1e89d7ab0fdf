//! The pools that are compared.

mod channel_pool;
mod job_pool;
#[cfg(feature = "peers")]
mod peers;
mod worker_pool;

pub(crate) use self::channel_pool::ChannelPool;
pub(crate) use self::job_pool::{CAPACITY, JobPool};
#[cfg(feature = "peers")]
pub(crate) use self::peers::{TokioBlockingPool, TokioPool, runtime};
pub(crate) use self::worker_pool::worker_pool;
