//! What soiree promises of pools, as tests for pools of your own.
//!
//! - [`pool_conformance!`]: one test for each clause of what a [`Pool`](soiree_core::Pool) promises.
//! - [`Conformance`], [`Case`], [`PoolSpec`]: the same suite by hand.
//! - [`Soak`]: random operations from many threads, and an exact account of every job.
//! - [`ManualPool`]: a pool that runs jobs when it is told to, so that nothing happens by chance.
//! - [`ManualTimer`]: a timer whose time passes when it is told to.
//! - [`Recorder`], [`Log`]: listeners that remember what they heard, and can be asked.
//! - [`Journal`]: an observer that remembers what it was told, and can be asked.
//!
//! A dev-dependency: nothing of it belongs into a running program.

mod conformance;
mod journal;
mod manual_pool;
mod manual_timer;
#[cfg(soiree_model)]
#[doc(hidden)]
pub mod model;
mod recorder;
mod soak;

pub use crate::conformance::{Case, CaseFailure, Conformance, PoolSpec, SpawnHandler};
pub use crate::journal::Journal;
pub use crate::manual_pool::ManualPool;
pub use crate::manual_timer::ManualTimer;
pub use crate::recorder::{Log, Received, Recorder};
pub use crate::soak::{Soak, SoakFailure, SoakFault, SoakOperation, SoakReport, SoakSpec};
