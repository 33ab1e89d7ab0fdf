//! Holds the tests below `tests`, and those of the README.

/// Compiles and runs the examples of the README of the repository.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
