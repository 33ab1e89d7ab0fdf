//! The listener that fills an inbox.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use soiree_core::{BoxError, Event, InboxInfo, Listener};

use crate::item::Queued;
use crate::shared::Shared;

/// Makes of an event what the inbox holds.
pub(crate) type Convert<E> = Box<dyn Fn(&dyn Event) -> Result<E, BoxError> + Send + Sync>;

/// Puts events into an inbox. When it is dropped, the inbox ends after what it holds.
pub(crate) struct InboxListener<E> {
    pub(crate) shared: Arc<Shared<E>>,
    pub(crate) convert: Convert<E>,
    pub(crate) tokens: Option<Sender<Queued>>,
    /// Of the same channel, to join numbers of missed events.
    pub(crate) received: Receiver<Queued>,
}

impl<E: Send + 'static> Listener for InboxListener<E> {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        let kept = (self.convert)(event)?;
        if let Some(tokens) = &self.tokens {
            self.shared.push(kept, tokens, &self.received);
        }
        Ok(())
    }

    fn inbox(&self) -> Option<InboxInfo> {
        Some(self.shared.info())
    }
}

impl<E> Drop for InboxListener<E> {
    fn drop(&mut self) {
        // First, so that a task that is woken finds the channel closed.
        self.tokens = None;
        self.shared.end();
    }
}
