//! The time, for observers.

use std::time::Instant;

/// Reads the clock to time something that is observed. The clock is read nowhere else for that, so that tests can see that it is not
/// read.
pub fn now() -> Instant {
    #[cfg(debug_assertions)]
    count::READ.set(count::READ.get() + 1);
    Instant::now()
}

/// How often this thread has read the clock. Counted with debug assertions only.
#[cfg(debug_assertions)]
pub fn reads() -> u64 {
    count::READ.get()
}

#[cfg(debug_assertions)]
mod count {
    use std::cell::Cell;

    thread_local! {
        pub(super) static READ: Cell<u64> = const { Cell::new(0) };
    }
}
