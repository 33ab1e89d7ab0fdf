//! [`BoundedPool`]: a bounded, counted pool over any [`Executor`].
//!
//! For those who adapt a pool: an adapter brings threads, and this crate brings what every pool owes besides: a bounded queue,
//! exact figures, deadlines and shutdown.

mod cancel;
mod executor;
mod pool;
mod run;
mod shared;
mod state;
mod submit;
mod turn;

pub use crate::executor::Executor;
pub use crate::pool::BoundedPool;
pub use crate::turn::{Begun, Turn};
