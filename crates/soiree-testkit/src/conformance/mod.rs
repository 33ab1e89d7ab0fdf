//! What core promises of pools, as cases that run on any pool.
//!
//! The cases are a table ([`suite`]), made of the list in [`list`]. The macro makes a test of each that runs it by name.

mod cases;
mod fixture;
mod latch;
mod list;
mod macros;
mod os_thread;
mod pool_under_test;
mod spec;
mod suite;
mod watchdog;

pub use self::spec::{PoolSpec, SpawnHandler};
pub use self::suite::{Case, CaseFailure, Conformance};
