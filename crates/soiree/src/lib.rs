//! In-process events on bounded worker pools.
//!
//! One part of a program says *that* something happened, other parts say what follows, and what follows runs on a bounded
//! pool of workers. Topics are hierarchical, patterns have wildcards, listeners have priorities. Four words decide every
//! doubt: **bounded, visible, nothing lost silently, cannot deadlock itself**.
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
//! let report = soiree.emit("user.created", "Matty Ice")?.wait(); // or `.await`, in any executor
//! assert_eq!(report.delivered, 2);
//! soiree.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied on
//! - **Order**: one emission calls its listeners one after another, higher [`Priority`] first, then in the order of
//!   registration, across all patterns that match. A listener with a [pool of its own](ListenerOptions::pool) is started in its
//!   turn and not waited for by the others, nor are [retries](ListenerOptions::retry). Two emissions may run side by side, in
//!   any order, unless they are [ordered by key](Builder::ordered).
//! - **ListenerErrorKind**: an error or a panic of one listener is caught, goes to the handlers and into the [`Report`], and stops no
//!   other listener. It says [where the listener was registered](ListenerError::registered_at). With `panic = "abort"` a panic ends the process, as always.
//! - **Loss**: [`emit`](EventPool::emit) either accepts an event or returns an error that holds the payload. An accepted
//!   emission ends; if its pool drops it unrun, its report says `discarded`.
//! - **Blocking**: `emit` blocks while the pool's queue is full, unless the pool's overflow policy says otherwise. On a worker of
//!   that pool it never does; on a worker of another pool of the same `EventPool` it is refused instead, unless asked for
//!   ([`PoolHandle::blocking_workers`]). Listeners may call anything, [`close`](EventPool::close) excepted, which returns an error
//!   there. What waits (`wait`, `emit_sync`, `close`) is not for async code: there, `.await` the emission.
//!
//! # Seeing what is there
//! [`topics`](EventPool::topics), [`listeners_for`](EventPool::listeners_for) a topic in the order in which they would be called,
//! and all of it as a [`graph`](EventPool::graph), as data or for Graphviz. [`has_listeners`](EventPool::has_listeners) says whether
//! an event is worth making.
//!
//! # Seeing what happens
//! An [`Observer`](observe::Observer) is told of emissions, jobs, listeners, retries and subscriptions as they happen; any number of them, in the
//! [builder](Builder::observer) or [later](EventPool::add_observer). Without one nothing is timed. [`ObservedPool`](observe::ObservedPool) does the same
//! for jobs of a pool without an `EventPool`.
//!
//! A listener that runs for [too long](Builder::slow_listeners) is told of while it still runs.
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
//! | `pool` | yes | `WorkerPool`, the pool to pick unless you have a reason, and `EventPool::new` and `builder` |
//! | `pond` | | `PondPool`, over the `threadpool` crate: its threads are there from the start and stay |
//! | `rayon` | | `RayonPool`, over an own or a shared rayon pool: for programs that compute on rayon already |
//! | `tokio` | | `TaskPool`, of futures on a Tokio runtime, for [async listeners](EventPool::on_async); `TokioPool`, over a runtime's blocking threads |
//! | `tracing` | | spans and events through the crate `tracing`, see [below](#tracing) |
//! | `metrics` | | `metrics`: Prometheus metrics of pools, emissions and listeners, and [`EventPool`]`::add_metrics` |
//! | `testkit` | | `testkit`: the tests that every pool has to pass, a pool that runs jobs when told, a recording listener |
//!
//! Features add names and change no behaviour. Without any, bring a [`Pool`](pool::Pool) of your own and use [`EventPool::with_pool`].
//!
//! # Tracing
//! With the feature `tracing`, each emission is a span `emission` inside the one that emitted, and each call of a listener a
//! span `listener` inside that, on whatever thread it runs; a retry is a further one. So what a listener traces leads back to the
//! request that set it off. An emission's span lasts from `emit` to the end of its last listener, the time in the queue included.
//!
//! | | level | fields |
//! |---|---|---|
//! | span `emission` | INFO | `topic`, `pool` (none on the emitter's own thread), `event_id` |
//! | span `listener` | INFO | `topic`, `listener` (its name, else its ID), `listener_id`, `pattern`, `pool` (if it has one of its own), `attempt`, `event_id` |
//! | a listener fails or panics | ERROR; WARN if it has attempts left | as the span, and `registered_at`, `error` or `panic` |
//! | a listener's own pool refuses or discards it | WARN | the same |
//! | an emission is refused or discarded | WARN | `topic`, `pool` or `order`, `error` |
//!
//! The target of all is `soiree`, which is what filters go by. Errors are told as listeners return them, before the error handler sees
//! them. An `event_id` is told if the event has one by then; none is made for that. Payloads are never told. Workers are
//! traced by the subscriber of the process, not by one that is set for the emitter's thread alone. OpenTelemetry's names for messages
//! are meant for brokers between processes; for those who want them, `topic` is `messaging.destination.name`, `pattern`
//! `messaging.destination.template`, and `event_id` `messaging.message.id`.
//!
//! # Where to find what
//! | module | holds |
//! |---|---|
//! | this one | what programs use every day: [`EventPool`], [`Builder`], [`Topic`], [`ListenerOptions`], [`Emission`], [`Report`], the pools |
//! | [`pool`] | [`Pool`](pool::Pool) and [`Job`](pool::Job), options and errors of pools, and what a pool of your own is made of |
//! | [`observe`] | [`Observer`](observe::Observer), and what observers are notified of |
//! | [`engine`] | what an [`EventPool`] is built from, for integrations |
//! | `testkit` | the tests for pools, and pools, timers, listeners and observers for tests (feature `testkit`) |
//! | `metrics` | Prometheus metrics (feature `metrics`) |
//! | [`guide`] | chapters on [naming topics](guide::topics), [choosing a pool](guide::choosing_a_pool) and [writing a pool](guide::writing_a_pool) |
//!
//! # More
//! - [`guide::topics`]: how to name topics.
//! - [`guide::choosing_a_pool`]: which pool, how many workers, how long a queue.
//! - [`guide::writing_a_pool`]: how to bring your own, and how to test it.

