//! The engine of soiree: routing, dispatch, emissions and order by key, as logic without threads of its own.
//!
//! The crate `soiree` is its facade; depend on that to use events.
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `tracing` | | a span for each emission and each call of a listener, and events for what fails, of the crate `tracing` |

mod context;
mod dispatch;
mod emission;
mod emitter;
mod graph;
mod invocation;
mod ordering;
mod routing;
mod running;
mod settings;
mod slow;
mod soiree;
mod task_tracker;
mod topic_text;
mod trace;
mod unhandled;

pub use crate::emission::{
    Abort, CalledListener, CollectError, CutOffCause, CutOffEmission, Emission, EmissionFuture,
    EmitError, ErrorIter, IntoErrors, NotStored, Report, ReportError, copy_event,
};
pub use crate::emitter::{Address, CloseError, EmitFuture, Emitter, EmitterOwner, ReservedTopics};
pub use crate::graph::{
    BridgeConsumerInfo, BridgeInfo, Graph, PoolInfo, RouteInfo, StoreInfo, StoreListenerInfo,
};
pub use crate::ordering::{KeyOrderStats, KeyOrders};
pub use crate::routing::Bulkheads;
pub use crate::settings::{
    DeadLetterHandler, ErrorHandler, Handlers, PanicHandler, Settings, UnheardEventHandler,
};
pub use crate::slow::{SlowListenerHandler, SlowListenerMonitor};
pub use crate::soiree::{CloseFuture, DurableTopics, Soiree, Unsubscriber};
pub use crate::task_tracker::TaskTracker;
pub use soiree_core::KeyOrder;
