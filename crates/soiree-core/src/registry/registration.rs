//! One listener that is subscribed to one pattern.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::rare_options::RareOptions;
use crate::concurrency::MaxConcurrent;
use crate::error::SubscribeError;
use crate::inbox_info::InboxInfo;
use crate::introspection::ListenerInfo;
use crate::listener::{
    ASYNC_BULKHEAD, BoxError, ErrorContext, Listener, ListenerError, ListenerId, ListenerPanic,
    NotCalled,
};
use crate::observe::ListenerRef;
use crate::options::{Filter, ListenerOptions, WhenPoolFull};
use crate::panic::{Contained, PanicPayload, caught};
use crate::priority::Priority;
use crate::rejection::SubmitErrorReason;
use crate::retry::Retry;
use crate::topic::Pattern;

/// The low bits of a rank, which hold the sequence number. The priority is above them.
const SEQ_BITS: u32 = 56;

/// A listener that is subscribed to a pattern, and its options.
pub struct Registration {
    /// Sorts listeners in calling order: by priority, then by sequence number.
    pub(super) rank: u64,
    pub(super) pattern: Arc<str>,
    /// The pattern has no wildcard.
    pub(super) literal: bool,
    /// The listener has no filter, run limit, timeout, limit of calls at once or pool of its own, so it can be called without any check.
    pub plain: bool,
    requires_place: bool,
    pub(super) id: ListenerId,
    registered_at: Option<&'static Location<'static>>,
    /// The listener itself.
    pub listener: Contained<Arc<dyn Listener>>,
    /// `None` if none of these options is set, as for most listeners.
    rare_options: Option<Box<RareOptions>>,
}

/// Identifies one registration of a listener. Unlike the listener's ID, it is never used again. Does not keep the listener alive.
#[derive(Clone)]
pub struct RegistrationKey {
    pub(super) pattern: Arc<str>,
    pub(super) id: ListenerId,
    pub(super) registration: Weak<Registration>,
}

impl RegistrationKey {
    /// Whether it is a registration of this pattern and listener.
    pub fn is_of(&self, pattern: &Pattern, id: &ListenerId) -> bool {
        self.pattern == *pattern.text() && self.id == *id
    }

    /// Whether the listener is subscribed, or an emission may still call it.
    pub fn is_alive(&self) -> bool {
        self.registration.strong_count() > 0
    }

    /// The registration, unless the listener was removed and no emission calls it any more. Drop it under no lock: it may be the last
    /// handle of the listener.
    pub fn upgrade(&self) -> Option<Arc<Registration>> {
        self.registration.upgrade()
    }

    /// Whether it is this registration. Upgrades nothing, because the last handle of a listener must not be dropped under a lock.
    pub(super) fn is(&self, registration: &Arc<Registration>) -> bool {
        self.registration.as_ptr() == Arc::as_ptr(registration)
    }
}

/// Whether the caller may call a listener, which may have a limited number of runs.
pub enum Claim {
    /// Call the listener.
    Call,
    /// Call the listener. This is its last run.
    CallLast,
    /// Do not call the listener: it has no run left.
    Exhausted,
}

impl Registration {
    /// The place in the source that subscribed the listener, if known.
    pub(super) fn registered_at(&self) -> Option<&'static Location<'static>> {
        self.registered_at
    }

