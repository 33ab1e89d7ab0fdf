//! What pool a round is run on.

use std::time::Duration;

use fastrand::Rng;
use soiree_core::Overflow;

/// The limits of one round's pool.
///
/// A pool has to keep `max_workers` and `capacity`. The others it may overlook if it knows nothing of the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoakSpec {
    /// How many jobs may run at once; at least 1. The round may resize the pool to another number, where the pool can.
    pub max_workers: usize,
    /// How many workers stay when idle; at most `max_workers`.
    pub min_workers: usize,
    /// How many jobs may wait at once; may be 0.
    pub capacity: usize,
    /// How long an idle worker stays; above 0.
    pub idle_timeout: Duration,
    /// What a full queue does.
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

/// One of them.
pub(super) fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}
