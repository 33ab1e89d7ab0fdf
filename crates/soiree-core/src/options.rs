//! How a listener is to be called.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::error::SubscribeError;
use crate::event::Event;
use crate::priority::Priority;
use crate::retry::Retry;

/// Decides which events a listener is called for.
pub type Filter = Arc<dyn Fn(&dyn Event) -> bool + Send + Sync>;

/// How a listener is to be called. A [`Priority`] alone will do where these are asked for.
///
/// ```
/// use soiree_core::{ListenerOptions, Priority};
/// let audit = ListenerOptions::new()
///     .priority(Priority::Highest)
///     .filter(|event| event.topic().starts_with("invoice."))
///     .max_runs(3)
///     .name("audit");
/// ```
#[derive(Clone, Default)]
pub struct ListenerOptions {
    pub(crate) priority: Priority,
    pub(crate) max_runs: Option<u64>,
    pub(crate) filter: Option<Filter>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) pool: Option<Arc<str>>,
    pub(crate) retry: Option<Retry>,
    pub(crate) slow_after: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) registered_at: Option<&'static Location<'static>>,
}

impl ListenerOptions {
    /// Normal priority, as often as events come, unfiltered, unnamed.
    pub fn new() -> Self {
        Self::default()
    }

    /// When it is called among the listeners of an emission.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// It is called once and then taken off; exact, however many threads emit. Failing counts as having been called.
    #[must_use]
    pub fn once(self) -> Self {
        self.max_runs(1)
    }

    /// It is called so many times and then taken off; exact, however many threads emit.
    ///
    /// With 0 it is refused when it is subscribed.
    #[must_use]
    pub fn max_runs(mut self, runs: u64) -> Self {
        self.max_runs = Some(runs);
        self
    }

    /// It is called only for events for which this says `true`. Runs at the listener's turn, so it sees what earlier
    /// listeners changed. A filter that panics counts as a panic of the listener.
    ///
    /// An event that it turns down is none of the listener's [`max_runs`](ListenerOptions::max_runs); before further attempts of a
    /// [`retry`](ListenerOptions::retry) it is not asked again.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&dyn Event) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Runs the listener on the bulkhead of this name, or on the default pool if the name is `default`, wherever the emission
    /// runs.
    ///
    /// It is started there in its turn, and the listeners after it do not wait for it; the emission does. Should that pool
    /// refuse it, it is not called, and the report says so: the emission's own pool never waits. If the bulkhead is gone, or
    /// the emission runs there already, the listener runs like any other.
    ///
    /// The [`priority`](ListenerOptions::priority) says when it is started there; what it waits for in that pool's queue is that
    /// pool's affair. Filter and runs are looked at as it begins.
    ///
    /// With `emit_sync` it gets a copy of the event: what it sets there the other listeners do not see, except an abort.
    #[must_use]
    pub fn pool(mut self, bulkhead: impl Into<Arc<str>>) -> Self {
        self.pool = Some(bulkhead.into());
        self
    }

    /// Calls the listener again when it fails, without holding a worker in between. Other listeners do not wait for that; the
    /// emission does. Its runs count as one, for `once` as well, and an abort does not end them.
    ///
    /// Each error goes to the error handler; if that swallows it, there is no further attempt. The error of the last attempt
    /// goes into the report, and the event to the dead letter handler, as it does when so many retries wait already that
    /// another one cannot. If the first attempt fails when the last handle of the `EventPool` is gone, it was the last.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// For how long it may run before it is told of as slow, to the slow listener handler and to observers, whatever holds for
    /// the others. It is not interrupted. `Duration::MAX` for one that may take as long as it likes.
    #[must_use]
    pub fn slow_after(mut self, threshold: Duration) -> Self {
        self.slow_after = Some(threshold);
        self
    }

