//! The values that users give to an event pool. One kind of them is hostile.

use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use soiree::observe::{
    EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, JobEnded, JobOffered,
    JobRejected, JobStarted, ListenerEnded, ListenerStarted, Observer, RetryScheduled,
    SubscriptionAdded, SubscriptionRemoved, UnheardEvent,
};
use soiree::{
    BaseEvent, Builder, DeadLetter, Event, EventPool, KeyOrder, ListenerId, ListenerOptions,
    ListenerPanic, Overflow, Payload, Retry, SubscribeError,
};

use crate::case::{Case, Kind, Place};
use crate::pool::CAPACITY;
use crate::surroundings::{Accepted, Counting, Surroundings, caught};

/// A value that acts when it is dropped, and once at each of the places where it can be called.
pub(crate) struct Hostile {
    surroundings: Arc<Surroundings>,
    called: AtomicU32,
}

impl Hostile {
    fn call(&self, place: u32) {
        let place = 1 << place;
        if self.called.fetch_or(place, Ordering::SeqCst) & place == 0 {
            self.surroundings.act();
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.surroundings.dropped.fetch_add(1, Ordering::SeqCst);
        self.surroundings.act();
    }
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hostile")
    }
}

/// An error, which may hold a hostile value.
#[derive(Debug)]
struct Failure {
    _held: Option<Hostile>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failure {}

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        self.call(0);
    }
}

/// Calls the value for each notification.
macro_rules! calls_observer {
    ($($place:literal $method:ident $notification:ty),+ $(,)?) => {
        impl Observer for Hostile {
            $(fn $method(&self, _: &$notification) {
                self.call($place);
            })+
        }
    };
}

calls_observer! {
    0 emission_started EmissionStarted<'_>,
    1 emission_accepted EmissionAccepted<'_>,
    2 emission_rejected EmissionRejected<'_>,
    3 emission_ended EmissionEnded<'_>,
    4 job_offered JobOffered<'_>,
    5 job_rejected JobRejected<'_>,
    6 job_started JobStarted<'_>,
    7 job_ended JobEnded<'_>,
    8 listener_started ListenerStarted<'_>,
    9 listener_ended ListenerEnded<'_>,
    10 listener_panicked ListenerPanic<'_>,
    11 retry_scheduled RetryScheduled<'_>,
    12 unheard_event UnheardEvent<'_>,
    13 dead_letter DeadLetter,
    14 subscription_added SubscriptionAdded<'_>,
    15 subscription_removed SubscriptionRemoved<'_>,
}

/// Makes the values of one case.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) case: Case,
    pub(crate) surroundings: Arc<Surroundings>,
}

/// Calls a value if it is hostile.
fn call(value: &Option<Hostile>) {
    if let Some(value) = value {
        value.call(0);
    }
}

impl Values {
    /// A hostile value, if it is this kind's turn.
    fn of(&self, kind: Kind) -> Option<Hostile> {
        (self.case.kind == kind).then(|| {
            self.surroundings.made.fetch_add(1, Ordering::SeqCst);
            Hostile {
                surroundings: Arc::clone(&self.surroundings),
                called: AtomicU32::new(0),
            }
        })
    }

    pub(crate) fn set_handlers(&self, builder: Builder) -> Builder {
        let [error, panic] = [Kind::ErrorHandler, Kind::PanicHandler].map(|kind| self.of(kind));
        let gone = [Kind::UnheardEventHandler, Kind::DeadLetterHandler].map(|kind| self.of(kind));
        let [event, letter] = gone;
        let builder = builder
            .observer(Counting(Arc::clone(&self.surroundings)))
            .error_handler(move |_, failed| {
                call(&error);
                Some(failed)
            })
            .panic_handler(move |_| call(&panic))
            .unheard_event_handler(move |_| call(&event))
            .dead_letter_handler(move |_| call(&letter));
        let builder = match self.of(Kind::Observer) {
            Some(observer) => builder.observer(observer),
            None => builder,
        };
        if self.case.kind == Kind::KeyFunction || self.case.place.is_behind_key() {
            let key = self.of(Kind::KeyFunction);
            let order = KeyOrder::by(move |_| {
                call(&key);
                Some(1)
            });
            let order = order.capacity(CAPACITY).overflow(Overflow::Reject);
            return builder.ordered("a", order);
        }
        builder
    }

