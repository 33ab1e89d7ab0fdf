//! What observers receive: one type for each method of [`Observer`](super::Observer).

mod durable;
mod emission;
mod job;
mod listener;
mod macros;
mod subscription;

pub use self::durable::{DeliveryEnd, DeliveryEnded, EventStored, StoreFailed};
pub use self::emission::{
    EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, OrderRejection, Rejection,
    UnheardEvent,
};
pub use self::job::{JobEnd, JobEnded, JobOffered, JobRejected, JobStarted, PoolResized};
pub use self::listener::{
    ListenerEnd, ListenerEnded, ListenerRef, ListenerStarted, RetryScheduled, SlowListener,
};
pub use self::subscription::{
    ManyListeners, RemovalCause, SubscribedAt, SubscriptionAdded, SubscriptionRemoved,
};
