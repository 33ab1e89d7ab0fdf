//! `Arc<O>` is an observer if `O` is.

use std::sync::Arc;

use super::Observer;
use super::events::*;
use super::interest::Interest;
use crate::listener::ListenerPanic;
use crate::retry::DeadLetter;

macro_rules! forward {
    ($($method:ident: $event:ty),* $(,)?) => {
        impl<O: Observer + ?Sized> Observer for Arc<O> {
            fn interest(&self) -> Interest {
                (**self).interest()
            }

            $(fn $method(&self, event: &$event) {
                (**self).$method(event);
            })*
        }
    };
}

forward! {
    emission_started: EmissionStarted<'_>,
    emission_accepted: EmissionAccepted<'_>,
    emission_rejected: EmissionRejected<'_>,
    emission_ended: EmissionEnded<'_>,
    job_offered: JobOffered<'_>,
    job_rejected: JobRejected<'_>,
    job_started: JobStarted<'_>,
    job_ended: JobEnded<'_>,
    listener_started: ListenerStarted<'_>,
    listener_ended: ListenerEnded<'_>,
    listener_panicked: ListenerPanic<'_>,
    listener_slow: SlowListener<'_>,
    retry_scheduled: RetryScheduled<'_>,
    unheard_event: UnheardEvent<'_>,
    dead_letter: DeadLetter,
    pool_resized: PoolResized<'_>,
    subscription_added: SubscriptionAdded<'_>,
    subscription_removed: SubscriptionRemoved<'_>,
    many_listeners: ManyListeners<'_>,
    event_stored: EventStored<'_>,
    delivery_ended: DeliveryEnded<'_>,
    store_failed: StoreFailed<'_>,
}