    /// Checks the options of a listener that is not subscribed yet. Pass it to [`Registry::register`](super::Registry::register).
    ///
    /// An async listener runs on the bulkhead `async` unless its options name another one.
    ///
    /// # Errors
    /// If the options are invalid.
    pub fn new(
        pattern: &Pattern,
        id: ListenerId,
        mut options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, SubscribeError> {
        let listener = Contained::new(listener);
        let is_async = listener.as_async().is_some();
        options.check()?;
        if is_async {
            options.pool.get_or_insert_with(|| ASYNC_BULKHEAD.into());
        }
        let (limit, order) = (options.max_concurrent.take(), options.ordered.take());
        options.max_concurrent = MaxConcurrent::of(limit, order)?;
        let requires_place = options.pool.is_some() && options.when_full == WhenPoolFull::Required;
        let (priority, registered_at) = (options.priority, options.registered_at);
        let rare_options = RareOptions::of(options);
        Ok(Self {
            plain: rare_options.as_deref().is_none_or(RareOptions::is_plain),
            requires_place,
            rank: (5 - priority as u64) << SEQ_BITS,
            pattern: Arc::clone(pattern.text()),
            literal: pattern.is_literal(),
            id,
            registered_at,
            listener,
            rare_options,
        })
    }

    /// Sets the sequence number, which puts the listener after those of its priority with lower numbers.
    pub(super) fn registered(mut self, seq: u64) -> Arc<Self> {
        self.rank |= seq;
        Arc::new(self)
    }

    pub(super) fn key(self: &Arc<Self>) -> RegistrationKey {
        RegistrationKey {
            pattern: Arc::clone(&self.pattern),
            id: self.id.clone(),
            registration: Arc::downgrade(self),
        }
    }

    /// Whether the program has unsubscribed the listener, so that it gets no further attempt. Always `false` without a retry.
    pub fn is_removed(&self) -> bool {
        let rare = self.rare_options.as_ref();
        rare.is_some_and(|rare| rare.removed.load(Ordering::Acquire))
    }

    pub(super) fn set_removed(&self) {
        if let Some(rare) = &self.rare_options {
            rare.removed.store(true, Ordering::Release);
        }
    }

    /// Whether it is [`plain`](Self::plain), but that it may have a filter and a timeout.
    pub(super) fn is_plain_but_for_checks(&self) -> bool {
        let rare = self.rare_options.as_deref();
        rare.is_none_or(RareOptions::is_plain_but_for_checks)
    }

    /// Whether it has a filter or a timeout.
    pub(super) fn has_checks(&self) -> bool {
        let rare = self.rare_options.as_deref();
        rare.is_some_and(RareOptions::has_checks)
    }

    /// The filter, which decides for which events the listener is called.
    pub fn filter(&self) -> Option<&Filter> {
        self.rare_options.as_ref()?.filter.as_deref()
    }

    /// What happens if that bulkhead is full.
    pub fn when_full(&self) -> WhenPoolFull {
        let rare = self.rare_options.as_ref();
        rare.map_or_else(WhenPoolFull::default, |rare| rare.when_full)
    }

    /// Whether an emit needs a place in that bulkhead for the listener.
    pub fn requires_place(&self) -> bool {
        self.requires_place
    }

    /// Sorts the listeners of a registry in calling order. No other listener of it has, or will have, the same one.
    pub fn rank(&self) -> u64 {
        self.rank
    }

    /// The bulkhead that the listener runs on, if its options name one.
    pub fn pool(&self) -> Option<&Arc<str>> {
        self.rare_options.as_ref()?.pool.as_ref()
    }

    /// How many of its calls may run at once, if that is limited.
    pub fn max_concurrent(&self) -> Option<&MaxConcurrent> {
        self.rare_options.as_ref()?.max_concurrent.as_ref()
    }

    /// How the listener is retried when it fails.
    pub fn retry(&self) -> Option<&Retry> {
        self.rare_options.as_ref()?.retry.as_ref()
    }

    /// How long the listener may run before it counts as slow, if its options say so.
    pub fn slow_after(&self) -> Option<Duration> {
        self.rare_options.as_ref()?.slow_after
    }

    /// How long an emission waits for the listener.
    pub fn timeout(&self) -> Option<Duration> {
        self.rare_options.as_ref()?.timeout
    }

    /// The name of the listener in the store, if it is [durable](ListenerOptions::durable).
    pub fn durable_name(&self) -> Option<&Arc<str>> {
        self.rare_options.as_ref()?.durable.as_ref()
    }

    fn name(&self) -> Option<&Arc<str>> {
        self.rare_options.as_ref()?.name.as_ref()
    }

    fn runs_left(&self) -> Option<&AtomicU64> {
        self.rare_options.as_ref()?.runs_left.as_ref()
    }

    /// Whether the listener is an [async listener](crate::AsyncListener).
    pub fn is_async(&self) -> bool {
        self.listener.as_async().is_some()
    }

    /// Takes one run, if the number of runs is limited. Call it once before each call of the listener, retries excepted.
    pub fn claim(&self) -> Claim {
        let Some(runs_left) = self.runs_left() else {
            return Claim::Call;
        };
        let taken =
            runs_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
        match taken {
            Err(_) => Claim::Exhausted,
            Ok(1) => Claim::CallLast,
            Ok(_) => Claim::Call,
        }
    }

    pub(super) fn has_runs_left(&self) -> bool {
        self.runs_left()
            .is_none_or(|runs_left| runs_left.load(Ordering::Acquire) > 0)
    }

    pub(super) fn has_id(&self, pattern: &Pattern, id: &ListenerId) -> bool {
        self.pattern == *pattern.text() && self.id == *id
    }

    fn priority(&self) -> Priority {
        const PRIORITIES: [Priority; 5] = [
            Priority::Highest,
            Priority::High,
            Priority::Normal,
            Priority::Low,
            Priority::Lowest,
        ];
        PRIORITIES[(self.rank >> SEQ_BITS) as usize]
    }

    pub(super) fn info(&self) -> ListenerInfo {
        ListenerInfo {
            pattern: Pattern::from_valid(&self.pattern, self.literal),
            priority: self.priority(),
            registration: self.rank & ((1 << SEQ_BITS) - 1),
            id: self.id.clone(),
            name: self.name().cloned(),
            registered_at: self.registered_at,
            pool: self.pool().cloned(),
            runs_left: self.runs_left().map(|n| n.load(Ordering::Acquire)),
            retry: self.retry().map(Retry::without_predicate),
            timeout: self.timeout(),
            max_concurrent: self.max_concurrent().map(MaxConcurrent::calls),
            slow_after: self.slow_after(),
            has_filter: self.filter().is_some(),
            is_async: self.is_async(),
            durable: self.durable_name().cloned(),
            inbox: self.inbox(),
        }
    }

    /// The figures of the inbox that the listener fills, if it fills one.
    pub(super) fn inbox(&self) -> Option<InboxInfo> {
        caught(|| self.listener.inbox()).ok().flatten()
    }

    /// The listener as observers see it.
    pub fn listener_ref(&self) -> ListenerRef<'_> {
        ListenerRef {
            pattern: &self.pattern,
            id: &self.id,
            name: self.name().map(|name| &**name),
            priority: self.priority(),
            pool: self.pool().map(|pool| &**pool),
            registered_at: self.registered_at,
        }
    }