#![cfg_attr(docsrs, feature(doc_cfg))]

// First, as the page of `EventPool` shows methods in the order of these modules.
mod event_pool;

mod async_listeners;
mod subscription;
mod topic;
mod typed;

mod builder;
mod settings;

mod bulkheads;
mod ordered;

mod introspection;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
mod observers;

mod clock;
mod contract;
pub mod engine;
pub mod guide;
mod handle;
pub mod observe;
pub mod pool;

pub use crate::builder::Builder;
pub use crate::bulkheads::{DrainBulkheadError, ResizeBulkheadError, Stats};
pub use crate::handle::{EventPool, WeakEventPool};
pub use crate::subscription::{Subscription, Subscriptions};
pub use crate::topic::{Topic, TopicError};
pub use crate::typed::{TypedPattern, TypedTopic, WrongPayload};

#[doc(inline)]
pub use soiree_core::{
    ASYNC_BULKHEAD, Async, AsyncListener, BoxError, BulkheadError, DeadLetter, Event, EventId,
    IntoListenerResult, InvalidEventId, InvalidTopicKind, KeyOrderError, Listener, ListenerError,
    ListenerErrorKind, ListenerFuture, ListenerId, ListenerInfo, ListenerPanic, MAX_TOPIC_LEN,
    Overflow, Pattern, PatternInfo, Payload, PayloadRef, PoolHandle, Priority, Retry,
    SubscribeError, TopicInfo, Value, validate_topic,
};
#[doc(inline)]
pub use soiree_engine::{
    Bulkheads, Emission, EmissionFuture, ErrorIter, Graph, IntoErrors, KeyOrder, KeyOrderStats,
    OrderingKey, PoolInfo, Report, ReportError, RouteInfo, Soiree,
};

// Those that have another name in the Go package `soiree`.
#[doc(inline, alias = "NewBaseEvent")]
pub use soiree_core::BaseEvent;
#[doc(inline, alias = "ErrInvalidPriority")]
pub use soiree_core::InvalidPriority;
#[doc(inline, alias = "ErrInvalidTopicName")]
pub use soiree_core::InvalidTopic;
#[doc(inline, alias("ListenerOption", "WithPriority"))]
pub use soiree_core::ListenerOptions;
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
#[doc(inline, alias = "ErrEmitterAlreadyClosed")]
pub use soiree_engine::CloseError;
#[doc(inline, alias = "ErrEmitterClosed")]
pub use soiree_engine::EmitError;

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc(inline)]
pub use soiree_pool::WorkerPool;

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