    /// The emission waits for the listener no longer than this. Its time runs from when it is called, so not while it is queued, nor
    /// while its filter runs. Then the listeners after it are called; the report counts it as `timed_out` and has an error that
    /// names it.
    ///
    /// **The listener is not ended**, as no thread can be: it runs on and holds its worker until it returns. What it sets in the event
    /// until then, an abort as well, those see that have not been called. What it returns is dropped, but an error or a panic still
    /// goes to the error handler, whose answer no longer matters.
    ///
    /// - *The listeners after it* are called in order as ever, by another worker of the pool as soon as one is free, or by this one if
    ///   it returns before that. If the pool stops, they are not called, and the report says so. If the last handle of the
    ///   `EventPool` was gone before it was called, they wait for it to return.
    /// - *With [`pool`](ListenerOptions::pool)* nobody is called after it; the emission may end.
    /// - *With [`retry`](ListenerOptions::retry)* each attempt has this much time, and one that runs out has failed. Attempts for the
    ///   same event never overlap: one that is due waits for the one before to return, and if that takes as long as it may take itself,
    ///   it has failed too. So an event holds one worker at most.
    /// - *With `emit_sync`* the listener is on the thread that emits, which can only go on when it returns. That it took too long is
    ///   said then.
    /// - *A close* need not wait for it, but the release of a pool that was handed over does, until the deadline if it has one. The
    ///   error handler may be called after the close, then.
    ///
    /// The error handler and the handler of dead letters are called on the thread that watches the time, and hold up other timeouts
    /// and retries; so they should be quick. What they emit is refused where it would wait for a place, and a wait for an emission
    /// returns an [`unfinished`](crate::Report::unfinished) report there at once.
    ///
    /// With a time of zero it is refused when it is subscribed; one that is longer than the clock can tell never runs out.
    ///
    /// ```
    /// use soiree_core::ListenerOptions;
    /// use std::time::Duration;
    /// let slow = ListenerOptions::new().timeout(Duration::from_secs(30)).name("webhook");
    /// ```
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// A name for errors and figures. Several listeners may have the same.
    ///
    /// One that is empty, blank or has control characters is refused when it is subscribed.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where the listener counts as registered, for errors and figures. The first to say so holds.
    ///
    /// `on`, `on_with` and their like say it themselves, of their caller. A wrapper of one's own that is `#[track_caller]`
    /// passes its caller on to them; one that cannot be (an `async fn`, a closure), or that calls
    /// [`Soiree::subscribe`](crate::Soiree::subscribe), says it here.
    ///
    /// ```
    /// use soiree_core::{Event, ListenerId, ListenerOptions, SubscribeError};
    /// use soiree_engine::Soiree;
    /// use std::{panic::Location, sync::Arc};
    ///
    /// #[track_caller]
    /// fn log_all(soiree: &dyn Soiree) -> Result<ListenerId, SubscribeError> {
    ///     let options = ListenerOptions::new().registered_at(Location::caller());
    ///     let print = |event: &dyn Event| println!("{}", event.topic());
    ///     soiree.subscribe("**", options, Arc::new(print))
    /// }
    /// ```
    #[must_use]
    pub fn registered_at(mut self, place: &'static Location<'static>) -> Self {
        self.registered_at.get_or_insert(place);
        self
    }
}

impl ListenerOptions {
    /// Refuses what makes no sense, alone or together.
    pub(crate) fn check(&self, is_async: bool) -> Result<(), SubscribeError> {
        if let Some(name) = self.name.as_ref().filter(|name| !is_printable(name)) {
            let name = name.as_ref().into();
            return Err(SubscribeError::InvalidName { name });
        }
        if self.max_runs == Some(0) {
            return Err(SubscribeError::ZeroRuns);
        }
        match self.timeout {
            Some(limit) if limit.is_zero() => return Err(SubscribeError::ZeroTimeout),
            Some(limit) if is_async => return Err(SubscribeError::AsyncTimeout { limit }),
            _ => {}
        }
        self.retry.as_ref().map_or(Ok(()), Retry::check)
    }
}

/// Whether it can be shown as a name.
pub fn is_printable(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains(char::is_control)
}

impl From<Priority> for ListenerOptions {
    fn from(priority: Priority) -> Self {
        Self::new().priority(priority)
    }
}

impl fmt::Debug for ListenerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerOptions")
            .field("priority", &self.priority)
            .field("max_runs", &self.max_runs)
            .field("filter", &self.filter.is_some())
            .field("name", &self.name)
            .field("pool", &self.pool)
            .field("retry", &self.retry)
            .field("slow_after", &self.slow_after)
            .field("timeout", &self.timeout)
            .field("registered_at", &self.registered_at)
            .finish()
    }
}