    /// The error of a listener that returned `error` for an event on this topic.
    pub fn failed(&self, topic: &str, error: BoxError) -> ListenerError {
        ListenerError::failed(self.error_context(topic), error)
    }

    /// The error of a listener that panicked.
    pub fn panicked(&self, topic: &str, payload: &PanicPayload) -> ListenerError {
        ListenerError::panicked(self.error_context(topic), payload.message())
    }

    /// The panic of a listener, for the panic handler.
    pub fn panic<'a>(&'a self, topic: &'a str, payload: &'a PanicPayload) -> ListenerPanic<'a> {
        ListenerPanic {
            topic,
            listener: &self.id,
            pattern: &self.pattern,
            name: self.name().map(|name| &**name),
            registered_at: self.registered_at,
            message: payload.message(),
            payload: payload.get(),
        }
    }

    /// The error of a listener that has run for longer than its timeout.
    pub fn timed_out(&self, topic: &str, limit: Duration) -> ListenerError {
        ListenerError::timed_out(self.error_context(topic), limit)
    }

    /// The error of a listener that its pool rejected.
    pub fn rejected(&self, topic: &str, pool: &str, reason: SubmitErrorReason) -> ListenerError {
        ListenerError::rejected(self.error_context(topic), pool, reason)
    }

    /// The error of a listener that its pool dropped before it started.
    pub fn discarded(&self, topic: &str) -> ListenerError {
        ListenerError::discarded(self.error_context(topic))
    }

    /// The error of a listener that has no turn among its calls.
    pub fn not_called(&self, topic: &str, why: NotCalled) -> ListenerError {
        ListenerError::not_called(self.error_context(topic), why)
    }

    /// The error of an async listener that was dropped before it ended.
    pub fn cancelled(&self, topic: &str) -> ListenerError {
        ListenerError::cancelled(self.error_context(topic))
    }

    fn error_context<'a>(&'a self, topic: &'a str) -> ErrorContext<'a> {
        ErrorContext {
            topic,
            listener: &self.id,
            pattern: &self.pattern,
            name: self.name(),
            registered_at: self.registered_at,
        }
    }
}

impl PartialEq for RegistrationKey {
    fn eq(&self, other: &Self) -> bool {
        self.registration.ptr_eq(&other.registration)
    }
}

impl Eq for RegistrationKey {}

impl fmt::Debug for RegistrationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationKey")
            .field("pattern", &self.pattern)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
