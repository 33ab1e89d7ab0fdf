//! Telling of what happens, to whoever wants to know.

pub mod clock;
mod events;
mod forward;
mod job;
mod pool;

use std::fmt;
use std::sync::Arc;

pub use self::events::{
    DeadEvent, EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, JobEnd,
    JobEnded, JobOffered, JobRejected, JobStarted, ListenerEnd, ListenerEnded, ListenerRef,
    ListenerStarted, OrderRejection, PoolResized, Rejection, RemovalCause, RetryScheduled,
    SlowListener, SubscriptionAdded, SubscriptionRemoved,
};
pub use self::job::{NotifyContext, reclaim};
pub use self::pool::ObservedPool;
use crate::listener::ListenerPanic;
use crate::panic::contained;
use crate::retry::DeadLetter;

/// Is told of what happens in an `EventPool`, as it happens. For metrics, logs and tests.
///
/// Every method does nothing unless it is overridden. They are called on the threads that do the work, which they hold up, so
/// they should be quick. No lock is held meanwhile: they may call anything that a listener may. What an observer emits is
/// observed as well, so one that emits should look at the topic first. One that *waits* for an emission holds up what it is
/// told of, and on the thread that retries wait with it waits for ever if that emission is to be retried. If one panics, that is
/// dropped, and harms nothing.
///
/// Without observers nothing is timed.
///
/// # In which order
/// - An emission that [begins](Observer::emission_started) ends once, [refused](Observer::emission_rejected) by its pool or
///   [ended](Observer::emission_ended), and whatever is told of it comes in between, except that its job has ended, and that a
///   listener panicked after its time had run out. That it was [accepted](Observer::emission_accepted) may be told after its
///   end, since others run it meanwhile.
/// - In the same way a job that is [offered](Observer::job_offered) is [refused](Observer::job_rejected) or
///   [ends](Observer::job_ended); if it runs, it [starts](Observer::job_started) before.
/// - Different emissions, jobs and listeners are told of side by side, by several threads.
///
/// ```
/// use soiree_core::{ListenerEnd, ListenerEnded, Observer};
///
/// struct Failures;
///
/// impl Observer for Failures {
///     fn listener_ended(&self, ended: &ListenerEnded<'_>) {
///         if let ListenerEnd::Failed(error) | ListenerEnd::Panicked(error) = ended.outcome {
///             eprintln!("{error}, after {:?}", ended.run_time);
///         }
///     }
/// }
/// ```
#[expect(unused_variables, reason = "the names are for those who implement it")]
pub trait Observer: Send + Sync {
    /// The topic is valid and the `EventPool` open: the event goes to its pool next. On the thread that emits.
    fn emission_started(&self, begun: &EmissionStarted<'_>) {}

    /// An emission was accepted: its pool has taken it, or its listeners are called on the thread that emits next. On that
    /// thread, before `emit` returns, though the emission may have ended by then.
    fn emission_accepted(&self, accepted: &EmissionAccepted<'_>) {}

    /// An emission was not accepted. On the thread that emits.
    fn emission_rejected(&self, refused: &EmissionRejected<'_>) {}

    /// An emission has ended, with its last listener or unrun. Whoever waits for it is woken after this.
    fn emission_ended(&self, ended: &EmissionEnded<'_>) {}

    /// A job is handed to a pool next. On the thread that submits it.
    ///
    /// Each emission is a job, unless it is on the thread that emits, and so is each call on a listener's own pool, and each
    /// retry. Jobs that others hand to the same pool are not told of, unless it is an [`ObservedPool`].
    fn job_offered(&self, offered: &JobOffered<'_>) {}

    /// A pool did not take a job. On the thread that submits it.
    fn job_rejected(&self, refused: &JobRejected<'_>) {}

    /// A job runs next. On the thread that runs it.
    fn job_started(&self, started: &JobStarted<'_>) {}

    /// A job has run, or was dropped unrun. On the thread that did so.
    fn job_ended(&self, ended: &JobEnded<'_>) {}

    /// A listener is called next. On the thread that calls it.
    fn listener_started(&self, started: &ListenerStarted<'_>) {}

    /// What came of a listener's turn. Before the panic handler and the error handler are called.
    ///
    /// A listener that is skipped, since the event is aborted or its filter says no, has no turn. One that its own pool refused
    /// or dropped has not started.
    fn listener_ended(&self, ended: &ListenerEnded<'_>) {}

    /// A listener panicked, or its filter did. After [`listener_ended`](Observer::listener_ended).
    fn listener_panicked(&self, panic: &ListenerPanic<'_>) {}

    /// A listener has run for longer than it should: told once while it runs, and once more when it has ended. The first time by
    /// the timer of the [`SlowListenerMonitor`](crate::SlowListenerMonitor).
    fn listener_slow(&self, slow: &SlowListener<'_>) {}

    /// A listener failed and will be called again.
    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {}

    /// No listener was called for an event, and it was not aborted.
    fn dead_event(&self, dead: &DeadEvent<'_>) {}

    /// A listener with retries has given an event up. Told as to the
    /// [handler of dead letters](crate::Handlers::dead_letter).
    fn dead_letter(&self, letter: &DeadLetter) {}

    /// A pool was resized through the `EventPool` or an [`ObservedPool`].
    fn pool_resized(&self, resized: &PoolResized<'_>) {}

    /// A listener was subscribed. It may have been called, or taken off by another thread, already.
    fn subscription_added(&self, added: &SubscriptionAdded<'_>) {}

    /// A listener was taken off: by somebody, after its last run, or by the end of the `EventPool`.
    fn subscription_removed(&self, removed: &SubscriptionRemoved<'_>) {}
}

/// Those who observe, each of whom is told of everything. Cheap to clone.
#[derive(Clone, Default)]
pub struct Observers(Option<Arc<[Arc<dyn Observer>]>>);

impl Observers {
    /// Nobody.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Adds one, who is told after the others.
    pub fn add(&mut self, observer: Arc<dyn Observer>) {
        let others = self.0.iter().flat_map(|all| all.iter()).cloned();
        self.0 = Some(others.chain([observer]).collect());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |all| all.len())
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Tells that a pool was resized. For those who resize pools on behalf of others.
    pub fn resized(&self, pool: &str, from: usize, to: usize) {
        let resized = PoolResized { pool, from, to };
        self.notify(|observer| observer.pool_resized(&resized));
    }

    /// Calls `notify` with each of them, in the order in which they were added. A panic of one harms no other.
    #[inline]
    pub fn notify(&self, notify: impl Fn(&dyn Observer)) {
        if let Some(all) = &self.0 {
            notify_all(all, &notify);
        }
    }
}

#[cold]
fn notify_all(observers: &[Arc<dyn Observer>], notify: &dyn Fn(&dyn Observer)) {
    for observer in observers {
        contained(|| notify(&**observer));
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.len()).finish()
    }
}
