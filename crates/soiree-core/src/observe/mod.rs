//! Observers, which are notified of what happens.

pub mod clock;
mod events;
mod forward;
mod interest;
mod job;
mod pool;

use std::fmt;
use std::ops::BitOr;
use std::sync::Arc;

pub use self::events::{
    DeliveryEnd, DeliveryEnded, EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted,
    EventStored, JobEnd, JobEnded, JobOffered, JobRejected, JobStarted, ListenerEnd, ListenerEnded,
    ListenerRef, ListenerStarted, ManyListeners, OrderRejection, PoolResized, Rejection,
    RemovalCause, RetryScheduled, SlowListener, StoreFailed, SubscribedAt, SubscriptionAdded,
    SubscriptionRemoved, UnheardEvent,
};
pub use self::interest::Interest;
pub use self::job::{NotifyContext, reclaim};
pub use self::pool::ObservedPool;
use crate::listener::ListenerPanic;
use crate::panic::{Contained, caught, contained};
use crate::retry::DeadLetter;

/// Receives notifications of what happens in an `EventPool`. For metrics, logs and tests.
///
/// Every method does nothing unless it is overridden. [`interest`](Observer::interest) says which of them are called at all.
///
/// - **Threads.** A method is called on the thread that does the work, which waits for it. Methods should be quick.
/// - **Locks.** No lock is held meanwhile. A method may call whatever a listener may call.
/// - **Own emissions.** What an observer emits is observed too. An observer that emits should check the topic first, or it
///   notifies itself without end.
/// - **Waiting.** An observer that waits for an emission delays the work it observes. On the timer thread it waits forever if
///   that emission needs a retry.
/// - **Panics.** A panic is caught and dropped. It affects neither the work nor other observers.
/// - **Clock.** The clock is read only to time jobs and listeners that an observer is interested in.
///
/// # Order
/// - An emission that [starts](Observer::emission_started) ends exactly once: it is [rejected](Observer::emission_rejected), or
///   it [ends](Observer::emission_ended). All other notifications about it come in between, with three exceptions.
///   [`emission_accepted`](Observer::emission_accepted) may come after its end, as another thread runs it meanwhile.
///   [`job_ended`](Observer::job_ended) for its own job comes after its end.
///   [`listener_panicked`](Observer::listener_panicked) may come after its end if the listener had timed out.
/// - A job that is [offered](Observer::job_offered) ends exactly once: it is [rejected](Observer::job_rejected), or it
///   [ends](Observer::job_ended). If it runs, it [starts](Observer::job_started) before.
/// - An observer that is not interested in all of these gets the others in this order.
/// - Notifications about different emissions, jobs and listeners have no order. Several threads send them at the same time.
///
/// ```
/// use soiree_core::{Interest, ListenerEnd, ListenerEnded, Observer};
///
/// struct Failures;
///
/// impl Observer for Failures {
///     fn interest(&self) -> Interest {
///         Interest::LISTENERS
///     }
///
///     fn listener_ended(&self, ended: &ListenerEnded<'_>) {
///         if let ListenerEnd::Failed(error) | ListenerEnd::Panicked(error) = ended.outcome {
///             eprintln!("{error}, after {:?}", ended.run_time);
///         }
///     }
/// }
/// ```
#[expect(unused_variables, reason = "implementors read the names")]
pub trait Observer: Send + Sync {
    /// What the observer wants to be notified of. Everything, unless it is overridden. What no observer wants is not
    /// made.
    ///
    /// Asked once, when the observer is added. If it panics, the observer is notified of everything.
    fn interest(&self) -> Interest {
        Interest::ALL
    }

