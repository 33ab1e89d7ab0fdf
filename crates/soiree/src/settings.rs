//! Changing the settings of a live `EventPool`.

use std::sync::Arc;

use soiree_core::{
    DeadLetter, Event, InvalidTopic, ListenerError, ListenerId, ListenerPanic, PoolHandle,
    validate_topic,
};

use crate::handle::{EventPool, IdGenerator};

/// # Changing settings
impl EventPool {
    /// See [`Builder::error_handler`](crate::Builder::error_handler). Holds for emissions that begin afterwards.
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

    /// See [`Builder::panic_handler`](crate::Builder::panic_handler). Holds for emissions that begin afterwards.
    #[doc(alias = "SetPanicHandler")]
    pub fn set_panic_handler(&self, handler: impl Fn(&ListenerPanic<'_>) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.panic = Some(handler));
    }

    /// See [`Builder::dead_event_handler`](crate::Builder::dead_event_handler). Holds for emissions that begin afterwards.
    pub fn set_dead_event_handler(&self, handler: impl Fn(&dyn Event) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.dead_event = Some(handler));
    }

    /// See [`Builder::dead_letter_handler`](crate::Builder::dead_letter_handler). Holds for emissions that begin afterwards.
    pub fn set_dead_letter_handler(&self, handler: impl Fn(&DeadLetter) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.dead_letter = Some(handler));
    }

    /// Emits every [`DeadLetter`] on this topic, in place of a handler. Holds for emissions that begin afterwards.
    ///
    /// A letter that cannot be emitted, since a pool refuses it or the `EventPool` is closed, is told of by the report of the
    /// emission that it is about, as is every letter.
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
    /// assert_eq!((report.delivered, report.failed, report.retried), (1, 1, 2));
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

    /// See [`Builder::error_buffer`](crate::Builder::error_buffer). Holds for emissions that begin afterwards.
    #[doc(alias = "SetErrChanBufferSize")]
    pub fn set_error_buffer(&self, errors: usize) {
        self.inner
            .emitter
            .update(|settings| settings.error_buffer = errors);
    }

    /// See [`Builder::id_generator`](crate::Builder::id_generator). Holds for listeners that are subscribed afterwards.
    #[doc(alias = "SetIDGenerator")]
    pub fn set_id_generator<I: Into<ListenerId>>(
        &self,
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) {
        self.inner
            .id_generator
            .store(Arc::new(IdGenerator::new(generator)));
    }

    /// Runs emissions that begin afterwards on another pool.
    ///
    /// What was emitted before still runs on the old one. If that was handed over, its threads end when it has.
    #[doc(alias = "SetPool")]
    pub fn set_pool(&self, pool: impl Into<PoolHandle>) {
        let pool = pool.into();
        self.inner.emitter.update(|settings| settings.pool = pool);
    }
}
