//! The sync primitives that registries, pools, emitters and outboxes use, which a model checker can replace.
//!
//! With `--cfg soiree_model` they are those of shuttle. What uses `std` directly must not wait for another thread, nor use one of these
//! while it holds a lock: the checker runs all threads on one, which would wait for itself.

mod barrier;
#[cfg(soiree_model)]
mod model;
mod monitor;
mod read_mostly;
#[cfg(not(soiree_model))]
mod real;

#[cfg(soiree_model)]
pub use self::model::*;
pub use self::monitor::Monitor;
pub use self::read_mostly::{ReadMostly, Replaced};
#[cfg(not(soiree_model))]
pub use self::real::*;

/// The index of the calling thread's stripe, below [`STRIPES`].
pub fn stripe() -> usize {
    thread_number() % STRIPES
}

/// A number that few other threads have had, or 0 while the thread ends.
#[inline]
fn thread_number() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    self::thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    MINE.try_with(|mine| *mine).unwrap_or(0)
}
