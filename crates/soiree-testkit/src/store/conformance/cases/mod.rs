//! The cases, grouped by subject. Each is a function with the name of its test.

pub(super) mod claims;
pub(super) mod identity;
pub(super) mod listeners;
pub(super) mod log;
pub(super) mod parked;
pub(super) mod progress;
pub(super) mod random;
pub(super) mod reading;
pub(super) mod sweep;
