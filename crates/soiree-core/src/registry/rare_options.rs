//! The options that few listeners have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::concurrency::MaxConcurrent;
use crate::options::{Filter, ListenerOptions, WhenPoolFull};
use crate::panic::Contained;
use crate::retry::Retry;

/// Options that few listeners set.
pub(super) struct RareOptions {
    pub(super) name: Option<Arc<str>>,
    pub(super) filter: Option<Contained<Filter>>,
    pub(super) pool: Option<Arc<str>>,
    pub(super) when_full: WhenPoolFull,
    pub(super) max_concurrent: Option<MaxConcurrent>,
    pub(super) retry: Option<Retry>,
    pub(super) slow_after: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) durable: Option<Arc<str>>,
    pub(super) runs_left: Option<AtomicU64>,
    /// The program has unsubscribed the listener.
    pub(super) removed: AtomicBool,
}

impl RareOptions {
    /// Whether the listener can be called without any check.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain_but_for_checks() && !self.has_checks()
    }

    /// Whether nothing else than a filter and a timeout is to be checked.
    pub(super) fn is_plain_but_for_checks(&self) -> bool {
        self.pool.is_none() && self.runs_left.is_none() && self.max_concurrent.is_none()
    }

    pub(super) fn has_checks(&self) -> bool {
        self.filter.is_some() || self.timeout.is_some()
    }

    pub(super) fn of(options: ListenerOptions) -> Option<Box<Self>> {
        let ListenerOptions {
            priority: _,
            max_runs,
            filter,
            name,
            pool,
            when_full,
            max_concurrent,
            ordered: _,
            retry,
            slow_after,
            timeout,
            durable,
            registered_at: _,
        } = options;
        let any = max_runs.is_some()
            || filter.is_some()
            || name.is_some()
            || pool.is_some()
            || max_concurrent.is_some()
            || retry.is_some()
            || slow_after.is_some()
            || timeout.is_some()
            || durable.is_some();
        any.then(|| {
            Box::new(Self {
                name,
                filter,
                pool,
                when_full,
                max_concurrent,
                retry,
                slow_after,
                timeout,
                durable,
                runs_left: max_runs.map(AtomicU64::new),
                removed: AtomicBool::new(false),
            })
        })
    }
}
