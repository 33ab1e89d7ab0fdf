//! Collecting the replies of listeners.

use std::any::{Any, type_name};

use soiree_core::PayloadRef;

use super::extras::{CalledListener, MAX_REPLIES};
use super::report::{Report, ReportError};

/// Why the replies of an emission are not what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A listener failed, the event was aborted, or the emission was discarded. So replies are missing.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A listener has replied with a value of another type.
    #[error("{listener} replied with {found}, and {expected} was expected")]
    WrongType {
        /// The listener.
        listener: CalledListener,
        /// The name of the type that was asked for.
        expected: &'static str,
        /// The name of the type of its reply.
        found: &'static str,
    },
    /// More listeners have replied than an emission keeps replies of.
    #[error("{omitted} replies were not kept: an emission keeps {MAX_REPLIES}")]
    TooMany {
        /// How many.
        omitted: u64,
    },
}

impl Report {
    /// How many listeners have replied.
    pub fn replies(&self) -> u64 {
        let extras = self.extras();
        extras.map_or(0, |extras| extras.replies.len() as u64 + extras.omitted)
    }

    /// The values that listeners replied with, in calling order. Listeners without a [`Reply`](soiree_core::Reply) add nothing.
    ///
    /// # Errors
    /// If the report is not [ok](Report::is_ok), so that replies may be missing; if a reply is no `T`; if there were more than 1,024.
    ///
    /// ```
    /// use soiree::{EventPool, Reply};
    /// # let soiree = EventPool::new();
    /// soiree.on("price.*", |_| Reply(17_u64))?;
    /// soiree.on("price.*", |_| Reply(4_u64))?;
    /// let prices = soiree.emit_sync("price.asked", "a chair")?.collect::<u64>()?;
    /// assert_eq!(prices.iter().map(|price| **price).sum::<u64>(), 21);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn collect<T: Any>(self) -> Result<Vec<PayloadRef<T>>, CollectError> {
        let report = self.into_result()?;
        let Some(extras) = report.extras() else {
            return Ok(Vec::new());
        };
        if extras.omitted > 0 {
            let omitted = extras.omitted;
            return Err(CollectError::TooMany { omitted });
        }
        let replies = extras.replies.iter();
        let typed = replies.map(|(_, listener, reply)| {
            reply.get().ok_or_else(|| CollectError::WrongType {
                listener: listener.clone(),
                expected: type_name::<T>(),
                found: reply.type_name(),
            })
        });
        typed.collect()
    }
}
