//! [`BoundedPool`]: a bounded, counted pool over any [`Executor`].
//!
//! For those who adapt a pool: an adapter brings threads, and this crate brings what every pool owes besides: a bounded queue,
//! exact figures, deadlines and shutdown.

mod cancel;
mod executor;
mod permit;
mod pool;
mod run;
mod shared;
mod state;
mod submit;

pub use crate::executor::Executor;
pub use crate::permit::{Permit, StartedJob};
pub use crate::pool::BoundedPool;
