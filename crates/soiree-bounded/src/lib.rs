//! [`BoundedPool`]: makes a bounded, counted pool of any [`Executor`].
//!
//! Use it to adapt threads that exist already: a thread pool of another crate, a runtime, a framework. The adapter says how to
//! run a closure on those threads. This crate adds what every [`Pool`](soiree_core::Pool) must have besides: a bounded queue,
//! overflow policies, exact statistics, deadlines and shutdown.
//!
//! The pool sends the executor [`Permit`]s, never jobs. One permit is one job: it is the right to run the job that is then the
//! first in the queue. So limits, statistics and shutdown need nothing from the executor but that it runs closures.

mod counters;
mod ended;
mod executor;
mod in_flight;
mod line;
mod permit;
mod permits;
mod polling;
mod pool;
mod queued_job;
mod requeue;
mod reserve;
mod run;
mod send;
mod seq_map;
mod sequence;
mod shared;
mod shutdown;
mod state;
mod state_guard;
mod submit;
mod task_waiter;
mod waiter;

pub use crate::executor::Executor;
pub use crate::permit::{Permit, StartedJob};
pub use crate::pool::BoundedPool;
