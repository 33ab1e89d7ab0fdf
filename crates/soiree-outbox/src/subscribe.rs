//! Subscribing durable listeners.

use std::collections::btree_map::Entry;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use soiree_core::store::Claim;
use soiree_core::{
    BoxError, Event, IntoListenerResult, KeyOrder, Listener, ListenerId, ListenerOptions,
    Observers, Pattern, SubscribeError,
};
use soiree_engine::Soiree;

use crate::info::DurableInfo;
use crate::listener::{Deliveries, Delivery, DurableListener, Subscribed, Surroundings};
use crate::outbox::{Lifecycle, Outbox, Subscription};
use crate::signals::{Command, waker};
use crate::tail::Tail;

/// Passes the delivery to a listener that wants to know it.
struct WithDelivery<L> {
    listen: L,
    deliveries: Arc<Deliveries>,
}

impl<L, R> Listener for WithDelivery<L>
where
    L: Fn(&dyn Event, &Delivery) -> R + Send + Sync,
    R: IntoListenerResult,
{
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        let deliveries = self.deliveries.lock();
        let deliveries = deliveries.unwrap_or_else(PoisonError::into_inner);
        let delivery = deliveries.get(&event.id()).cloned();
        drop(deliveries);
        match delivery {
            Some(delivery) => (self.listen)(event, &delivery).into_result(),
            // A timed-out attempt that goes on may outlive its delivery.
            None => Err("the delivery has ended".into()),
        }
    }
}

