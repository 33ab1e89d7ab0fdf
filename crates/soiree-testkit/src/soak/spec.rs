//! The limits of the pool of a round.

use std::time::Duration;

use fastrand::Rng;
use soiree_core::Overflow;

/// The limits of the pool of one round. [`Soak::run`](super::Soak::run) passes it to the closure that makes the pool.
///
/// Always apply `max_workers` and `capacity`. Ignore the other fields if the pool has no such setting. The example of
/// [`Soak`](super::Soak) applies all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoakSpec {
    /// How many jobs may run at once. At least 1. The round also resizes the pool, unless its size is fixed.
    pub max_workers: usize,
    /// How many workers stay when idle. At most `max_workers`.
    pub min_workers: usize,
    /// How many jobs may wait in the queue. May be 0.
    pub capacity: usize,
    /// How long an idle worker above `min_workers` stays. Longer than 0.
    pub idle_timeout: Duration,
    /// What the pool does when its queue is full.
    pub overflow: Overflow,
}

impl SoakSpec {
    pub(super) fn random(rng: &mut Rng) -> Self {
        let max_workers = pick(rng, &[1, 1, 2, 3, 4, 8]);
        let min_workers = pick(rng, &[0, 0, 0, 1, max_workers / 2, max_workers]);
        let waits = Duration::from_micros(rng.u64(50..2_000));
        let overflow = match rng.u8(0..6) {
            0 | 1 => Overflow::Block,
            2 => Overflow::BlockFor(waits),
            3 => Overflow::Reject,
            4 => Overflow::CallerRuns,
            _ => Overflow::DropOldest,
        };
        Self {
            max_workers,
            min_workers,
            capacity: pick(rng, &[0, 1, 2, 3, 8, 64]),
            idle_timeout: Duration::from_micros(pick(rng, &[1, 50, 1_000, 10_000_000])),
            overflow,
        }
    }
}

/// A random one of the choices.
pub(super) fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}
