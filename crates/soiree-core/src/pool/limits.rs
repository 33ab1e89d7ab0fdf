//! The largest pools that there may be.

/// The most workers that a pool may have: 2¹⁶.
pub const MAX_WORKERS: usize = 1 << 16;

/// The most jobs that may wait in a pool: 2²⁴.
pub const MAX_CAPACITY: usize = 1 << 24;