/// # Subscribing
impl Outbox {
    /// Subscribes a closure. With [`ListenerOptions::durable`] it gets every durable event that matches until it has handled it: its
    /// progress is kept in the store under that name, and it has retries and dead letters of its own. Without, it is an ordinary listener
    /// of the event pool.
    ///
    /// A durable listener **may be called twice** with the same event if the process ends in between. Its filter runs at delivery, so a
    /// filter that was changed applies to old events too. Blocks while the store is read.
    ///
    /// # Errors
    /// If the pattern or the options are invalid, the name is taken, no durable topic matches the pattern, or the store fails.
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let soiree: &dyn Soiree = self;
        soiree.on_with(pattern, options, listener)
    }

    /// As [`on_with`](Outbox::on_with), with a closure that returns a future.
    ///
    /// # Errors
    /// As [`on_with`](Outbox::on_with), and if the bulkhead polls no futures.
    #[track_caller]
    pub fn on_async_with<F>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        let soiree: &dyn Soiree = self;
        soiree.on_async_with(pattern, options, listener)
    }

    /// Subscribes a durable listener that gets to know which delivery it handles: for effects that are recorded in the store's own
    /// transaction.
    ///
    /// # Errors
    /// As subscribing with [`ListenerOptions::durable`].
    pub fn on_delivery<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: impl Fn(&dyn Event, &Delivery) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let deliveries = Arc::<Deliveries>::default();
        let listener = WithDelivery {
            listen: listener,
            deliveries: Arc::clone(&deliveries),
        };
        self.subscribe_durable(pattern, options, Arc::new(listener), Some(deliveries))
    }

    pub(crate) fn subscribe_durable(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
        deliveries: Option<Arc<Deliveries>>,
    ) -> Result<ListenerId, SubscribeError> {
        let inner = &self.inner;
        let text = pattern;
        let pattern = Pattern::new(pattern)?;
        let Some(name) = options.durable_name().map(Arc::<str>::from) else {
            return inner.soiree.subscribe(text, options, listener);
        };
        if options.run_limit().is_some() {
            return Err(SubscribeError::DurableWithRunLimit { name });
        }
        if !inner.codecs.overlap(&pattern) {
            return Err(SubscribeError::NoDurableTopic { name, pattern });
        }
        if *inner.lifecycle() == Lifecycle::Closed {
            return Err(SubscribeError::Closed);
        }
        let id = ListenerId::generate();
        let info = Arc::new(Mutex::new(DurableInfo {
            name: Arc::clone(&name),
            pattern: text.into(),
            ..DurableInfo::default()
        }));
        let has_left = Arc::<AtomicBool>::default();
        let number = inner.next_number.fetch_add(1, Ordering::Relaxed);
        let subscription = Subscription {
            number,
            id: id.clone(),
            pattern: pattern.clone(),
            info: Arc::clone(&info),
            is_claimed: false,
            is_removed: false,
            has_left: Arc::clone(&has_left),
            is_new: false,
        };
        match inner.listeners().entry(Arc::clone(&name)) {
            Entry::Occupied(mut place) => {
                let former = place.get();
                if !former.is_removed || !former.has_left.load(Ordering::Acquire) {
                    return Err(SubscribeError::DurableNameTaken { name });
                }
                place.insert(subscription);
            }
            Entry::Vacant(place) => {
                place.insert(subscription);
            }
        }
        let retry = options.retry_policy().cloned();
        let order = match inner.settings.limits.in_flight {
            // One at a time is not enough for all in order: an event that is retried would be overtaken.
            1 => Some(KeyOrder::by(|_| Some(""))),
            _ => options.key_order().cloned(),
        };
        let options = options.without_retry().without_order();
        let signals = Arc::clone(&inner.signals);
        let waker = Box::new(move |position| waker(&signals, number, position));
        let subscribed = inner
            .soiree
            .address(text, options, listener)
            .map(|address| Subscribed {
                number,
                name: Arc::clone(&name),
                pattern,
                address,
                waker,
                retry,
                order,
                deliveries,
                info,
                has_left,
            })
            .and_then(|subscribed| self.claim(subscribed));
        let mut listeners = inner.listeners();
        match subscribed {
            Ok(is_new) => {
                if let Some(subscription) = listeners.get_mut(&name) {
                    subscription.is_claimed = true;
                    subscription.is_new = is_new;
                }
                Ok(id)
            }
            Err(error) => {
                listeners.remove(&name);
                Err(error)
            }
        }
    }

    /// Returns whether the store did not know the listener.
    fn claim(&self, subscribed: Subscribed) -> Result<bool, SubscribeError> {
        let inner = &self.inner;
        let name = Arc::clone(&subscribed.name);
        let pattern = subscribed.pattern.as_str();
        let fail = |error: soiree_core::store::StoreError| SubscribeError::NotClaimed {
            name: Arc::clone(&name),
            reason: error.to_string().into(),
        };
        let claim = inner
            .store
            .claim(&name, pattern, inner.settings.start_from)
            .map_err(fail)?;
        let Claim::Held(term, progress) = claim else {
            inner.signals.send(Command::Wait(Box::new(subscribed)));
            return Ok(false);
        };
        // What was stored is read from the store here; the relay has its own tail.
        let tail = Tail::new(progress.begun.max(progress.floor).next(), 0, 0);
        let around = Surroundings {
            store: &*inner.store,
            codecs: &inner.codecs,
            queue: &inner.queue,
            observers: &Observers::none(),
            tail: &tail,
            now: inner.clock.now(),
            committed: None,
            tries_suspects: false,
            delivers: false,
        };
        let (held, is_new) = (term.clone(), progress.is_new);
        let listener =
            DurableListener::recover(subscribed, term, progress, inner.settings.limits, &around);
        match listener {
            Ok(listener) => {
                // Not only once the relay has come to it: until then it would look as if another process held it.
                listener.publish(inner.figures.last(), inner.clock.now());
                inner.signals.send(Command::Add(Box::new(listener)));
                Ok(is_new)
            }
            Err((_, error)) => {
                let _ = inner.store.release(&held);
                Err(fail(error))
            }
        }
    }

    /// Removes a durable listener from this process, and returns whether it was one. Its progress stays in the store. Its name is free when
    /// the deliveries that run have ended, and the store knows.
    pub(crate) fn unsubscribe_durable(&self, id: &ListenerId) -> bool {
        let mut listeners = self.inner.listeners();
        let removed = listeners
            .values_mut()
            .find(|subscription| subscription.id == *id);
        let Some(removed) = removed.filter(|subscription| !subscription.is_removed) else {
            return false;
        };
        removed.is_removed = true;
        self.inner.signals.send(Command::Remove(removed.number));
        true
    }
}
