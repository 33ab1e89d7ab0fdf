//! In-process events on bounded worker pools.
//!
//! One part of a program says *that* something happened: `emit("user.created", user)`. Other parts say what follows:
//! `on("user.*", …)`. The listeners run on a bounded pool of workers. Topics are hierarchical, patterns have wildcards, listeners
//! have priorities. Four rules settle every design question: **bounded, visible, nothing lost silently, cannot deadlock
//! itself**.
//!
//! ```
//! use soiree::{EventPool, Priority};
//!
//! let soiree = EventPool::new();
//! soiree.on("user.*", |event| println!("seen: {}", event.topic()))?;
//! soiree.on_with("user.created", Priority::High, |event| -> Result<(), std::fmt::Error> {
//!     let name = event.payload_as::<&str>().ok_or(std::fmt::Error)?;
//!     println!("welcome, {}", *name);
//!     Ok(())
//! })?;
//!
//! let report = soiree.emit("user.created", "Matty Ice")?.wait(); // in async code, `.await`
//! assert_eq!(report.delivered(), 2);
//! soiree.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to find what
//! | module | holds |
//! |---|---|
//! | this one | what programs use every day: [`EventPool`], [`Builder`], [`Topic`], [`ListenerOptions`], [`Emission`], [`Report`], the pools |
//! | [`pool`] | [`Pool`](pool::Pool) and [`Job`](pool::Job), options and errors of pools, and the parts for a pool of your own |
//! | [`observe`] | [`Observer`](observe::Observer), and the events that observers are notified of |
//! | [`introspection`] | the data that describes topics, listeners, pools and routes |
//! | [`engine`] | the parts of an [`EventPool`], for integrations, and types that programs seldom name |
//! | `metrics` | Prometheus metrics (feature `metrics`) |
//! | `nats` | events between machines, over NATS JetStream (feature `nats`) |
//! | `testkit` | tests for pools of your own; pools, timers, listeners and observers for tests (feature `testkit`) |
//! | [`guide`] | a tour, how to [name topics](guide::topics), [choose a pool](guide::choosing_a_pool), [write a pool](guide::writing_a_pool), run bulkheads, test listeners, and what things are called if you come from something else |
//!
//! # What you can rely on
//! Each promise has a number, and a row in [`guide::promises`]. In short:
//!
//! - **Order**: an emission calls its listeners one after another: higher [`Priority`] first, then in order of registration,
//!   across all matching patterns. It does not wait for a listener with a [pool of its own](ListenerOptions::pool), nor for
//!   [retries](ListenerOptions::retry), before it calls the next listener. Two emissions may run at the same time and in any
//!   order, unless they are [ordered by key](Builder::ordered).
//! - **Failure**: an error or a panic of a listener is caught, passed to the handlers and added to the [`Report`]. The other
//!   listeners still run. The error says [where the listener was registered](ListenerError::registered_at). With `panic =
//!   "abort"`, a panic ends the process.
//! - **Loss**: [`emit`](EventPool::emit) either accepts an event or returns an error that holds the payload. Every accepted
//!   emission ends. If its pool drops it before it runs, its report says `discarded`.
//! - **Blocking**: `emit` blocks while the pool's queue is full, unless the pool has another [overflow policy](Overflow). On a
//!   worker of that pool it never blocks. On a worker of another pool of the same `EventPool`, the emission is rejected instead,
//!   unless that pool was added with [`PoolHandle::blocking_workers`]. Listeners may call everything but
//!   [`close`](EventPool::close), which returns an error there. In async code, do not call `emit`, `wait`, `emit_sync` or `close`,
//!   which block: call [`emit_async`](EventPool::emit_async) and [`close_async`](EventPool::close_async), and `.await` the emission.
//!
//! # Looking inside
//! - [`topics`](EventPool::topics) lists patterns, [`listeners_for`](EventPool::listeners_for) the listeners of a topic in
//!   calling order, and [`graph`](EventPool::graph) everything, as data or for Graphviz.
//! - [`has_listeners`](EventPool::has_listeners) says whether an event is worth making.
//! - [`stats`](EventPool::stats) returns the statistics of every pool.
//!
//! # Observing
//! An [`Observer`](observe::Observer) is notified of emissions, jobs, listener calls, retries and subscriptions as they happen.
//! Add any number of observers, in the [builder](Builder::observer) or [later](EventPool::add_observer). An observer
//! costs only what it is [interested](observe::Interest) in, and without one that is interested in jobs or listeners, soiree does not read
//! the clock for them. [`ObservedPool`](observe::ObservedPool) observes the jobs of a pool without an
//! `EventPool`.
//!
//! A listener that runs for [too long](Builder::slow_listeners) is reported while it still runs.
//!
//! ```
//! use soiree::EventPool;
//! use soiree::observe::{ListenerEnded, Observer};
//!
//! struct Log;
//!
//! impl Observer for Log {
//!     fn listener_ended(&self, ended: &ListenerEnded<'_>) {
//!         println!("{}: {:?} after {:?}", ended.listener.pattern, ended.outcome, ended.run_time);
//!     }
//! }
//!
//! let soiree = EventPool::builder().observer(Log).build()?;
//! soiree.on("user.*", |_| println!("somebody came"))?;
//! soiree.emit("user.created", "Matty Ice")?;
//! soiree.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `pool` | yes | `WorkerPool`, the pool to use unless you have a reason for another; [`EventPool`]`::new` and `builder` |
//! | `pond` | | `PondPool`, over the `threadpool` crate: all threads start at once and stay |
//! | `rayon` | | `RayonPool`, over its own or a shared rayon pool: for programs that compute on rayon |
//! | `tokio` | | `TaskPool`, for [async listeners](EventPool::on_async) on a Tokio runtime; `TokioPool`, over the runtime's blocking threads |
//! | `tracing` | | spans and events of the crate `tracing`, see [below](#tracing) |
//! | `metrics` | | `metrics`: Prometheus metrics of pools, emissions and listeners; [`EventPool`]`::add_metrics` |
//! | `json` | | `codec::Json` for payloads with serde; [`Value`] and [`Properties`] from and to JSON |
//! | `outbox` | | `Outbox`: durable events, in any `Store`; turns `json` on |
//! | `sqlite` | | `SqliteStore`, a store in an SQLite file, which is compiled into the program; turns `outbox` on |
//! | `nats` | | `nats`: events between machines, over streams of NATS JetStream; needs Rust 1.89 |
//! | `testkit` | | `testkit`: the tests that every pool has to pass, a pool that runs jobs on demand, a recording listener |
//!
//! Features add names and change no behaviour. Without any feature, bring a [`Pool`](pool::Pool) of your own and use
//! [`EventPool::with_pool`].
//!
//! # Tracing
//! With the feature `tracing`, each emission is a span `emission` inside the span that emitted it. Each call of a listener is a
//! span `listener` inside that, on whatever thread it runs, and so is each retry. So the events that a listener traces lead back
//! to the request that caused them. The span of an emission lasts from `emit` to the end of its last listener, time in the queue
//! included.
//!
//! | | level | fields |
//! |---|---|---|
//! | span `emission` | INFO | `topic`, `pool` (none for `emit_sync` and `trigger`), `event_id` |
//! | span `listener` | INFO | `topic`, `listener` (its name, else its ID), `listener_id`, `pattern`, `pool` (if it has one of its own), `attempt`, `event_id` |
//! | a listener fails or panics | ERROR; WARN if it has attempts left | as the span, and `registered_at`, `error` or `panic` |
//! | a listener's own pool rejects or discards it | WARN | the same |
//! | an emission is rejected or discarded | WARN | `topic`, `pool` or `order`, `error` |
//!
//! - Filter by the target `soiree`, which all of them have.
//! - An error is recorded as the listener returns it, before the error handler runs.
//! - `event_id` is recorded if the event already has an ID. Tracing does not make one. Payloads are never recorded.
//! - Workers use the subscriber of the process, not one that is set for the emitting thread alone.
//! - The names that OpenTelemetry has for messages are meant for brokers between processes. If you want them, `topic` is
//!   `messaging.destination.name`, `pattern` is `messaging.destination.template`, and `event_id` is `messaging.message.id`.

