//! The options of a listener.

mod check;
mod durable;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::concurrency::MaxConcurrent;
use crate::event::Event;
use crate::key_order::KeyOrder;
use crate::ordering_key::OrderingKey;
use crate::panic::Contained;
use crate::priority::Priority;
use crate::retry::Retry;

pub use self::check::is_printable;

/// A predicate on events. See [`ListenerOptions::filter`].
pub type Filter = Arc<dyn Fn(&dyn Event) -> bool + Send + Sync>;

/// What happens with a listener that has a pool of its own if that pool is full. See [`ListenerOptions::when_full`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WhenPoolFull {
    /// The listener is not called. Its error says so, as does the report.
    #[default]
    Reject,
    /// The call waits for a place, and holds no worker meanwhile.
    Wait,
    /// An emit is accepted only if a place is reserved for the call. Otherwise it is rejected, and no listener is called.
    Required,
}

/// When, where and how often a listener is called.
///
/// Invalid options are an error when the listener is subscribed, not before. A [`Priority`] converts to options.
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
    pub(crate) filter: Option<Contained<Filter>>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) pool: Option<Arc<str>>,
    pub(crate) when_full: WhenPoolFull,
    pub(crate) max_concurrent: Option<MaxConcurrent>,
    pub(crate) ordered: Option<KeyOrder>,
    pub(crate) retry: Option<Retry>,
    pub(crate) slow_after: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) durable: Option<Arc<str>>,
    pub(crate) registered_at: Option<&'static Location<'static>>,
}

impl ListenerOptions {
    /// The defaults: normal priority, no filter, no limits, no retry, no name. Runs where the emission runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets when the listener is called, relative to the other listeners of an emission.
    #[doc(alias = "WithPriority")]
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Calls the listener once, then removes it. Short for [`max_runs(1)`](ListenerOptions::max_runs).
    #[must_use]
    pub fn once(self) -> Self {
        self.max_runs(1)
    }

    /// Calls the listener `runs` times, then removes it.
    ///
    /// - The count is exact, however many threads emit.
    /// - A call that fails counts. Its retries do not count again.
    /// - Zero is an error when the listener is subscribed.
    #[must_use]
    pub fn max_runs(mut self, runs: u64) -> Self {
        self.max_runs = Some(runs);
        self
    }

