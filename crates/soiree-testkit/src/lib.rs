//! What soiree promises of pools, as tests for pools of your own.
//!
//! - [`pool_conformance!`]: one test for each clause of what a [`Pool`](soiree_core::Pool) promises.
//! - [`Conformance`], [`Case`], [`PoolSpec`]: the same suite by hand.
//! - [`Soak`]: random operations from many threads, and an exact account of every job.
//!
//! A dev-dependency: nothing of it belongs into a running program.

mod conformance;
mod soak;

pub use crate::conformance::{Case, Conformance, Failure, PoolSpec, SpawnHandler};
pub use crate::soak::{Soak, SoakFailure, SoakFault, SoakOperation, SoakReport, SoakSpec};
