//! Listening to payloads of one type.

use std::any::Any;
use std::sync::Arc;

use soiree_core::{
    BoxError, Event, IntoListenerResult, ListenerId, ListenerOptions, PayloadRef, SubscribeError,
};
use soiree_engine::Soiree;

use super::{TypedPattern, TypedTopic, WrongPayload};

/// The same methods for topics and patterns.
macro_rules! listening {
    ($typed:ident, $text:ident) => {
        /// # Listening
        impl<T: Any + Send + Sync> $typed<T> {
            /// Subscribes a closure that gets the payload.
            ///
            /// # Errors
            /// If the `EventPool` is closed, or its ID generator returns an ID that the pattern already has.
            #[track_caller]
            pub fn on<R: IntoListenerResult + 'static>(
                &self,
                soiree: &dyn Soiree,
                listener: impl Fn(&T) -> R + Send + Sync + 'static,
            ) -> Result<ListenerId, SubscribeError> {
                let listener = move |payload: &T, _: &dyn Event| listener(payload);
                self.on_with(soiree, ListenerOptions::new(), listener)
            }

            /// Subscribes a closure that gets the payload and the event, with [`ListenerOptions`].
            ///
            /// # Errors
            #[doc = concat!("As [`on`](", stringify!($typed), "::on), and if the options are invalid.")]
            #[track_caller]
            pub fn on_with<R: IntoListenerResult + 'static>(
                &self,
                soiree: &dyn Soiree,
                options: impl Into<ListenerOptions>,
                listener: impl Fn(&T, &dyn Event) -> R + Send + Sync + 'static,
            ) -> Result<ListenerId, SubscribeError> {
                subscribe(self.$text(), soiree, options.into(), listener)
            }

            /// Subscribes a closure that is called for one event only.
            ///
            /// # Errors
            #[doc = concat!("As [`on`](", stringify!($typed), "::on).")]
            #[track_caller]
            pub fn on_once<R: IntoListenerResult + 'static>(
                &self,
                soiree: &dyn Soiree,
                listener: impl Fn(&T) -> R + Send + Sync + 'static,
            ) -> Result<ListenerId, SubscribeError> {
                let listener = move |payload: &T, _: &dyn Event| listener(payload);
                self.on_with(soiree, ListenerOptions::new().once(), listener)
            }

            /// Subscribes a closure that gets the payload, and may change what it has captured. It is called for one event at a time:
            /// see [`EventPool::on_mut`](crate::EventPool::on_mut), also for what waits and what a panic leaves behind.
            ///
            /// # Errors
            #[doc = concat!("As [`on`](", stringify!($typed), "::on).")]
            ///
            /// ```
            #[doc = concat!("use soiree::{EventPool, ", stringify!($typed), "};")]
            ///
            #[doc = concat!("const PAID: ", stringify!($typed), "<u64> = ", stringify!($typed), "::new(\"order.paid\");")]
            ///
            /// let soiree = EventPool::new();
            /// let mut sum = 0;
            /// PAID.on_mut(&soiree, move |cents| {
            ///     sum += cents;
            ///     println!("{sum} in all");
            /// })?;
            /// assert!(soiree.emit_sync("order.paid", 250_u64)?.is_ok());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn on_mut<R: IntoListenerResult + 'static>(
                &self,
                soiree: &dyn Soiree,
                mut listener: impl FnMut(&T) -> R + Send + 'static,
            ) -> Result<ListenerId, SubscribeError> {
                let listener = move |payload: &T, _: &dyn Event| listener(payload);
                self.on_mut_with(soiree, ListenerOptions::new(), listener)
            }

            #[doc = concat!("As [`on_mut`](", stringify!($typed), "::on_mut), for a closure that gets the event too, with")]
            /// [`ListenerOptions`]. Any limit of calls at once that they have is replaced by 1.
            ///
            /// # Errors
            #[doc = concat!("As [`on_with`](", stringify!($typed), "::on_with).")]
            #[track_caller]
            pub fn on_mut_with<R: IntoListenerResult + 'static>(
                &self,
                soiree: &dyn Soiree,
                options: impl Into<ListenerOptions>,
                mut listener: impl FnMut(&T, &dyn Event) -> R + Send + 'static,
            ) -> Result<ListenerId, SubscribeError> {
                soiree.on_mut_with(self.$text(), options, move |event| call(event, &mut listener))
            }

            /// Subscribes a closure that gets a handle to the payload, and returns a future. See
            /// [`EventPool::on_async`](crate::EventPool::on_async).
            ///
            /// # Errors
            #[doc = concat!("As [`on`](", stringify!($typed), "::on), and if there is no bulkhead for futures.")]
            #[track_caller]
            pub fn on_async<F>(
                &self,
                soiree: &dyn Soiree,
                listener: impl Fn(PayloadRef<T>) -> F + Send + Sync + 'static,
            ) -> Result<ListenerId, SubscribeError>
            where
                F: Future<Output: IntoListenerResult> + Send + 'static,
            {
                let listener = move |payload, _| listener(payload);
                self.on_async_with(soiree, ListenerOptions::new(), listener)
            }

            /// Subscribes a closure that gets a handle to the payload and the event, and returns a future, with [`ListenerOptions`].
            ///
            /// # Errors
            #[doc = concat!("As [`on_async`](", stringify!($typed), "::on_async), and if the options are invalid.")]
            #[track_caller]
            pub fn on_async_with<F>(
                &self,
                soiree: &dyn Soiree,
                options: impl Into<ListenerOptions>,
                listener: impl Fn(PayloadRef<T>, Arc<dyn Event>) -> F + Send + Sync + 'static,
            ) -> Result<ListenerId, SubscribeError>
            where
                F: Future<Output: IntoListenerResult> + Send + 'static,
            {
                subscribe_async(self.$text(), soiree, options.into(), listener)
            }
        }
    };
}

