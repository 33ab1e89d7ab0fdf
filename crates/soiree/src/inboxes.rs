//! Receiving events instead of listening for them.

use soiree_core::SubscribeError;
use soiree_inbox::{Inbox, InboxOptions, WaitFor};

use crate::handle::EventPool;

/// # Receiving
impl EventPool {
    /// Makes a bounded [`Inbox`] of the events that match a pattern, for code that receives them when it is ready: on a thread, in a
    /// `select!`, or in async code.
    ///
    /// Dropping the inbox unsubscribes it. [`graph`](EventPool::graph) and [`listeners_for`](EventPool::listeners_for) show how full it
    /// is. For any [`Soiree`](crate::Soiree), use [`Inbox::subscribe`].
    ///
    /// # Errors
    /// If the pattern is malformed, the capacity is 0 or too large, the listener's options are invalid, or the `EventPool` is closed.
    ///
    /// ```
    /// use soiree::{InboxOptions, Received, WhenFull};
    /// # let soiree = soiree::EventPool::new();
    /// let inbox = soiree.inbox("order.**", InboxOptions::new(256).when_full(WhenFull::DropOldest))?;
    /// soiree.emit("order.paid", 17_u64)?;
    /// soiree.close()?; // ends the inbox after what it holds
    /// while let Ok(received) = inbox.recv() {
    ///     match received {
    ///         Received::Event(event) => println!("{}", event.topic()),
    ///         Received::Missed(missed) => println!("too slow: missed {missed}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn inbox(&self, pattern: &str, options: InboxOptions) -> Result<Inbox, SubscribeError> {
        Inbox::subscribe(self, pattern, options)
    }

    /// Waits for the next event that matches. It listens from before this returns, so an event that is emitted afterwards is seen.
    ///
    /// Call [`wait`](WaitFor::wait) to block, or `.await` it. An error, such as a malformed pattern, is returned by the wait.
    ///
    /// ```
    /// use std::time::Duration;
    /// # let soiree = soiree::EventPool::new();
    /// let done = soiree.wait_for("job.7.done").timeout(Duration::from_secs(60));
    /// soiree.emit("job.7.done", "ok")?; // or what leads to it
    /// let event = done.wait()?; // in async code, `done.await?`
    /// assert_eq!(*event.payload_as::<&str>().unwrap(), "ok");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn wait_for(&self, pattern: &str) -> WaitFor {
        WaitFor::subscribe(self, pattern)
    }
}
