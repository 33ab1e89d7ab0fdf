//! Calling a listener again that failed.

use std::fmt;
use std::time::Duration;

use crate::error::{MAX_ATTEMPTS, SubscribeError};
use crate::event::EventId;
use crate::listener::ListenerError;
use crate::payload::Payload;

/// How often a listener that fails is called again, and how long after.
///
/// While it waits it holds no worker. Only the listener that failed is called again; it sees the same event, which tells the
/// number of the [`attempt`](crate::Event::attempt).
///
/// ```
/// use soiree_core::{ListenerOptions, Retry};
/// use std::time::Duration;
///
/// // After 100 ms, 200 ms, 400 ms and 500 ms: five attempts in all.
/// let retry = Retry::exponential(Duration::from_millis(100), 5).max_delay(Duration::from_millis(500));
/// assert_eq!(retry.delay(3), Some(Duration::from_millis(400)));
/// assert_eq!(retry.delay(5), None);
/// let options = ListenerOptions::new().retry(retry);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    first: Duration,
    factor: u32,
    longest: Duration,
}

impl Retry {
    /// More attempts than this are refused when the listener is subscribed.
    pub const MAX_ATTEMPTS: u32 = MAX_ATTEMPTS;

    /// The same delay after each of so many attempts but the last. Of no length, it is called again as soon as its pool has a
    /// place.
    ///
    /// With 1 attempt there are no further ones, and an event that fails is a dead letter at once; with 0, or more than
    /// [`MAX_ATTEMPTS`](Retry::MAX_ATTEMPTS), the listener is refused when it is subscribed.
    pub const fn fixed(delay: Duration, attempts: u32) -> Self {
        Self {
            attempts,
            first: delay,
            factor: 1,
            longest: Duration::MAX,
        }
    }

    /// A delay that doubles after each of so many attempts; bounded as for [`fixed`](Retry::fixed). It doubles up to the longest that
    /// there is, and what is longer than the clock can tell is thirty years.
    pub const fn exponential(first: Duration, attempts: u32) -> Self {
        Self {
            attempts,
            first,
            factor: 2,
            longest: Duration::MAX,
        }
    }

    /// Delays no longer than this. A limit below the first delay is refused when the listener is subscribed, as one of the two
    /// would not hold.
    #[must_use]
    pub const fn max_delay(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// How many attempts there are, the first one included.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn check(&self) -> Result<(), SubscribeError> {
        let Self {
            attempts,
            first,
            longest,
            ..
        } = *self;
        match attempts {
            0 => Err(SubscribeError::ZeroAttempts),
            1..=Self::MAX_ATTEMPTS if longest < first => {
                Err(SubscribeError::DelayAboveLimit { first, longest })
            }
            1..=Self::MAX_ATTEMPTS => Ok(()),
            _ => Err(SubscribeError::TooManyAttempts { attempts }),
        }
    }

    /// How long to wait after the attempt of this number has failed; `None` if it was the last. Attempts count from 1.
    pub fn delay(&self, failed: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let factor = self.factor.saturating_pow(failed.saturating_sub(1));
        let delay = self.first.checked_mul(factor).unwrap_or(Duration::MAX);
        Some(delay.min(self.longest))
    }
}

/// An event that a listener failed to handle in all its attempts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The topic that was emitted.
    pub topic: Box<str>,
    /// The ID of the event.
    pub event_id: EventId,
    /// What the event carried when the listener failed for the last time.
    pub payload: Payload,
    /// The last error, which names the listener and its pattern.
    pub error: ListenerError,
    /// How many attempts there were.
    pub attempts: u32,
}

impl DeadLetter {
    /// The event that caused this error at its last attempt. For emitters, and for tests of handlers.
    pub fn new(event_id: EventId, payload: Payload, error: ListenerError, attempts: u32) -> Self {
        Self {
            topic: error.topic().into(),
            event_id,
            payload,
            error,
            attempts,
        }
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} attempts: {}", self.attempts, self.error)
    }
}