listening!(TypedTopic, name);
listening!(TypedPattern, as_str);

#[track_caller]
fn subscribe<T: Any, R: IntoListenerResult + 'static>(
    pattern: &str,
    soiree: &dyn Soiree,
    options: ListenerOptions,
    listener: impl Fn(&T, &dyn Event) -> R + Send + Sync + 'static,
) -> Result<ListenerId, SubscribeError> {
    soiree.on_with(pattern, options, move |event| call(event, &listener))
}

/// Calls a listener with the payload of an event, if that has the right type.
fn call<T: Any, R: IntoListenerResult>(
    event: &dyn Event,
    mut listener: impl FnMut(&T, &dyn Event) -> R,
) -> Result<(), BoxError> {
    if let Some(returned) = event.with_payload(|payload| listener(payload, event)) {
        return returned.into_result();
    }
    // With `T = Payload`, the topic carries any type.
    let payload = event.payload();
    let any: &dyn Any = &payload;
    match any.downcast_ref() {
        Some(payload) => listener(payload, event).into_result(),
        None => Err(WrongPayload::boxed::<T>(event)),
    }
}

#[track_caller]
fn subscribe_async<T: Any, F>(
    pattern: &str,
    soiree: &dyn Soiree,
    options: ListenerOptions,
    listener: impl Fn(PayloadRef<T>, Arc<dyn Event>) -> F + Send + Sync + 'static,
) -> Result<ListenerId, SubscribeError>
where
    F: Future<Output: IntoListenerResult> + Send + 'static,
{
    soiree.on_async_with(pattern, options, move |event| {
        // Called here, and not when the future is polled, like a closure without a type.
        let handled = match event.payload().get::<T>() {
            Some(payload) => Ok(listener(payload, event)),
            None => Err(WrongPayload::boxed::<T>(&*event)),
        };
        async move { handled?.await.into_result() }
    })
}
