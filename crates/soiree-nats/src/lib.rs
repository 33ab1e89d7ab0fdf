//! Events of soiree between machines, over streams of NATS JetStream.
//!
//! A [`Nats`] bridge publishes the events that match a pattern to a stream, and consumes messages of a stream into an event pool or an
//! outbox. With an outbox both directions are durable: an event is stored before it is published, and a message before it is acknowledged.
//!
//! The NATS server must be 2.10 or later, with JetStream.
//!
//! To use it, depend on the crate `soiree` with its feature `nats`, where it is the module `soiree::nats`. A program that publishes needs
//! a bulkhead that polls futures, such as the `TaskPool` of the feature `tokio`.
//!
//! | to | see |
//! |---|---|
//! | connect | [`Nats::builder`], [`NatsBuilder`] |
//! | publish | [`Nats::publish`], [`Publish`] |
//! | consume | [`Nats::consume`], [`Consume`] |
//! | see how topics are subjects | [`Subjects`] |
//! | see what happens | [`Nats::stats`], [`Nats::info`] for a graph |
//! | end | [`Nats::close`] |
//!
//! # What you can rely on
//! - **Published at least once** (N1), with an outbox, over crashes of either side; once within the stream's `duplicate_window`, as the ID
//!   of the event is that of the message.
//! - **Acknowledged afterwards** (N2): a message is acknowledged when its event was stored in an outbox, or when all listeners of the event
//!   pool have ended well. So a crash repeats it, and loses nothing.
//! - **Bounded** (N3): no more than [`in_flight`](Consume::in_flight) messages of a consumer are on their way, in all processes together.
//! - **Nothing disappears** (N4): a message that fails for the last time, or cannot be read, is in the dead subject before it is ended.
//! - **No circles** (N6): an event that came from a stream is not published to it, and ends after 16 streams.
//! - **Not twice at once** (N7): the bridge asks the server for more time while a message is handled.
//! - **In order** (N11): with [partitions](NatsBuilder::partitions), a [group of processes](Consume::by_partition) handles the events of a
//!   key one after another, over kills of processes and of the server.
//! - **An outage delays** (N8): emits go on in the outbox, and the bridge connects again with growing pauses.
//!
//! Which settings of the server lose what it has acknowledged is in the guide `machines` of the crate `soiree`.
//!
//! # Messages
//! | header | |
//! |---|---|
//! | `Nats-Msg-Id`, `Soiree-Id` | the ID of the event |
//! | `Soiree-Origin` | the ID of the outbox, or of the bridge, that published it |
//! | `Soiree-At` | when it was published, in milliseconds since 1970 |
//! | `Content-Type` | the name of the codec; `application/json` is read as `json`, and so on |
//! | `traceparent`, `tracestate` | the properties of these names |
//! | `Soiree-Properties` | the other properties, as JSON in ASCII |
//!
//! A message of another publisher needs none of them. Its event has an ID that is the same at each delivery.
//!
//! A dead message has the headers of the original one, and `Soiree-Dead-Subject`, `Soiree-Dead-Reason` and `Soiree-Dead-Attempts`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod ascii;
mod bridge;
mod builder;
mod bury;
mod close;
mod connection;
mod consumer;
mod deliver;
mod error;
mod figures;
mod headers;
mod info;
mod message;
mod nats;
mod options;
mod partition;
mod provision;
mod publish;
mod running;
mod runtime;
mod subject;

pub use async_nats;

pub use crate::builder::NatsBuilder;
pub use crate::error::{CloseNatsError, Difference, NatsError};
pub use crate::figures::{ConsumerStats, NatsStats};
pub use crate::nats::{Nats, WeakNats};
pub use crate::options::{Consume, Provision, Publish, StartAt};
pub use crate::subject::{Filter, NotATopic, Subjects};
