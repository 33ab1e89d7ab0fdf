//! What a bridge has done, in figures.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A count that only goes up.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many of something run. A [`Running`] counts as one until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicUsize);

pub(crate) struct Running<'a>(&'a Gauge);

impl Gauge {
    pub(crate) fn enter(&self) -> Running<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        Running(self)
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The figures of a bridge.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) connections: Count,
    pub(crate) published: Count,
    pub(crate) duplicates: Count,
    pub(crate) failed_publishes: Count,
    pub(crate) not_published: Count,
    pub(crate) publishing: Gauge,
    last_error: LastError,
    /// What the server has said last without being asked, and when.
    said: Mutex<Option<(Instant, Arc<str>)>>,
}

/// The last error, as text.
#[derive(Debug, Default)]
pub(crate) struct LastError(Mutex<Option<Arc<str>>>);

impl LastError {
    pub(crate) fn set(&self, error: Option<Arc<str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    fn get(&self) -> Option<Arc<str>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The figures of one consumer.
#[derive(Debug, Default)]
pub(crate) struct ConsumerFigures {
    pub(crate) received: Count,
    pub(crate) redelivered: Count,
    pub(crate) acked: Count,
    pub(crate) naked: Count,
    pub(crate) dead: Count,
    pub(crate) skipped: Count,
    pub(crate) extended: Count,
    pub(crate) unconfirmed: Count,
    pub(crate) restarts: Count,
    pub(crate) in_flight: Gauge,
    pub(crate) is_pulling: AtomicBool,
    pub(crate) lag: AtomicU64,
    pub(crate) last_error: LastError,
}

/// What a bridge has done. Returned by [`Nats::stats`](crate::Nats::stats).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NatsStats {
    /// Whether it is connected to a server.
    pub is_connected: bool,
    /// How often the connection was lost and made anew.
    pub reconnects: u64,
    /// Events that the stream has acknowledged, those it had already included.
    pub published: u64,
    /// Events among them that the stream had already.
    pub duplicates: u64,
    /// Attempts to publish that failed. They are repeated, unless the event can never be published.
    pub failed_publishes: u64,
    /// Events that were not published, as they came from the stream.
    pub not_published: u64,
    /// Events that are being published.
    pub publishing: usize,
    /// What went wrong last with the connection or while publishing.
    pub last_error: Option<Arc<str>>,
    /// The consumers, in the order in which they were added.
    pub consumers: Vec<ConsumerStats>,
}

/// What a consumer of a bridge has done. See [`NatsStats::consumers`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConsumerStats {
    /// Its name on the server.
    pub name: Arc<str>,
    /// The name that was asked for. Another one if the consumer is that of a [partition](crate::Consume::by_partition).
    pub group: Arc<str>,
    /// Its pattern.
    pub pattern: Box<str>,
    /// Whether it asks the server for messages. If not, [`last_error`](ConsumerStats::last_error) says why.
    pub is_pulling: bool,
    /// Messages of the stream that it has not been given, as the server said last.
    pub lag: u64,
    /// Messages that are being handled.
    pub in_flight: usize,
    /// Messages received, repeated ones included.
    pub received: u64,
    /// Messages among them that were received before.
    pub redelivered: u64,
    /// Messages that were handled, or passed over, and that the server has confirmed as ended.
    pub acked: u64,
    /// Messages that failed, and are to come again.
    pub naked: u64,
    /// Messages that went to the dead subject.
    pub dead: u64,
    /// Messages that were passed over: own ones, dead ones, and those that the pattern does not match.
    pub skipped: u64,
    /// How often the server was asked for more time.
    pub ack_wait_extended: u64,
    /// Messages whose end the server has not confirmed. They may come again.
    pub unconfirmed: u64,
    /// How often asking for messages was started anew.
    pub restarts: u64,
    /// What went wrong last.
    pub last_error: Option<Arc<str>>,
}

impl Figures {
    pub(crate) fn fail(&self, error: &dyn std::fmt::Display) {
        self.last_error.set(Some(error.to_string().into()));
    }

    /// The server names a subject that is forbidden, but answers no request for it.
    pub(crate) fn server_says(&self, error: &dyn std::fmt::Display) {
        let text = Arc::<str>::from(error.to_string());
        self.last_error.set(Some(Arc::clone(&text)));
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), text));
    }

    /// What the server has said since then.
    pub(crate) fn said_since(&self, since: Instant) -> Option<Arc<str>> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, text) = said.as_ref().filter(|(when, _)| *when >= since)?;
        Some(Arc::clone(text))
    }

    pub(crate) fn read(&self, is_connected: bool, consumers: Vec<ConsumerStats>) -> NatsStats {
        NatsStats {
            is_connected,
            reconnects: self.connections.get().saturating_sub(1),
            published: self.published.get(),
            duplicates: self.duplicates.get(),
            failed_publishes: self.failed_publishes.get(),
            not_published: self.not_published.get(),
            publishing: self.publishing.get(),
            last_error: self.last_error.get(),
            consumers,
        }
    }
}

impl ConsumerFigures {
    pub(crate) fn fail(&self, error: &dyn std::fmt::Display) {
        self.last_error.set(Some(error.to_string().into()));
    }

    pub(crate) fn read(&self, name: &Arc<str>, group: &Arc<str>, pattern: &str) -> ConsumerStats {
        ConsumerStats {
            name: Arc::clone(name),
            group: Arc::clone(group),
            pattern: pattern.into(),
            is_pulling: self.is_pulling.load(Ordering::Relaxed),
            lag: self.lag.load(Ordering::Relaxed),
            in_flight: self.in_flight.get(),
            received: self.received.get(),
            redelivered: self.redelivered.get(),
            acked: self.acked.get(),
            naked: self.naked.get(),
            dead: self.dead.get(),
            skipped: self.skipped.get(),
            ack_wait_extended: self.extended.get(),
            unconfirmed: self.unconfirmed.get(),
            restarts: self.restarts.get(),
            last_error: self.last_error.get(),
        }
    }
}
