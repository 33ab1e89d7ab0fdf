//! What core promises of pools, as cases that run on any pool.
//!
//! The cases are a table ([`suite`]), made of the list in [`list`]. The macro makes a test of each that runs it by name.

mod cases;
mod fixture;
mod latch;
mod list;
mod macros;
mod settle;
mod spec;
mod subject;
mod suite;
mod watch;

pub use self::spec::{PoolSpec, SpawnHandler};
pub use self::suite::{Case, Conformance, ListenerErrorKind};
