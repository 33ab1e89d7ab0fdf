//! The listener that fills an inbox.

use std::sync::Arc;

use soiree_core::{BoxError, Event, InboxInfo, Listener};

use crate::shared::Shared;

/// Makes of an event what the inbox holds.
pub(crate) type Convert<E> = Box<dyn Fn(&dyn Event) -> Result<E, BoxError> + Send + Sync>;

/// Puts events into an inbox. When it is dropped, the inbox ends after what it holds.
pub(crate) struct InboxListener<E> {
    pub(crate) shared: Arc<Shared<E>>,
    pub(crate) convert: Convert<E>,
}

impl<E: Send + 'static> Listener for InboxListener<E> {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        self.shared.push((self.convert)(event)?);
        Ok(())
    }

    fn inbox(&self) -> Option<InboxInfo> {
        Some(self.shared.info())
    }
}

impl<E> Drop for InboxListener<E> {
    fn drop(&mut self) {
        self.shared.end();
    }
}
