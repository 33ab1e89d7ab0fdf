//! Chapters that are longer than one item's documentation.

#[doc = include_str!("../docs/topics.md")]
pub mod topics {}

#[doc = include_str!("../docs/choosing_a_pool.md")]
pub mod choosing_a_pool {}

#[doc = include_str!("../docs/writing_a_pool.md")]
///
/// # Over an executor
/// ```
#[doc = include_str!("../examples/custom_pool/pool.rs")]
/// # fn main() {}
/// ```
#[doc = include_str!("../docs/writing_a_pool_by_hand.md")]
/// ```
#[doc = include_str!("../docs/fixed_threads.rs")]
/// ```
pub mod writing_a_pool {}

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub mod readme {}