    /// Subscribes listeners of every kind.
    pub(crate) fn subscribe(&self, soiree: &EventPool) -> Result<Vec<ListenerId>, SubscribeError> {
        let (listener, filter) = (self.of(Kind::Listener), self.of(Kind::Filter));
        let options = ListenerOptions::new().filter(move |_| {
            call(&filter);
            true
        });
        let (sets, fails, panics) = (self.clone(), self.clone(), self.clone());
        let mut ids = vec![
            soiree.on_with("a", options, move |_| call(&listener))?,
            soiree.on("a", move |event| {
                if let Some(payload) = sets.of(Kind::SetPayload) {
                    event.set_payload(Payload::new(payload));
                }
            })?,
            soiree.on_with("a", self.failing(), move |_| {
                let _held = fails.of(Kind::Error);
                Err::<(), _>(Failure { _held })
            })?,
            soiree.on("a", move |_| match panics.of(Kind::PanicPayload) {
                Some(payload) => panic_any(payload),
                None => panic!("hostile"),
            })?,
        ];
        if soiree.stats().get("async").is_some() {
            let (futures, surroundings) = (self.clone(), Arc::clone(&self.surroundings));
            ids.push(soiree.on_async("a", move |_| {
                let (held, surroundings) = (futures.of(Kind::Future), Arc::clone(&surroundings));
                async move {
                    let _held = held;
                    while !surroundings.gate.is_open() {
                        tokio::task::yield_now().await;
                    }
                }
            })?);
        }
        Ok(ids)
    }

    /// The options of a listener that fails: it is retried, if that matters.
    fn failing(&self) -> ListenerOptions {
        let is_retried =
            self.case.place == Place::RetryGivenUp || self.case.kind == Kind::DeadLetterHandler;
        let options = ListenerOptions::new();
        if is_retried {
            options.retry(Retry::fixed(Duration::from_millis(1), 2))
        } else {
            options
        }
    }

    /// Emits three events: a payload, an event of the user's own, and one that a future waits for. Returns how many were accepted.
    pub(crate) fn emit(&self, soiree: &EventPool) -> usize {
        let surroundings = &self.surroundings;
        let event = || UserEvent(BaseEvent::new("a", ()), self.of(Kind::Event));
        let payload = surroundings.keep(|| soiree.emit("a", self.of(Kind::Payload)));
        let event = surroundings.keep(|| soiree.emit_event(event()));
        let emission = caught(|| soiree.emit("a", ()).ok()).flatten();
        let is_awaited = emission.is_some();
        if let Some(emission) = emission {
            let waker = self
                .of(Kind::Waker)
                .map(|waker| Waker::from(Arc::new(waker)));
            let waker = waker.unwrap_or_else(|| Waker::noop().clone());
            let future = Accepted::future(emission, &waker);
            surroundings.accepted.lock().unwrap().push(future);
            caught(|| drop(waker));
        }
        [payload, event, is_awaited].map(usize::from).iter().sum()
    }
}

/// An event of the user's own type.
struct UserEvent(BaseEvent, Option<Hostile>);

impl Event for UserEvent {
    fn id(&self) -> soiree::EventId {
        self.0.id()
    }

    fn topic(&self) -> &str {
        self.0.topic()
    }

    fn payload(&self) -> Payload {
        call(&self.1);
        self.0.payload()
    }

    fn set_payload(&self, payload: Payload) {
        self.0.set_payload(payload);
    }

    fn properties(&self) -> soiree::Properties {
        self.0.properties()
    }

    fn set_properties(&self, properties: soiree::Properties) {
        self.0.set_properties(properties);
    }

    fn is_aborted(&self) -> bool {
        self.0.is_aborted()
    }

    fn set_aborted(&self, aborted: bool) {
        self.0.set_aborted(aborted);
    }
}
