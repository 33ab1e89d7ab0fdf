//! The sync primitives that pools, emitters and outboxes use, which a model checker can replace.
//!
//! With `--cfg soiree_model` they are those of shuttle. All other code in this crate uses `std` directly.

use std::sync::atomic::{AtomicUsize, Ordering};

mod barrier;
#[cfg(soiree_model)]
mod model;
mod monitor;
mod read_mostly;
#[cfg(not(soiree_model))]
mod real;

#[cfg(soiree_model)]
pub use self::model::{AtomicBool, AtomicU64, STRIPES, thread_local};
pub use self::monitor::Monitor;
pub use self::read_mostly::{ReadMostly, Replaced};
#[cfg(not(soiree_model))]
pub use self::real::{AtomicBool, AtomicU64, STRIPES, thread_local};

/// The index of the calling thread's stripe, below [`STRIPES`].
pub fn stripe() -> usize {
    thread_number() % STRIPES
}

/// A number that few other threads have had, or 0 while the thread ends.
#[inline]
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    MINE.try_with(|mine| *mine).unwrap_or(0)
}
