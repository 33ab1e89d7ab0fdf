//! The limits of all pools.

/// The limit of workers: 2¹⁶.
pub const MAX_WORKERS: usize = 1 << 16;

/// The limit of waiting jobs: 2²⁴.
pub const MAX_CAPACITY: usize = 1 << 24;
