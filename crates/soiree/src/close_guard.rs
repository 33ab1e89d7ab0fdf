//! Closing at the end of a scope.

use std::time::{Duration, Instant};

use soiree_core::far_future;
use soiree_engine::CloseError;

use crate::handle::EventPool;

/// Closes an [`EventPool`] when it is dropped. Returned by [`EventPool::close_on_drop`].
#[must_use = "the `EventPool` is closed when the guard is dropped"]
#[derive(Debug)]
pub struct CloseGuard {
    soiree: EventPool,
    timeout: Duration,
}

/// # Closing
impl EventPool {
    /// Returns a guard that closes the `EventPool` when it is dropped: at the end of `main`, and when `main` returns early.
    ///
    /// **Without a close, a program that returns from `main` loses the events that were accepted and not handled yet.** The process
    /// ends, and takes the threads of the pools with it. Dropping the last handle does not wait for them.
    ///
    /// Dropping the guard blocks like [`close_with_deadline`](EventPool::close_with_deadline), for `timeout` at most. If the close
    /// fails, the guard prints the error to standard error, as a `Drop` cannot return it. It does nothing if the `EventPool` was
    /// closed before.
    ///
    /// ```
    /// use soiree::EventPool;
    /// use std::time::Duration;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let soiree = EventPool::new();
    ///     let _guard = soiree.close_on_drop(Duration::from_secs(10));
    ///     soiree.on("user.*", |event| println!("{}", event.topic()))?;
    ///     soiree.emit("user.created", "Matty Ice")?;
    ///     Ok(()) // the event is handled before `main` returns
    /// }
    /// ```
    pub fn close_on_drop(&self, timeout: Duration) -> CloseGuard {
        CloseGuard {
            soiree: self.clone(),
            timeout,
        }
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        let deadline = Instant::now().checked_add(self.timeout);
        let closed = self
            .soiree
            .close_with_deadline(deadline.unwrap_or_else(far_future));
        match closed {
            Ok(()) | Err(CloseError::AlreadyClosed) => {}
            Err(error) => eprintln!("soiree: {error}"),
        }
    }
}
