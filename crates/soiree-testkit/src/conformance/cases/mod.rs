//! The cases, grouped by subject. Each is a function with the name of its test.

pub(super) mod deadlines;
pub(super) mod dropping;
pub(super) mod exactly_once;
pub(super) mod futures;
pub(super) mod idle;
pub(super) mod limits;
pub(super) mod nesting;
pub(super) mod places;
pub(super) mod provided_methods;
pub(super) mod reentrancy;
pub(super) mod requeue;
pub(super) mod reserve;
pub(super) mod resizing;
pub(super) mod shutdown;
pub(super) mod spawning;
pub(super) mod state;
pub(super) mod stats;