    /// An emission starts: the topic is valid and the `EventPool` is open. Called on the emitting thread, before the event goes
    /// to its pool.
    fn emission_started(&self, started: &EmissionStarted<'_>) {}

    /// An emission was accepted by its pool, or its listeners are called on the emitting thread next.
    ///
    /// Called on the emitting thread before `emit` returns. The emission may have ended by then.
    fn emission_accepted(&self, accepted: &EmissionAccepted<'_>) {}

    /// An emission was rejected. Called on the emitting thread.
    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {}

    /// An emission has ended: its last listener has returned, or it was dropped before it ran.
    ///
    /// Called before the threads that wait for the emission are woken.
    fn emission_ended(&self, ended: &EmissionEnded<'_>) {}

    /// A job is about to be submitted to a pool. Called on the submitting thread.
    ///
    /// A job is an emission that does not run on the emitting thread, the call of a listener on a pool of its own, or a retry.
    /// Jobs that the program submits to the same pool itself are not observed, unless it does so through an [`ObservedPool`].
    fn job_offered(&self, offered: &JobOffered<'_>) {}

    /// A pool rejected a job. Called on the submitting thread.
    fn job_rejected(&self, rejected: &JobRejected<'_>) {}

    /// A job is about to run. Called on the thread that runs it.
    fn job_started(&self, started: &JobStarted<'_>) {}

    /// A job has run, or was dropped before it ran. Called on the thread that ran or dropped it.
    fn job_ended(&self, ended: &JobEnded<'_>) {}

    /// A listener is about to be called. Called on the thread that calls it.
    fn listener_started(&self, started: &ListenerStarted<'_>) {}

    /// The call of a listener has ended, or will not take place. Called before the panic handler and the error handler.
    ///
    /// Not called for a listener that is skipped because the event is aborted or the filter rejects it. A listener that its own
    /// pool rejected or dropped ends without [`listener_started`](Observer::listener_started).
    fn listener_ended(&self, ended: &ListenerEnded<'_>) {}

    /// A listener or its filter panicked. Called after [`listener_ended`](Observer::listener_ended).
    fn listener_panicked(&self, panic: &ListenerPanic<'_>) {}

    /// A listener has run for longer than it should.
    ///
    /// Called once while the listener runs, on the thread of the slow listener monitor, and once more when it has ended.
    fn listener_slow(&self, slow: &SlowListener<'_>) {}

    /// A listener failed and will be retried.
    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {}

    /// No listener was called for an event, and the event was not aborted.
    fn unheard_event(&self, unheard: &UnheardEvent<'_>) {}

    /// A listener with a retry has failed for the last time. Called whenever the dead letter handler is called.
    fn dead_letter(&self, letter: &DeadLetter) {}

    /// A pool was resized through the `EventPool` or an [`ObservedPool`].
    fn pool_resized(&self, resized: &PoolResized<'_>) {}

    /// A listener was subscribed. Other threads may already have called or removed it.
    fn subscription_added(&self, added: &SubscriptionAdded<'_>) {}

    /// A listener was removed: by the program, after its last run, or by the end of the `EventPool`.
    fn subscription_removed(&self, removed: &SubscriptionRemoved<'_>) {}

    /// A pattern has gathered many listeners. Called once for a pattern, on the thread that subscribed one too many.
    fn many_listeners(&self, many: &ManyListeners<'_>) {}

    /// An outbox has committed an event, or has found that it was stored before. Called on the emitting thread, before ordinary listeners
    /// are. Not called for an event of a transaction of the program, nor if the future of an async emit was dropped.
    fn event_stored(&self, stored: &EventStored<'_>) {}

    /// A delivery to a durable listener has ended. Called on the thread that delivers the events of the outbox, before the outcome is
    /// committed: after a crash the same event may be delivered again.
    fn delivery_ended(&self, ended: &DeliveryEnded<'_>) {}

    /// The store of an outbox cannot be written or read from now on. Called once for each time that it starts to fail, on the thread that
    /// delivers the events of the outbox.
    fn store_failed(&self, failed: &StoreFailed<'_>) {}
}

/// A list of observers. Cheap to clone: clones share the list.
///
/// ```
/// use soiree_core::{Interest, Observer, Observers, PoolResized};
/// use std::sync::Arc;
///
/// struct Print;
///
/// impl Observer for Print {
///     fn interest(&self) -> Interest {
///         Interest::RARE
///     }
///
///     fn pool_resized(&self, resized: &PoolResized<'_>) {
///         println!("{} has {} workers", resized.pool, resized.to);
///     }
/// }
///
/// let mut observers = Observers::none();
/// observers.add(Arc::new(Print));
/// observers.resized("mail", 2, 4);
/// assert_eq!(observers.len(), 1);
/// ```
#[derive(Clone)]
pub struct Observers {
    all: Option<Arc<[InterestedObserver]>>,
    /// The interests of all of them.
    interest: Interest,
}

#[derive(Clone)]
struct InterestedObserver {
    interest: Interest,
    observer: Contained<Arc<dyn Observer>>,
}

impl Observers {
    /// An empty list.
    pub const fn none() -> Self {
        Self {
            all: None,
            interest: Interest::RARE,
        }
    }

    /// Adds an observer, which is notified after the others, of what it is [interested](Observer::interest) in. Clones of the list do
    /// not get it.
    pub fn add(&mut self, observer: Arc<dyn Observer>) {
        let observer = Contained::new(observer);
        let interest = caught(|| observer.interest()).unwrap_or(Interest::ALL);
        self.extend(&[InterestedObserver { interest, observer }]);
    }

    /// Adds the observers of another list. Calls no code of theirs.
    pub fn append(&mut self, others: &Self) {
        self.extend(others.each());
    }

    fn extend(&mut self, added: &[InterestedObserver]) {
        let all: Arc<[_]> = self.each().iter().chain(added).cloned().collect();
        let interests = all.iter().map(|one| one.interest);
        self.interest = interests.fold(Interest::RARE, Interest::bitor);
        self.all = (!all.is_empty()).then_some(all);
    }

    #[inline]
    fn each(&self) -> &[InterestedObserver] {
        self.all.as_deref().unwrap_or_default()
    }

    /// The number of observers.
    pub fn len(&self) -> usize {
        self.each().len()
    }

    /// Whether there are no observers.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all.is_none()
    }

    /// Whether any observer is interested in any of this, besides what happens rarely.
    #[inline]
    pub fn want(&self, any: Interest) -> bool {
        self.interest.intersects(any)
    }

    /// Notifies all observers that a pool was resized. For code that resizes pools on behalf of others.
    pub fn resized(&self, pool: &str, from: usize, to: usize) {
        let resized = PoolResized { pool, from, to };
        self.notify(|observer| observer.pool_resized(&resized));
    }

    /// Calls `notify` with each observer, in the order in which they were added. A panic is caught and dropped, and the next
    /// observer is notified.
    #[inline]
    pub fn notify(&self, notify: impl Fn(&dyn Observer)) {
        for one in self.each() {
            contained(|| notify(&**one.observer));
        }
    }

    /// As [`notify`](Self::notify), but only observers that are interested in any of this.
    #[inline]
    pub fn notify_of(&self, any: Interest, notify: impl Fn(&dyn Observer)) {
        for one in self.each() {
            if one.interest.intersects(any) {
                contained(|| notify(&**one.observer));
            }
        }
    }
}

impl Default for Observers {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.len()).finish()
    }
}
