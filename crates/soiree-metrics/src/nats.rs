//! The figures of a bridge to NATS, as plain data.

use std::sync::Arc;

/// The figures of a bridge at the moment of a scrape.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NatsFigures {
    /// Whether it is connected.
    pub is_connected: bool,
    /// How often the connection was made anew.
    pub reconnects: u64,
    /// Events that the stream has acknowledged.
    pub published: u64,
    /// Events among them that the stream had already.
    pub duplicates: u64,
    /// Attempts to publish that failed.
    pub failed_publishes: u64,
    /// Events that were not published, as they came from the stream.
    pub not_published: u64,
    /// Events that are being published.
    pub publishing: u64,
    /// The consumers.
    pub consumers: Vec<ConsumerFigures>,
}

/// The figures of a consumer at the moment of a scrape.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConsumerFigures {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it asks the server for messages.
    pub is_pulling: bool,
    /// Messages that it has not been given.
    pub lag: u64,
    /// Messages that are being handled.
    pub in_flight: u64,
    /// Messages received, repeated ones included.
    pub received: u64,
    /// Messages among them that were received before.
    pub redelivered: u64,
    /// Messages whose end the server has confirmed.
    pub acked: u64,
    /// Messages that are to come again.
    pub naked: u64,
    /// Messages that went to the dead subject.
    pub dead: u64,
    /// Messages that were passed over.
    pub skipped: u64,
    /// How often the server was asked for more time.
    pub ack_wait_extended: u64,
    /// Messages whose end the server has not confirmed.
    pub unconfirmed: u64,
    /// How often asking for messages was started anew.
    pub restarts: u64,
}
