//! The promises of `Pool` as test cases that run on any pool.
//!
//! [`list`] names all cases. [`suite`] builds a table from that list, and the macro one `#[test]` for each case, which runs
//! the case by its name.

mod cases;
mod fixture;
mod latch;
mod list;
mod macros;
mod os_thread;
mod pool_under_test;
mod promises;
mod spec;
mod suite;
mod watchdog;

pub use self::spec::{PoolSpec, SpawnHandler};
pub use self::suite::{Case, CaseFailure, Conformance};
