//! Receiving payloads of one type.

use std::any::Any;

use soiree_core::{BoxError, Event, PayloadRef, SubscribeError};
use soiree_engine::Soiree;
use soiree_inbox::{Inbox, InboxOptions, WaitFor};

use super::{TypedPattern, TypedTopic, WrongPayload};

/// The same methods for topics and patterns.
macro_rules! receiving {
    ($typed:ident, $text:ident) => {
        /// # Receiving
        impl<T: Any + Send + Sync> $typed<T> {
            /// Makes a bounded [`Inbox`] of handles to the payloads. See [`EventPool::inbox`](crate::EventPool::inbox).
            ///
            /// An event with another payload is not put into it: the listener that fills it fails with [`WrongPayload`].
            ///
            /// # Errors
            /// If the capacity is 0 or too large, the listener's options are invalid, or the `EventPool` is closed.
            #[track_caller]
            pub fn inbox(
                &self,
                soiree: &dyn Soiree,
                options: InboxOptions,
            ) -> Result<Inbox<PayloadRef<T>>, SubscribeError> {
                Inbox::subscribe_with(soiree, self.$text(), options, payload_of)
            }

            /// Waits for the next payload. See [`EventPool::wait_for`](crate::EventPool::wait_for).
            #[track_caller]
            pub fn wait_for(&self, soiree: &dyn Soiree) -> WaitFor<PayloadRef<T>> {
                WaitFor::subscribe_with(soiree, self.$text(), payload_of)
            }
        }
    };
}

receiving!(TypedTopic, name);
receiving!(TypedPattern, as_str);

fn payload_of<T: Any>(event: &dyn Event) -> Result<PayloadRef<T>, BoxError> {
    event
        .payload()
        .get()
        .ok_or_else(|| WrongPayload::boxed::<T>(event))
}
