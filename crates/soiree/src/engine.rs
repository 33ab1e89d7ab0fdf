//! The parts of an [`EventPool`](crate::EventPool), for integrations with an emitter or an event type of their own.
//!
//! Most programs need nothing from here. These names may change more often than the others.
//!
//! | for | names |
//! |---|---|
//! | an emitter without an `EventPool` | [`Emitter`], [`Settings`], [`KeyOrders`] |
//! | its handlers | [`Handlers`], [`ErrorHandler`], [`PanicHandler`], [`DeadEventHandler`], [`DeadLetterHandler`], [`SlowListenerHandler`], [`SlowListenerMonitor`] |
//! | its subscriptions | [`Registry`], [`Filter`], [`is_printable`] |
//! | an event that shares one allocation with its payload | [`Carrier`], [`ValueCarrier`] |
//! | a timer of your own | [`far_future`] |

#[doc(inline)]
pub use soiree_core::{Carrier, Filter, Registry, ValueCarrier, far_future, is_printable};

#[doc(inline)]
pub use soiree_engine::{
    DeadEventHandler, DeadLetterHandler, Emitter, ErrorHandler, Handlers, KeyOrders, PanicHandler,
    Settings, SlowListenerHandler, SlowListenerMonitor,
};
