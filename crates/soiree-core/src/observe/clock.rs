//! What time it is, for those who observe.

use std::time::Instant;

/// The clock is read nowhere else to time something, so that tests can tell that it is not read.
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    tests::READ.set(tests::READ.get() + 1);
    Instant::now()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// How often this thread has read the clock.
        pub(crate) static READ: Cell<u64> = const { Cell::new(0) };
    }
}