    /// Calls the listener only for events for which `filter` returns `true`.
    ///
    /// - The filter runs just before the listener would be called, so it sees what earlier listeners changed.
    /// - An event that the filter rejects does not count as a [run](ListenerOptions::max_runs).
    /// - The filter is not called again before a [retry](ListenerOptions::retry).
    /// - A filter that panics counts as a panic of the listener.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&dyn Event) -> bool + Send + Sync + 'static) -> Self {
        let filter: Filter = Arc::new(filter);
        self.filter = Some(filter.into());
        self
    }

    /// Runs the listener on the bulkhead with this name, wherever the emission runs. `default` means the default pool.
    ///
    /// - The listener is submitted to that pool in calling order. Later listeners do not wait for it; the emission does.
    /// - The [priority](ListenerOptions::priority) decides when the listener is submitted. It then waits in the queue of that
    ///   pool like any other job.
    /// - The filter and the run limit are checked when the listener starts on that pool.
    /// - If that pool is full, the listener is not called, and the report says so, unless [`when_full`](ListenerOptions::when_full)
    ///   lets it wait. The pool of the emission never blocks.
    /// - If the emission already runs on that pool, or the bulkhead was removed, the listener runs like any other.
    /// - With `emit_sync`, the listener gets a copy of the event. Other listeners do not see what it sets, except an abort.
    #[must_use]
    pub fn pool(mut self, bulkhead: impl Into<Arc<str>>) -> Self {
        self.pool = Some(bulkhead.into());
        self
    }

    /// Sets what happens if the listener's own [pool](ListenerOptions::pool) is full. [`Reject`](WhenPoolFull::Reject) by default.
    ///
    /// With [`Wait`](WhenPoolFull::Wait), the call waits for a place in that pool. It gets one in the order in which calls and blocked
    /// emitters began to wait. Meanwhile it holds no worker, and the emission has not ended. As many calls may wait as the waiting
    /// capacity of the `EventPool` allows; beyond that, they are rejected. So a slow pool delays its own listeners only.
    ///
    /// With [`Required`](WhenPoolFull::Required), an emit reserves a place in that pool for each such listener of its topic. If one is
    /// full, or no worker of it can be started, the emit is rejected before any listener is called. The error returns the payload, and
    /// names that pool. In detail:
    ///
    /// - The place is kept until the listener is submitted to its pool, or will not be: if the event was aborted, or the listener
    ///   was removed. Meanwhile one job fewer may wait in that pool, even if the filter then rejects the event.
    /// - Only the first attempt has a place. A [retry](ListenerOptions::retry) waits for one.
    /// - A listener that is subscribed after the emit and before the emission starts has no place. Its call waits, as with `Wait`.
    /// - No place is reserved where the listener runs like any other: on the pool of the emission, or if the bulkhead was removed.
    ///   Without its bulkhead, an async listener cannot run, and the emit is rejected.
    /// - A pool that [drops its oldest jobs](crate::Overflow::DropOldest) may drop the call later, and the report says so.
    /// - It is an error to subscribe such a listener on a pool that [reserves no places](crate::Pool::reserves_places).
    ///
    /// Changes nothing for a listener without a pool of its own.
    ///
    /// ```
    /// use soiree_core::{ListenerOptions, WhenPoolFull};
    /// let forward = ListenerOptions::new().pool("webhooks").when_full(WhenPoolFull::Wait);
    /// let charge = ListenerOptions::new().pool("payments").when_full(WhenPoolFull::Required);
    /// ```
    #[must_use]
    pub fn when_full(mut self, when_full: WhenPoolFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Limits how many calls of the listener run at once, over all emissions and whatever pools they run on.
    ///
    /// A call that finds the limit reached waits for its turn, and holds no worker meanwhile:
    ///
    /// - Turns come in the order in which the emissions reached the listener. So with 1, the calls come in that order, one at a time.
    /// - The emission goes on with its later listeners, and ends when the call has ended. The call runs as a job of the listener's
    ///   [pool](ListenerOptions::pool), or else of the emission's. It waits for a place there, whatever
    ///   [`when_full`](ListenerOptions::when_full) says.
    /// - The filter, the run limit and an abort are checked when the turn has come.
    /// - As many calls may wait as the waiting capacity of the `EventPool` allows. Beyond that the listener is not called, and the
    ///   report [says so](crate::NotCalled::TooManyWait).
    /// - A call has its turn until it has returned and its error was handled. A [retry](ListenerOptions::retry) waits for another turn.
    ///   After a [timeout](ListenerOptions::timeout) the call has its turn until it really returns.
    /// - With `emit_sync`, the calling thread waits for the call. Inside a call of the same listener it would wait for itself: the
    ///   listener is not called then, and the report [says so](crate::NotCalled::InsideItself). To wait there for an emission whose
    ///   call waits returns an unfinished report (`Report::is_unfinished`) at once.
    /// - Two listeners on different threads that wait for each other's calls wait forever.
    /// - When the listener is removed, calls that wait are still made. A close that misses its deadline gives them up, and the reports
    ///   say so.
    ///
    /// Zero is an error when the listener is subscribed.
    ///
    /// ```
    /// use soiree_core::ListenerOptions;
    /// let webhook = ListenerOptions::new().max_concurrent(4).name("webhook");
    /// ```
    #[must_use]
    pub fn max_concurrent(mut self, calls: usize) -> Self {
        self.max_concurrent = Some(MaxConcurrent::new(calls));
        self
    }

    /// As [`max_concurrent`](ListenerOptions::max_concurrent), for each key: calls for events of one key wait for each other only.
    ///
    /// - `key` returns the key of an event, as [`OrderingKey`] says; with `None` the call is not limited.
    /// - It is called when an emission reaches the listener, and once more before each retry. If it panics, that counts as a panic of
    ///   the listener, and there is no retry.
    /// - A key without calls takes no memory.
    ///
    /// Replaces a limit that was set before.
    ///
    /// ```
    /// use soiree_core::ListenerOptions;
    ///
    /// struct Order {
    ///     tenant: u64,
    /// }
    ///
    /// let fair = ListenerOptions::new()
    ///     .max_concurrent_by(4, |event| event.payload_as::<Order>().map(|order| order.tenant));
    /// ```
    #[must_use]
    pub fn max_concurrent_by<K: Into<OrderingKey>>(
        mut self,
        calls: usize,
        key: impl Fn(&dyn Event) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        self.max_concurrent = Some(MaxConcurrent::by(calls, key));
        self
    }

    /// Calls this listener alone for the events of one key one at a time, in the order of their emits. Events of different keys are
    /// handled in parallel, and no other listener waits: a slow one that is ordered holds nobody up.
    ///
    /// - The order is taken in the `emit`, before it returns, and in `emit_sync` before its first listener is called. So if one emit
    ///   returned before another one of its key was called, its call comes first, whatever pools they run on.
    /// - A call that comes before its turn waits, as with [`max_concurrent(1)`](ListenerOptions::max_concurrent): it holds no worker, is
    ///   bounded by the waiting capacity of the `EventPool`, and the emission goes on with its later listeners.
    /// - A call waits for all [retries](ListenerOptions::retry) of the calls before it, unless the order has
    ///   [`overtaking_retries`](KeyOrder::overtaking_retries). A call that has timed out is waited for until it really returns.
    /// - An event keeps its place until its emission has reached the listener and the call has ended, or will not reach it: it was
    ///   rejected or discarded, aborted, or the listener was removed. So an emission that waits for a worker lets later events of its
    ///   key wait for it too. So does a slow listener before this one.
    /// - The key function is called once in each emit, on the emitting thread, under no lock. If it panics, that counts as a panic of the
    ///   listener.
    /// - Events take their place only when they reach the listener if they were emitted before it was subscribed, if they are triggered on
    ///   its pattern, or if an order of their pattern applies to them. That order keeps the events of one key in order anyway.
    ///
    /// An order with a [capacity](KeyOrder::capacity) or an [overflow policy](KeyOrder::overflow), or a limit of calls at once besides the
    /// order, is an error when the listener is subscribed.
    ///
    /// ```
    /// use soiree_core::{KeyOrder, ListenerOptions};
    ///
    /// struct Account {
    ///     id: u64,
    /// }
    ///
    /// let by_account = KeyOrder::by(|event| event.payload_as::<Account>().map(|account| account.id));
    /// let ledger = ListenerOptions::new().ordered(by_account);
    /// ```
    #[must_use]
    pub fn ordered(mut self, order: KeyOrder) -> Self {
        self.ordered = Some(order);
        self
    }

    /// Retries the listener when it fails.
    ///
    /// - Between attempts the listener holds no worker. Later listeners do not wait for a retry; the emission does.
    /// - All attempts count as one [run](ListenerOptions::max_runs). An abort does not stop them.
    /// - Some errors are not retried: those that are [permanent](crate::Permanent), or that the [predicate](Retry::when) turns down.
    /// - Every error goes to the error handler. If the handler drops the error, there is no further attempt.
    /// - The error of the last attempt goes into the report, and the event to the dead letter handler. The same happens after
    ///   an earlier attempt if the retry capacity of the `EventPool` is used up.
    /// - There is no further attempt once the listener is removed, other than by its last run. Its error and the event are then
    ///   treated as after the last attempt.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets how long the listener may run before it counts as slow, instead of the limit of the `EventPool`.
    ///
    /// The slow listener handler and observers are notified. The listener is not interrupted. `Duration::MAX` means no limit.
    #[must_use]
    pub fn slow_after(mut self, threshold: Duration) -> Self {
        self.slow_after = Some(threshold);
        self
    }

    /// Limits how long an emission waits for the listener.
    ///
    /// The time runs from the call of the listener. Neither waiting in a queue nor the filter counts. When the time is up, the
    /// next listeners are called. The report counts the listener as `timed_out`, and contains an error that names it.
    ///
    /// **The listener is not stopped**, as no thread can be, unless it is async. It keeps its worker until it returns. Until then:
    ///
    /// - What it sets in the event, such as an abort, is seen by listeners that are called later.
    /// - What it returns is lost. An error or a panic still goes to the error handler, whose result is ignored.
    ///
    /// In detail:
    ///
    /// - **Next listeners.** Another worker of the pool calls them in order, as soon as one is free, or this worker if it
    ///   returns first. If the pool stops before that, they are not called, and the report says so.
    /// - **With [`pool`](ListenerOptions::pool).** No listener waits for this one anyway. The emission may end.
    /// - **With [`retry`](ListenerOptions::retry).** Each attempt has this limit. One that exceeds it has failed. Attempts for the
    ///   same event never overlap: the next one waits until the one before returns. If it has to wait for longer than the limit,
    ///   it fails too. So an event holds one worker at most.
    /// - **With `emit_sync`.** The emitting thread runs the listener, and can go on only when it returns. The timeout is
    ///   reported then.
    /// - **On close.** The `EventPool` does not wait for the listener. Releasing a pool that it owns does, up to the deadline.
    ///   The error handler may be called after the close.
    ///
    /// After a timeout, the error handler and the dead letter handler run on the timer thread. Keep them short: they delay
    /// other timeouts and retries. On that thread, an emission that would block is rejected, and waiting for an emission
    /// returns an unfinished report (`Report::is_unfinished`) at once.
    ///
    /// An [async listener](crate::AsyncListener) *is* stopped: its future is dropped, and what it holds is released. The task that polls
    /// it does that, when it is polled next; so a runtime whose threads are blocked drops it late. The emission waits until then.
    /// The next attempt does not overlap it.
    ///
    /// A limit of zero is an error when the listener is subscribed. A limit that the clock cannot represent is never reached.
    ///
    /// ```
    /// use soiree_core::ListenerOptions;
    /// use std::time::Duration;
    /// let webhook = ListenerOptions::new().timeout(Duration::from_secs(30)).name("webhook");
    /// ```
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Names the listener in errors and metrics. Several listeners may have the same name.
    ///
    /// A name that is empty, blank or contains control characters is an error when the listener is subscribed.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the place in the source that subscribed the listener, for errors and metrics. Only the first call takes effect.
    ///
    /// `on`, `on_with` and similar methods set the place of their caller. Call this in a wrapper of your own that is not
    /// `#[track_caller]`, such as a closure or an `async fn`, or that calls `Soiree::subscribe`.
    ///
    /// ```
    /// use soiree_core::ListenerOptions;
    /// use std::panic::Location;
    ///
    /// /// Options that name the line that calls this function.
    /// #[track_caller]
    /// fn audit() -> ListenerOptions {
    ///     ListenerOptions::new().name("audit").registered_at(Location::caller())
    /// }
    ///
    /// let options = audit();
    /// assert!(format!("{options:?}").contains(&format!("line: {}", line!() - 1)));
    /// ```
    #[must_use]
    pub fn registered_at(mut self, place: &'static Location<'static>) -> Self {
        self.registered_at.get_or_insert(place);
        self
    }
}

impl From<Priority> for ListenerOptions {
    fn from(priority: Priority) -> Self {
        Self::new().priority(priority)
    }
}
