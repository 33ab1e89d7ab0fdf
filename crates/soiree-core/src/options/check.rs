//! Which options are valid, and how they are printed.

use std::fmt;

use super::ListenerOptions;
use crate::concurrency::MaxConcurrent;
use crate::error::SubscribeError;
use crate::retry::Retry;

impl ListenerOptions {
    /// Rejects options that are invalid, alone or together.
    pub(crate) fn check(&self) -> Result<(), SubscribeError> {
        let mut names = self.name.iter().chain(&self.durable);
        if let Some(name) = names.find(|name| !is_printable(name)) {
            let name = name.as_ref().into();
            return Err(SubscribeError::InvalidName { name });
        }
        if self.max_runs == Some(0) {
            return Err(SubscribeError::ZeroRuns);
        }
        if self.timeout.is_some_and(|limit| limit.is_zero()) {
            return Err(SubscribeError::ZeroTimeout);
        }
        self.retry.as_ref().map_or(Ok(()), Retry::check)
    }
}

/// Whether a name is printable: not empty, not blank, and without control characters.
pub fn is_printable(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains(char::is_control)
}

impl fmt::Debug for ListenerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.max_concurrent.as_ref().map(MaxConcurrent::calls);
        f.debug_struct("ListenerOptions")
            .field("priority", &self.priority)
            .field("max_runs", &self.max_runs)
            .field("filter", &self.filter.is_some())
            .field("name", &self.name)
            .field("pool", &self.pool)
            .field("when_full", &self.when_full)
            .field("max_concurrent", &calls)
            .field("ordered", &self.ordered)
            .field("retry", &self.retry)
            .field("slow_after", &self.slow_after)
            .field("timeout", &self.timeout)
            .field("durable", &self.durable)
            .field("registered_at", &self.registered_at)
            .finish()
    }
}
