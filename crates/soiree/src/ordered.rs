//! Events of one key one after another.

use soiree_core::KeyOrderError;
use soiree_engine::KeyOrder;

use crate::builder::Builder;
use crate::handle::EventPool;

/// # Order by key
impl Builder {
    /// Has events on topics that match the pattern handled in the order of their emits, those of one key one after another and
    /// those of different keys in parallel. Of several patterns that match, the most specific holds. What exactly is promised, and
    /// what is bounded, says [`KeyOrder`].
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
    /// // Account 7 is never seen to have 20 after it was seen to have 50.
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
        let added = self.settings.orders.add(pattern, order);
        self.fault = self.fault.or(added.err().map(Into::into));
        self
    }
}

/// # Order by key
impl EventPool {
    /// Orders what is emitted from now on on topics that match the pattern. See [`Builder::ordered`].
    ///
    /// What was emitted before is not waited for, also not by the order that the pattern had, if it had one.
    ///
    /// # Errors
    /// If the pattern is malformed, the order contradicts itself, or another pattern is equally specific.
    pub fn add_order(&self, pattern: &str, order: KeyOrder) -> Result<(), KeyOrderError> {
        // A clone, since dropping the key function runs user code, which must not be done in there.
        let emitter = &self.inner.emitter;
        emitter.try_update(|settings| settings.orders.add(pattern, order.clone()))
    }

    /// Takes off the order of exactly this pattern. Whether there was one.
    ///
    /// What is on its way stays in order; what is emitted from now on may overtake it.
    pub fn remove_order(&self, pattern: &str) -> bool {
        let removed = self.inner.emitter.try_update(|settings| {
            let removed = settings.orders.remove(pattern);
            removed.then_some(()).ok_or(())
        });
        removed.is_ok()
    }
}
