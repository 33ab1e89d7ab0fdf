//! Services built on Soiree: the examples `ingest` and `fleet`.

/// Compiles and runs the examples of the README of the repository.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}
