//! Order by key.

use soiree_core::KeyOrderError;
use soiree_engine::KeyOrder;

use crate::builder::Builder;
use crate::handle::EventPool;

/// # Order by key
impl Builder {
    /// Orders events on topics that match the pattern by key: events of one key are handled one after another, in the order of
    /// their emits; events of different keys are handled in parallel. If several patterns match, the most specific one wins.
    ///
    /// [`KeyOrder`] says what exactly is promised and what is bounded. An invalid order is reported by [`build`](Builder::build),
    /// and so is a second order of the same pattern, however it is spelled.
    ///
    /// ```
    /// use soiree::{EventPool, KeyOrder};
    ///
    /// struct Account {
    ///     id: u64,
    ///     balance: i64,
    /// }
    ///
    /// let by_account = KeyOrder::by(|event| event.payload_as::<Account>().map(|account| account.id));
    /// let soiree = EventPool::builder().ordered("account.**", by_account).build()?;
    /// soiree.on("account.changed", |event| {
    ///     if let Some(account) = event.payload_as::<Account>() {
    ///         println!("{}: {}", account.id, account.balance);
    ///     }
    /// })?;
    /// // The listener sees the balance of account 7 go from 20 to 50, never back.
    /// soiree.emit("account.changed", Account { id: 7, balance: 20 })?;
    /// soiree.emit("account.changed", Account { id: 7, balance: 50 })?;
    /// soiree.emit("account.changed", Account { id: 8, balance: 10 })?;
    /// for order in soiree.stats().orders {
    ///     println!("{}: {} keys, {} events behind others", order.pattern, order.keys, order.waiting);
    /// }
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ordered(mut self, pattern: &str, order: KeyOrder) -> Self {
        let added = self.settings.orders.add_unique(pattern, order);
        self.error = self.error.or(added.err().map(Into::into));
        self
    }
}

/// # Order by key
impl EventPool {
    /// Orders later events on topics that match the pattern. See [`Builder::ordered`].
    ///
    /// A pattern has one order: a new one replaces the old one. Events that were emitted before are not ordered with those
    /// emitted afterwards.
    ///
    /// # Errors
    /// If the pattern is malformed, the order contradicts itself, or another pattern is equally specific.
    pub fn add_order(&self, pattern: &str, order: KeyOrder) -> Result<(), KeyOrderError> {
        // A clone: the closure runs under a lock, and dropping the key function runs user code.
        let emitter = &self.inner.emitter;
        emitter.try_update(|settings| settings.orders.add(pattern, order.clone()))
    }

    /// Removes the order of exactly this pattern. Returns `false` if there was none.
    ///
    /// Events that are already emitted keep their order. Events emitted from now on may overtake them.
    pub fn remove_order(&self, pattern: &str) -> bool {
        let removed = self.inner.emitter.try_update(|settings| {
            let removed = settings.orders.remove(pattern);
            removed.then_some(()).ok_or(())
        });
        removed.is_ok()
    }
}
