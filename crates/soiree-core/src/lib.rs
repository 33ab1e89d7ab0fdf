//! The contract of soiree: events, listeners, pools, topics, and dispatch as logic without threads of its own.
//!
//! Depend on the crate `soiree` to use events, and on this one to write a pool or an integration. It changes slowly.
//!
//! - [`Event`], [`Payload`], [`Properties`]: what is emitted.
//! - [`Listener`], [`ListenerOptions`], [`Priority`]: what is called, and how.
//! - [`Pattern`], [`validate_topic`], [`Registry`]: who listens to what.
//! - [`Pool`], [`Job`], [`PoolStats`]: where it runs.
//! - [`Emitter`], [`Emission`], [`Report`]: what becomes of it.
//! - [`Observer`]: who is told of what happens.
//! - [`Graph`], [`ListenerInfo`]: who listens and what runs where, at one moment.
//! - [`Soiree`]: all of it behind one object-safe trait.

mod async_listener;
mod bounded;
mod bulkheads;
mod call;
mod dispatch;
mod emission;
mod emitter;
mod event;
mod gate;
mod introspection;
mod job;
mod listener;
mod observe;
mod options;
mod order;
mod payload;
mod pool;
mod pool_handle;
mod priority;
mod properties;
mod registry;
mod retry;
mod soiree;
mod stats;
mod sync;
mod timer;
mod topic;
mod trace;

pub use crate::async_listener::{Async, AsyncListener, ListenerFuture};
pub use crate::bounded::{Begun, BoundedPool, Executor, InvalidPoolOptions, PoolOptions, Turn};
pub use crate::bulkheads::{BulkheadError, Bulkheads};
pub use crate::dispatch::{
    DeadEventHandler, DeadLetterHandler, ErrorHandler, Handlers, PanicHandler,
};
pub use crate::emission::{
    Emission, EmissionFuture, EmitError, ErrorIter, IntoErrors, Report, ReportError,
};
pub use crate::emitter::{CloseError, Emitter, Settings};
pub use crate::event::{BaseEvent, Event, EventId, InvalidEventId};
pub use crate::gate::Gate;
pub use crate::introspection::{Graph, ListenerInfo, PatternInfo, PoolInfo, RouteInfo, TopicInfo};
pub use crate::job::{Job, JobFuture, JobOutcome, PanicPayload, Task};
pub use crate::listener::{
    BoxError, Failure, Listener, ListenerError, ListenerId, ListenerPanic, Outcome,
};
pub use crate::observe::{
    DeadEvent, EmissionAccepted, EmissionBegun, EmissionEnded, EmissionRefused, JobEnd, JobEnded,
    JobOffered, JobRefused, JobStarted, ListenerEnd, ListenerEnded, ListenerRef, ListenerStarted,
    ObservedPool, Observer, Observers, OrderRefusal, PoolResized, Refusal, Removal, RetryScheduled,
    SlowListener, SlowListenerHandler, SubscriptionAdded, SubscriptionRemoved, Watch,
};
pub use crate::options::ListenerOptions;
pub use crate::order::{KeyOrder, KeyOrderError, KeyOrderStats, KeyOrders, OrderingKey};
pub use crate::payload::{Carrier, Payload, PayloadRef};
pub use crate::pool::{
    Entered, MAX_CAPACITY, MAX_INLINE_DEPTH, MAX_WORKERS, Nesting, Overflow, Pool, ResizeError,
    SubmitError, SubmitErrorReason, Unfinished, WaitError, WorkerCheck,
};
pub use crate::pool_handle::PoolHandle;
pub use crate::priority::{InvalidPriority, Priority};
pub use crate::properties::{Properties, Value};
pub use crate::registry::{Registry, SubscribeError, UnsubscribeError};
pub use crate::retry::{DeadLetter, Retry};
pub use crate::soiree::Soiree;
pub use crate::stats::PoolStats;
pub use crate::timer::{Timer, TimerError, TimerId};
pub use crate::topic::{InvalidTopic, MAX_TOPIC_LEN, Pattern, TopicFault, validate_topic};
