//! One listener of one pattern.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::SubscribeError;
use crate::introspection::ListenerInfo;
use crate::listener::{
    ASYNC_BULKHEAD, BoxError, Listener, ListenerError, ListenerId, ListenerPanic, Place,
};
use crate::observe::ListenerRef;
use crate::options::{Filter, ListenerOptions};
use crate::panic::PanicPayload;
use crate::priority::Priority;
use crate::rejection::SubmitErrorReason;
use crate::retry::Retry;
use crate::topic::Pattern;

/// The bits of a rank that hold the order of registration; the priority lies above.
const SEQ_BITS: u32 = 56;

/// A subscribed listener and how it is to be called.
pub struct Registration {
    /// Orders the listeners of an emission: priority, then order of registration.
    pub(super) rank: u64,
    pub(super) pattern: Arc<str>,
    pub(super) literal: bool,
    /// It has no pool, filter or limit of runs, so that there is nothing to find out before it is called.
    pub plain: bool,
    pub(super) id: ListenerId,
    /// Where in the program's source it was registered, if whoever did so has said.
    registered_at: Option<&'static Location<'static>>,
    /// What is called.
    pub listener: Arc<dyn Listener>,
    options_set: Option<Box<Options>>,
}

/// What most listeners have nothing of.
struct Options {
    name: Option<Arc<str>>,
    filter: Option<Filter>,
    pool: Option<Arc<str>>,
    retry: Option<Retry>,
    slow_after: Option<Duration>,
    timeout: Option<Duration>,
    runs_left: Option<AtomicU64>,
}

/// Whether a listener may be called.
pub enum Claim {
    /// It may be called.
    Call,
    /// It may be called, for the last time.
    CallLast,
    /// All its runs are taken.
    Exhausted,
}

impl Registration {
    /// A listener that is not registered yet. An async listener runs on the bulkhead `async` unless its options name another.
    ///
    /// # Errors
    /// If the options are invalid.
    pub fn new(
        pattern: &Pattern,
        id: ListenerId,
        mut options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, SubscribeError> {
        let is_async = listener.as_async().is_some();
        options.check(is_async)?;
        if is_async {
            options.pool.get_or_insert_with(|| ASYNC_BULKHEAD.into());
        }
        let plain = options.pool.is_none()
            && options.filter.is_none()
            && options.max_runs.is_none()
            && options.timeout.is_none();
        Ok(Self {
            plain,
            rank: (5 - options.priority as u64) << SEQ_BITS,
            pattern: Arc::clone(pattern.shared()),
            literal: pattern.is_literal(),
            id,
            registered_at: options.registered_at,
            listener,
            options_set: Options::of(options),
        })
    }

    /// Registers it after all those with lower numbers.
    pub(super) fn registered(mut self, seq: u64) -> Arc<Self> {
        self.rank |= seq;
        Arc::new(self)
    }

    /// Decides which events it is called for.
    pub fn filter(&self) -> Option<&Filter> {
        self.options_set.as_ref()?.filter.as_ref()
    }

    /// The bulkhead that it runs on, if it has one of its own.
    pub fn pool(&self) -> Option<&Arc<str>> {
        self.options_set.as_ref()?.pool.as_ref()
    }

    /// How it is retried when it fails.
    pub fn retry(&self) -> Option<Retry> {
        self.options_set.as_ref()?.retry
    }

    /// For how long it may run, if that is its own affair.
    pub fn slow_after(&self) -> Option<Duration> {
        self.options_set.as_ref()?.slow_after
    }

    /// How long it is waited for.
    pub fn timeout(&self) -> Option<Duration> {
        self.options_set.as_ref()?.timeout
    }

    fn name(&self) -> Option<&Arc<str>> {
        self.options_set.as_ref()?.name.as_ref()
    }

    fn runs_left(&self) -> Option<&AtomicU64> {
        self.options_set.as_ref()?.runs_left.as_ref()
    }

    /// Whether the listener is a future, for a pool that polls it.
    pub fn is_async(&self) -> bool {
        self.listener.as_async().is_some()
    }

    /// Takes one of the runs, if they are limited.
    pub fn claim(&self) -> Claim {
        let Some(left) = self.runs_left() else {
            return Claim::Call;
        };
        let taken = left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
        match taken {
            Err(_) => Claim::Exhausted,
            Ok(1) => Claim::CallLast,
            Ok(_) => Claim::Call,
        }
    }

    /// Whether it can still be called.
    pub(super) fn has_runs_left(&self) -> bool {
        let left = self.runs_left();
        left.is_none_or(|left| left.load(Ordering::Acquire) > 0)
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
            pattern: Pattern::known(&self.pattern, self.literal),
            priority: self.priority(),
            registration: self.rank & ((1 << SEQ_BITS) - 1),
            id: self.id.clone(),
            name: self.name().cloned(),
            registered_at: self.registered_at,
            pool: self.pool().cloned(),
            runs_left: self.runs_left().map(|n| n.load(Ordering::Acquire)),
            retry: self.retry(),
            timeout: self.timeout(),
            slow_after: self.slow_after(),
            has_filter: self.filter().is_some(),
            is_async: self.is_async(),
        }
    }

    /// As observers are told of it.
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

    /// The error that it returned for an event on this topic.
    pub fn failed(&self, topic: &str, error: BoxError) -> ListenerError {
        ListenerError::failed(self.place(topic), error)
    }

    /// It panicked.
    pub fn panicked(&self, topic: &str, payload: &PanicPayload) -> ListenerError {
        ListenerError::panicked(self.place(topic), payload.message())
    }

    /// Its panic, for the panic handler.
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

    /// It has not returned in time.
    pub fn timed_out(&self, topic: &str, limit: Duration) -> ListenerError {
        ListenerError::timed_out(self.place(topic), limit)
    }

    /// Its pool rejected it.
    pub fn rejected(&self, topic: &str, reason: SubmitErrorReason) -> ListenerError {
        ListenerError::refused(self.place(topic), reason)
    }

    /// Its pool dropped it before it started.
    pub fn discarded(&self, topic: &str) -> ListenerError {
        ListenerError::discarded(self.place(topic))
    }

    /// It is async, and was dropped before its end.
    pub fn cancelled(&self, topic: &str) -> ListenerError {
        ListenerError::cancelled(self.place(topic))
    }

    fn place<'a>(&'a self, topic: &'a str) -> Place<'a> {
        Place {
            topic,
            listener: &self.id,
            pattern: &self.pattern,
            name: self.name(),
            registered_at: self.registered_at,
        }
    }
}

impl Options {
    fn of(options: ListenerOptions) -> Option<Box<Self>> {
        let ListenerOptions {
            priority: _,
            max_runs,
            filter,
            name,
            pool,
            retry,
            slow_after,
            timeout,
            registered_at: _,
        } = options;
        let any = max_runs.is_some()
            || filter.is_some()
            || name.is_some()
            || pool.is_some()
            || retry.is_some()
            || slow_after.is_some()
            || timeout.is_some();
        any.then(|| {
            Box::new(Self {
                name,
                filter,
                pool,
                retry,
                slow_after,
                timeout,
                runs_left: max_runs.map(AtomicU64::new),
            })
        })
    }
}
