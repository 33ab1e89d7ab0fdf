//! The clock that times what observers are notified of.

use std::time::Instant;

/// Reads the system's clock, to time something for observers.
///
/// All such timing goes through this function, so that tests can check that nothing is timed without observers.
pub fn now() -> Instant {
    #[cfg(debug_assertions)]
    count::READS.set(count::READS.get() + 1);
    Instant::now()
}

/// How often the calling thread has called [`now`]. Exists only with debug assertions.
#[cfg(debug_assertions)]
pub fn reads() -> u64 {
    count::READS.get()
}

#[cfg(debug_assertions)]
mod count {
    use std::cell::Cell;

    thread_local! {
        pub(super) static READS: Cell<u64> = const { Cell::new(0) };
    }
}
