//! The contract of soiree: traits and data types for events, listeners, pools and observers, and the topic registry.
//!
//! To emit and handle events, depend on the crate `soiree`, which re-exports everything here. Depend on this crate to write a
//! pool, an observer, a timer or an integration. It needs no runtime, starts no thread but for a
//! [release in async code](Pool::release_async), and changes slowly.
//!
//! | to | see |
//! |---|---|
//! | emit events of your own type | [`Event`], [`BaseEvent`], [`Payload`], [`Properties`] |
//! | handle events | [`Listener`], [`AsyncListener`], [`ListenerOptions`], [`Priority`], [`Retry`] |
//! | name and match topics | [`validate_topic`], [`Pattern`] |
//! | run jobs | [`Pool`], [`Job`], [`PoolOptions`], [`PoolStats`], [`WorkerContext`] |
//! | be notified of what happens | [`Observer`], [`ObservedPool`] |
//! | run retries and timeouts | [`Timer`] |
//! | keep events, or write payloads down | [`store`], [`codec`] |
//! | dispatch events yourself | [`Registry`], [`registry`] |
//!
//! ```
//! use soiree_core::{BaseEvent, Event, Listener, Pattern};
//!
//! let listener = |event: &dyn Event| println!("{}: {:?}", event.topic(), event.payload());
//! let event = BaseEvent::new("user.created", String::from("Matty Ice"));
//! if Pattern::new("user.*")?.matches(event.topic()) {
//!     listener.handle(&event)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `json` | | `codec::Json`, a codec for payloads with serde; [`Value`] and [`Properties`] from and to JSON |

pub mod codec;
mod codecs;
mod concurrency;
mod error;
mod event;
mod event_id;
mod inbox_info;
mod introspection;
mod invisible;
mod job;
mod key_order;
mod listener;
pub mod observe;
mod options;
mod ordering_key;
pub mod panic;
mod payload;
mod pool;
mod pool_handle;
mod priority;
mod properties;
pub mod registry;
mod rejection;
mod retry;
mod segment;
mod spawn_blocking;
mod stats;
pub mod store;
#[doc(hidden)]
pub mod sync;
mod timer;
mod topic;

pub use crate::codecs::{Codecs, DecodeError, EncodeError};
pub use crate::concurrency::{LimitedBy, MaxConcurrent};
pub use crate::error::{BulkheadError, KeyOrderError, SubscribeError, UnsubscribeError};
pub use crate::event::{BaseEvent, Event};
pub use crate::event_id::{EventId, InvalidEventId};
pub use crate::inbox_info::InboxInfo;
pub use crate::introspection::{ListenerInfo, PatternInfo, TopicInfo};
pub use crate::job::{EndedJob, Job, JobFuture, JobId, JobOutcome, ObservedJob, Task};
pub use crate::key_order::KeyOrder;
pub use crate::listener::{
    ASYNC_BULKHEAD, Async, AsyncListener, BoxError, IntoListenerResult, Listener, ListenerError,
    ListenerErrorKind, ListenerFn, ListenerFuture, ListenerId, ListenerPanic, Mut, NotCalled,
    Permanent, Reply, Result, RetryAfter, ok, take_reply,
};
pub use crate::observe::{
    DeliveryEnd, DeliveryEnded, EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted,
    EventStored, Interest, JobEnd, JobEnded, JobOffered, JobRejected, JobStarted, ListenerEnd,
    ListenerEnded, ListenerRef, ListenerStarted, ManyListeners, ObservedPool, Observer, Observers,
    OrderRejection, PoolResized, Rejection, RemovalCause, RetryScheduled, SlowListener,
    StoreFailed, SubscribedAt, SubscriptionAdded, SubscriptionRemoved, UnheardEvent,
};
pub use crate::options::{Filter, ListenerOptions, WhenPoolFull, is_printable};
pub use crate::ordering_key::OrderingKey;
pub use crate::panic::PanicPayload;
pub use crate::payload::{Carrier, Payload, PayloadRef, PayloadView, ValueCarrier};
pub use crate::pool::{
    DrainTimeout, InvalidPoolOptions, KeepsPlaces, MAX_CAPACITY, MAX_INLINE_DEPTH, MAX_WORKERS,
    Overflow, Pool, PoolOptions, PoolPanicHandler, ReleaseFuture, Reservation, Reserve,
    ReservedPlace, ResizeError, SubmitError, WaitError, WorkerCheck, WorkerContext, WorkerGuard,
};
pub use crate::pool_handle::PoolHandle;
pub use crate::priority::{InvalidPriority, Priority};
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use crate::properties::InvalidProperties;
pub use crate::properties::{Properties, Value};
pub use crate::registry::Registry;
pub use crate::rejection::SubmitErrorReason;
pub use crate::retry::{DeadLetter, Jitter, Retry};
pub use crate::segment::{escape_segment, unescape_segment, validate_segment};
pub use crate::spawn_blocking::SpawnBlocking;
pub use crate::stats::{PoolStats, WaitingStats};
pub use crate::timer::{Timer, TimerError, TimerId, far_future};
pub use crate::topic::{
    InvalidTopic, InvalidTopicKind, MAX_DOUBLE_WILDCARDS, MAX_TOPIC_LEN, Pattern, validate_topic,
};