#![cfg_attr(docsrs, feature(doc_cfg))]

// First, as the page of `EventPool` shows methods in the order of these modules.
mod event_pool;

mod async_listeners;
mod inboxes;
mod mut_listeners;
mod subscription;
mod topic;
mod typed;

mod builder;
mod settings;

mod async_callers;
mod bulkheads;
mod close_guard;
mod ordered;

pub mod introspection;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
mod observers;

mod contract;
#[doc(inline)]
pub use soiree_core::codec;
pub mod engine;
pub mod guide;
mod handle;
pub mod observe;
#[cfg(feature = "outbox")]
mod outbox;
pub mod pool;
#[doc(inline)]
pub use soiree_core::store;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub mod sqlite;
mod timer_thread;

pub use crate::builder::Builder;
pub use crate::bulkheads::{DrainBulkheadError, ResizeBulkheadError, Stats};
pub use crate::close_guard::CloseGuard;
pub use crate::handle::{EventPool, WeakEventPool};
pub use crate::subscription::{Subscription, Subscriptions};
pub use crate::topic::{Topic, TopicError};
pub use crate::typed::{TypedEmitError, TypedPattern, TypedTopic, WrongPayload};

#[doc(inline)]
pub use soiree_core::{
    AsyncListener, BoxError, BulkheadError, DeadLetter, Event, EventId, InvalidEventId,
    InvalidTopicKind, Jitter, KeyOrder, KeyOrderError, Listener, ListenerError, ListenerErrorKind,
    ListenerFuture, ListenerId, ListenerPanic, MAX_DOUBLE_WILDCARDS, MAX_TOPIC_LEN, OrderingKey,
    Overflow, Pattern, Payload, PayloadRef, PayloadView, Permanent, PoolHandle, Priority, Reply,
    Result, Retry, RetryAfter, SubscribeError, Value, escape_segment, ok, unescape_segment,
    validate_segment, validate_topic,
};
#[doc(inline)]
pub use soiree_engine::{
    Abort, CalledListener, CloseFuture, CollectError, CutOffCause, CutOffEmission, Emission,
    EmitFuture, Report, Soiree,
};
#[doc(inline)]
pub use soiree_inbox::{
    Closed, Inbox, InboxOptions, Queued, Received, WaitFor, WaitForError, WhenFull,
};

