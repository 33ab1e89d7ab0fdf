//! Durable events for soiree.
//!
//! An [`Outbox`] wraps an event pool. Events on durable topics are committed to a [`Store`](soiree_core::store::Store) before `emit`
//! returns, and delivered to each durable listener until it has handled them, over restarts and crashes.
//!
//! To use it, depend on the crate `soiree` with its feature `outbox`, and on a store, such as that of the feature `sqlite`.
//!
//! | to | see |
//! |---|---|
//! | make topics durable | [`Outbox::builder`], [`OutboxBuilder`] |
//! | emit | [`Outbox::emit`], [`Outbox::emit_durable`], [`Stored`] |
//! | start and close | [`Outbox::start`], [`Outbox::drain`], [`Outbox::close`] |
//! | see what waits, and mend what failed | [`Outbox::listeners`], [`Outbox::event`], [`Outbox::dead_letters`], [`Outbox::redrive`] |
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `json` | | `OutboxBuilder::json`, for topics whose payloads have serde |

mod admin;
mod answer;
mod builder;
mod clock;
mod close;
mod codecs;
mod commit_queue;
mod contract;
mod draft;
mod emit;
mod error;
mod figures;
mod histogram;
mod info;
mod listener;
#[cfg(all(test, soiree_model))]
mod model;
mod open;
mod outbox;
mod relay;
mod signals;
mod start;
mod stored;
mod subscribe;
mod tail;
mod window;
mod writer;

pub use crate::builder::{DurableTopic, Orphans, OutboxBuilder};
pub use crate::emit::StoreFuture;
pub use crate::error::{CloseOutboxError, DrainOutboxTimeout, OutboxError};
pub use crate::figures::{OutboxStats, RejectedEvents, StoreState};
pub use crate::histogram::Histogram;
pub use crate::info::{DeadEvent, DurableInfo, EventStatus, StartReport};
pub use crate::listener::Delivery;
pub use crate::outbox::{Outbox, WeakOutbox};
pub use crate::stored::{Stored, StoredEvent};
