//! Changing the settings of a live `EventPool`.

use std::sync::Arc;

use soiree_core::{
    BulkheadError, DeadLetter, Event, InvalidTopic, ListenerError, ListenerId, ListenerPanic,
    PoolHandle, validate_topic,
};

use crate::handle::{EventPool, IdGenerator};

/// # Changing settings
/// Each method changes what its namesake in [`Builder`](crate::Builder) set: `set_error_handler` what `error_handler` set. The `Builder`
/// lists them all, and what cannot be changed. A change holds for emissions that start afterwards.
impl EventPool {
    /// Replaces the [error handler](crate::Builder::error_handler).
    #[doc(alias = "SetErrorHandler")]
    pub fn set_error_handler(
        &self,
        handler: impl Fn(&dyn Event, ListenerError) -> Option<ListenerError> + Send + Sync + 'static,
    ) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.error = Some(handler));
    }

    /// Replaces the [panic handler](crate::Builder::panic_handler).
    #[doc(alias = "SetPanicHandler")]
    pub fn set_panic_handler(&self, handler: impl Fn(&ListenerPanic<'_>) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.panic = Some(handler));
    }

    /// Replaces the [unheard event handler](crate::Builder::unheard_event_handler).
    pub fn set_unheard_event_handler(&self, handler: impl Fn(&dyn Event) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.unheard_event = Some(handler));
    }

    /// Replaces the [dead letter handler](crate::Builder::dead_letter_handler).
    pub fn set_dead_letter_handler(&self, handler: impl Fn(&DeadLetter) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.dead_letter = Some(handler));
    }

    /// Emits every [`DeadLetter`] on this topic. Replaces the [dead letter handler](crate::Builder::dead_letter_handler).
    ///
    /// A letter is lost if it cannot be emitted: because a pool rejects it, or because the `EventPool` is closed. The report of
    /// the failed emission still has the listener's error.
    ///
    /// # Errors
    /// If the topic is malformed.
    ///
    /// ```
    /// use soiree::{DeadLetter, EventPool, ListenerOptions, Retry};
    /// use std::time::Duration;
    ///
    /// let soiree = EventPool::new();
    /// soiree.set_dead_letter_topic("dead.letters")?;
    /// soiree.on("dead.letters", |event| {
    ///     if let Some(letter) = event.payload_as::<DeadLetter>() {
    ///         println!("{}: {}", letter.topic, letter.error);
    ///     }
    /// })?;
    /// let retry = Retry::exponential(Duration::from_millis(1), 3);
    /// soiree.on_with("mail.queued", ListenerOptions::new().retry(retry), |event| {
    ///     Err::<(), _>(format!("attempt {} failed", event.attempt()))
    /// })?;
    /// let report = soiree.emit("mail.queued", "hello")?.wait();
    /// assert_eq!((report.delivered(), report.failed(), report.retried()), (1, 1, 2));
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_dead_letter_topic(&self, topic: &str) -> Result<(), InvalidTopic> {
        validate_topic(topic)?;
        let (soiree, topic) = (self.downgrade(), Box::<str>::from(topic));
        self.set_dead_letter_handler(move |letter| {
            if let Some(soiree) = soiree.upgrade() {
                let _ = soiree.emit(&topic, letter.clone());
            }
        });
        Ok(())
    }

    /// Changes how many errors a report [keeps](crate::Builder::error_buffer).
    #[doc(alias = "SetErrChanBufferSize")]
    pub fn set_error_buffer(&self, errors: usize) {
        self.inner
            .emitter
            .update(|settings| settings.error_buffer = errors);
    }

    /// Replaces the [ID generator](crate::Builder::id_generator). Listeners that are already subscribed keep their IDs.
    #[doc(alias = "SetIDGenerator")]
    pub fn set_id_generator<I: Into<ListenerId>>(
        &self,
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) {
        self.inner.set_id_generator(IdGenerator::new(generator));
    }

    /// Replaces the default pool. Does not wait.
    ///
    /// Emissions that the old pool has accepted still run there. If it was passed by value, its threads end after them. What waits
    /// elsewhere, for a retry or behind another event of its key, then goes to the new pool.
    ///
    /// # Errors
    /// If the `EventPool` is closed: nobody would release the new pool. It is dropped.
    #[doc(alias = "SetPool")]
    pub fn set_pool(&self, pool: impl Into<PoolHandle>) -> Result<(), BulkheadError> {
        let pool = pool.into();
        let emitter = &self.inner.emitter;
        if emitter.is_closed() {
            return Err(BulkheadError::Closed);
        }
        let former = emitter.settings().pool.clone();
        // A clone: the closure runs under a lock, and dropping a pool runs user code.
        emitter.update(|settings| settings.pool = pool.clone());
        if emitter.is_closed() {
            // The close may have missed it. Dropping the pool ends it as a release would.
            emitter.update(|settings| settings.pool = former.clone());
            return Err(BulkheadError::Closed);
        }
        Ok(())
    }
}
