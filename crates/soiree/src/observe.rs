//! Observers: notified of emissions, jobs, listener calls, retries and subscriptions as they happen.
//!
//! Implement [`Observer`] and add it with [`Builder::observer`](crate::Builder::observer) or
//! [`EventPool::add_observer`](crate::EventPool::add_observer). [`ObservedPool`] observes the jobs of a pool that belongs to no
//! `EventPool`. An observer costs only what its [`Interest`] names: soiree never reads the clock for jobs and listeners that no observer is
//! interested in.
//!
//! | notified of | names |
//! |---|---|
//! | emissions | [`EmissionAccepted`], [`EmissionRejected`] with a [`Rejection`] or an [`OrderRejection`], [`EmissionStarted`], [`EmissionEnded`], [`UnheardEvent`] |
//! | jobs | [`JobOffered`], [`JobRejected`], [`JobStarted`], [`JobEnded`] with a [`JobEnd`]; [`PoolResized`] |
//! | listener calls | [`ListenerStarted`], [`ListenerEnded`] with a [`ListenerEnd`], [`RetryScheduled`], [`SlowListener`]; each names a [`ListenerRef`] |
//! | subscriptions | [`SubscriptionAdded`], [`SubscriptionRemoved`] with a [`RemovalCause`]; [`ManyListeners`] with [`SubscribedAt`] |
//! | durable events | [`EventStored`], [`DeliveryEnded`] with a [`DeliveryEnd`], [`StoreFailed`] |
//!
//! [`Observers`] is a list of observers, for code that notifies them.

#[doc(inline)]
pub use soiree_core::{
    DeliveryEnd, DeliveryEnded, EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted,
    EventStored, Interest, JobEnd, JobEnded, JobOffered, JobRejected, JobStarted, ListenerEnd,
    ListenerEnded, ListenerRef, ListenerStarted, ManyListeners, ObservedPool, Observer, Observers,
    OrderRejection, PoolResized, Rejection, RemovalCause, RetryScheduled, SlowListener,
    StoreFailed, SubscribedAt, SubscriptionAdded, SubscriptionRemoved, UnheardEvent,
};