// Those that have another name in the Go package `soiree`.
#[doc(inline, alias = "NewBaseEvent")]
pub use soiree_core::BaseEvent;
#[doc(inline, alias = "ErrInvalidPriority")]
pub use soiree_core::InvalidPriority;
#[doc(inline, alias = "ErrInvalidTopicName")]
pub use soiree_core::InvalidTopic;
#[doc(
    inline,
    alias(
        "IdleWorkers",
        "SubmittedTasks",
        "WaitingTasks",
        "SuccessfulTasks",
        "FailedTasks",
        "CompletedTasks"
    )
)]
pub use soiree_core::PoolStats;
#[doc(inline, alias = "NewProperties")]
pub use soiree_core::Properties;
#[doc(inline, alias = "ErrListenerNotFound")]
pub use soiree_core::UnsubscribeError;
#[doc(inline)]
pub use soiree_core::WaitingStats;
#[doc(inline, alias("ListenerOption", "WithPriority"))]
pub use soiree_core::{ListenerOptions, NotCalled, WhenPoolFull};
#[doc(inline, alias = "ErrEmitterAlreadyClosed")]
pub use soiree_engine::CloseError;
#[doc(inline, alias = "ErrEventProcessingAborted")]
pub use soiree_engine::ReportError;
#[doc(inline, alias = "ErrEmitterClosed")]
pub use soiree_engine::{EmitError, NotStored};

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc(inline)]
pub use soiree_pool::WorkerPool;

#[cfg(feature = "outbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "outbox")))]
#[doc(inline)]
pub use soiree_outbox::{
    CloseOutboxError, DeadEvent, Delivery, DrainOutboxTimeout, DurableInfo, DurableTopic,
    EventStatus, Histogram, Orphans, Outbox, OutboxBuilder, OutboxError, OutboxStats,
    RejectedEvents, StartReport, StoreFuture, StoreState, Stored, StoredEvent, WeakOutbox,
};

#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
#[doc(inline)]
pub use crate::sqlite::{SqliteOutbox, SqliteStore};

#[cfg(feature = "pond")]
#[cfg_attr(docsrs, doc(cfg(feature = "pond")))]
#[doc(inline, alias = "NewPondPool")]
pub use soiree_pond::PondPool;

#[cfg(feature = "rayon")]
#[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
#[doc(inline)]
pub use soiree_rayon::RayonPool;

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
#[doc(inline)]
pub use soiree_tokio::{TaskPool, TokioPool};

#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
#[doc(inline)]
pub use soiree_testkit as testkit;

#[cfg(feature = "nats")]
#[cfg_attr(docsrs, doc(cfg(feature = "nats")))]
#[doc(inline)]
pub use soiree_nats as nats;
