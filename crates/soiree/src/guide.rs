//! Chapters that are longer than one item's documentation.

#[doc = include_str!("../docs/topics.md")]
pub mod topics {}

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub mod readme {}
