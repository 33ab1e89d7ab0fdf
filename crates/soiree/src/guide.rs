//! Chapters that are longer than one item's documentation.

#[doc = include_str!("../docs/topics.md")]
pub mod topics {}
