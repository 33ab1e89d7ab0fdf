//! The contract of soiree: events, listeners, pools, topics, and the registry of who listens to what.
//!
//! Depend on the crate `soiree` to use events, and on this one to write a pool, an observer or an integration. It changes slowly.
//!
//! - [`Event`], [`Payload`], [`Properties`]: what is emitted.
//! - [`Listener`], [`ListenerOptions`], [`Priority`]: what is called, and how.
//! - [`Pattern`], [`validate_topic`], [`registry`]: who listens to what.
//! - [`Pool`], [`Job`], [`PoolStats`]: where it runs.
//! - [`Observer`]: who is notified of what happens.

mod error;
mod event;
mod introspection;
mod job;
mod listener;
pub mod observe;
mod options;
pub mod panic;
mod payload;
mod pool;
mod pool_handle;
mod priority;
mod properties;
pub mod registry;
mod rejection;
mod retry;
mod stats;
#[doc(hidden)]
pub mod sync;
mod timer;
mod topic;

pub use crate::error::{BulkheadError, KeyOrderError, SubscribeError, UnsubscribeError};
pub use crate::event::{BaseEvent, Event, EventId, InvalidEventId};
pub use crate::introspection::{ListenerInfo, PatternInfo, TopicInfo};
pub use crate::job::{Job, JobFuture, JobOutcome, ObservedJob, Task};
pub use crate::listener::{
    ASYNC_BULKHEAD, Async, AsyncListener, BoxError, IntoListenerResult, Listener, ListenerError,
    ListenerErrorKind, ListenerFuture, ListenerId, ListenerPanic,
};
pub use crate::observe::{
    DeadEvent, EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, JobEnd,
    JobEnded, JobOffered, JobRejected, JobStarted, ListenerEnd, ListenerEnded, ListenerRef,
    ListenerStarted, ObservedPool, Observer, Observers, OrderRejection, PoolResized, Rejection,
    RemovalCause, RetryScheduled, SlowListener, SubscriptionAdded, SubscriptionRemoved,
};
pub use crate::options::{Filter, ListenerOptions, is_printable};
pub use crate::panic::PanicPayload;
pub use crate::payload::{Carrier, Payload, PayloadRef, ValueCarrier};
pub use crate::pool::{
    DrainTimeout, InvalidPoolOptions, MAX_CAPACITY, MAX_INLINE_DEPTH, MAX_WORKERS, Overflow, Pool,
    PoolOptions, PoolPanicHandler, ResizeError, SubmitError, WaitError, WorkerCheck, WorkerContext,
    WorkerGuard,
};
pub use crate::pool_handle::PoolHandle;
pub use crate::priority::{InvalidPriority, Priority};
pub use crate::properties::{Properties, Value};
pub use crate::registry::Registry;
pub use crate::rejection::SubmitErrorReason;
pub use crate::retry::{DeadLetter, Retry};
pub use crate::stats::PoolStats;
pub use crate::timer::{Timer, TimerError, TimerId, far_future};
pub use crate::topic::{InvalidTopic, InvalidTopicKind, MAX_TOPIC_LEN, Pattern, validate_topic};
