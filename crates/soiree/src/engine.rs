//! The parts of an [`EventPool`](crate::EventPool), for integrations, and types that programs seldom name.
//!
//! Most programs need nothing from here; it is for an emitter or an event type of your own. These names may change more often
//! than the others.
//!
//! | for | names |
//! |---|---|
//! | an emitter without an `EventPool` | [`Emitter`], [`Settings`], [`Bulkheads`], [`KeyOrders`] |
//! | its handlers | [`Handlers`], [`ErrorHandler`], [`PanicHandler`], [`UnheardEventHandler`], [`DeadLetterHandler`], [`SlowListenerHandler`], [`SlowListenerMonitor`] |
//! | its subscriptions | [`Registry`], [`Filter`], [`MaxConcurrent`], [`LimitedBy`], [`is_printable`] |
//! | an event that shares one allocation with its payload | [`Carrier`], [`ValueCarrier`] |
//! | a timer of your own | [`far_future`] |
//! | waiting for something that blocks | [`SpawnBlocking`] |
//! | what methods of an `Inbox` and a `WaitFor` return | [`RecvFuture`], [`RecvStream`], [`TryRecvError`], [`RecvTimeoutError`], [`WaitForFuture`] |
//! | guards and copies of events, for integrations | [`Unsubscriber`], [`copy_event`] |
//! | what delivers stored events itself, such as an outbox | [`Address`], [`ReservedTopics`], [`EmitterOwner`] |
//! | durable topics and their codecs, for what passes events on, such as a bridge | [`DurableTopics`], [`Codecs`], [`EncodeError`], [`DecodeError`] |
//! | what closures have to be and may return as listeners, async ones, and those that are `FnMut` | [`ListenerFn`], [`IntoListenerResult`], [`take_reply`], [`Async`], [`ASYNC_BULKHEAD`], [`Mut`] |
//! | what methods of an `Emission` return | [`EmissionFuture`], [`ErrorIter`], [`IntoErrors`] |
//! | an engine of your own | the modules [`registry`] and [`mod@panic`], [`clock`], [`reclaim`], [`NotifyContext`] |

#[doc(no_inline)]
pub use soiree_core::observe::{NotifyContext, clock, reclaim};
#[doc(no_inline)]
pub use soiree_core::{panic, registry};

#[doc(inline)]
pub use soiree_core::{
    ASYNC_BULKHEAD, Async, Carrier, Codecs, DecodeError, EncodeError, Filter, IntoListenerResult,
    LimitedBy, ListenerFn, MaxConcurrent, Mut, Registry, SpawnBlocking, ValueCarrier, far_future,
    is_printable, take_reply,
};

#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
#[doc(inline)]
pub use soiree_core::InvalidProperties;

#[doc(inline)]
pub use soiree_engine::{
    Address, Bulkheads, DeadLetterHandler, DurableTopics, EmissionFuture, Emitter, EmitterOwner,
    ErrorHandler, ErrorIter, Handlers, IntoErrors, KeyOrders, PanicHandler, ReservedTopics,
    Settings, SlowListenerHandler, SlowListenerMonitor, UnheardEventHandler, Unsubscriber,
    copy_event,
};

#[doc(inline)]
pub use soiree_inbox::{RecvFuture, RecvStream, RecvTimeoutError, TryRecvError, WaitForFuture};
