//! Subscribing listeners that change what they have captured.

use soiree_core::{Event, IntoListenerResult, ListenerId, ListenerOptions, Mut, SubscribeError};

use crate::handle::EventPool;

/// # Listeners with state
impl EventPool {
    /// Subscribes a closure that may change what it has captured.
    ///
    /// It is called for one event at a time, in the order in which the emissions reach it: its
    /// [`max_concurrent`](ListenerOptions::max_concurrent) is 1, and what is said there holds. A call that finds another one running
    /// waits for its turn and holds no worker, as many as the [waiting capacity](crate::Builder::waiting_capacity) allows. A call that
    /// panics leaves what it has captured as it is, for the next call.
    ///
    /// # Errors
    /// As [`on`](EventPool::on).
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// let mut count = 0;
    /// soiree.on_mut("order.*", move |_| {
    ///     count += 1;
    ///     println!("{count} orders");
    /// })?;
    /// # assert_eq!(soiree.emit_sync("order.paid", ())?.delivered(), 1);
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn on_mut<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl FnMut(&dyn Event) -> R + Send + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.on_mut_with(pattern, ListenerOptions::new(), listener)
    }

    /// As [`on_mut`](EventPool::on_mut), with [`ListenerOptions`]; a [`Priority`](crate::Priority) alone will do. Any limit of calls
    /// at once that they have is replaced by 1.
    ///
    /// # Errors
    /// As [`on_with`](EventPool::on_with).
    #[track_caller]
    pub fn on_mut_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl FnMut(&dyn Event) -> R + Send + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().max_concurrent(1);
        self.listen_with(pattern, options, Mut::new(listener))
    }
}
