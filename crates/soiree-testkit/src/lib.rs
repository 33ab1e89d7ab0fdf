//! Tools to test pools and stores, and code that emits events or listens to them.
//!
//! For authors of a [`Pool`](soiree_core::Pool):
//!
//! - [`pool_conformance!`] makes a suite of tests, one for each clause of what a pool promises.
//! - [`Conformance`], [`Case`] and [`PoolSpec`] run the same suite without the test harness.
//! - [`Soak`] runs random operations on a pool from many threads, and checks that every job is accounted for.
//!
//! For authors of a [`Store`](soiree_core::store::Store):
//!
//! - [`store_conformance!`] makes a suite of tests, one for each clause of what a store promises.
//! - [`StoreConformance`], [`StoreCase`] and [`StoreContent`] run the same suite without the test harness.
//!
//! For tests of code that uses soiree:
//!
//! - [`ManualPool`] is a pool without threads: a job runs when the test says so.
//! - [`ManualTimer`] is a timer whose time passes when the test says so.
//! - [`ManualClock`] is a wall clock that moves with such a timer, and that the test can set.
//! - [`MemoryStore`] is a store of durable events without a disk. [`FaultyStore`] wraps a store, and fails or waits when the test
//!   says so.
//! - [`Recorder`] and [`Log`] are listeners that record what they receive, with assertions.
//! - [`Journal`] is an observer that writes down what it is notified of, with assertions.
//!
//! Add this crate as a dev-dependency. Nothing in it is meant for production.

mod conformance;
mod journal;
mod manual_clock;
mod manual_pool;
mod manual_timer;
#[cfg(soiree_model)]
pub mod model;
mod recorder;
mod soak;
mod store;

pub use crate::conformance::{Case, CaseFailure, Conformance, PoolSpec, SpawnHandler};
pub use crate::journal::Journal;
pub use crate::manual_clock::ManualClock;
pub use crate::manual_pool::ManualPool;
pub use crate::manual_timer::ManualTimer;
pub use crate::recorder::{Log, Received, Recorder};
pub use crate::soak::{Soak, SoakFailure, SoakFault, SoakOperation, SoakReport, SoakSpec};
pub use crate::store::{
    FaultyStore, MemoryStore, StoreCase, StoreConformance, StoreContent, StoreFault, StoreGate,
    StoreMethod,
};
