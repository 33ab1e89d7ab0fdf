//! Retrying listeners that failed.

use std::fmt;
use std::time::Duration;

use crate::error::{MAX_ATTEMPTS, SubscribeError};
use crate::event::EventId;
use crate::listener::ListenerError;
use crate::payload::Payload;
use crate::properties::Properties;

/// How often a failed listener is retried, and after which delays.
///
/// - Only the listener that failed is called again, with the same event. It can read the number of the attempt with
///   [`Event::attempt`](crate::Event::attempt).
/// - While a retry waits, it holds no worker.
/// - A retry that waits ends when the listener is removed.
/// - Invalid values are an error when the listener is subscribed, not before.
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
    first_delay: Duration,
    factor: u32,
    max_delay: Duration,
}

impl Retry {
    /// The limit of `attempts`.
    pub const MAX_ATTEMPTS: u32 = MAX_ATTEMPTS;

    /// `attempts` in total, with the same delay between them.
    ///
    /// - A delay of zero retries as soon as the pool has room.
    /// - One attempt means no retry: an event that fails becomes a dead letter at once.
    /// - Zero attempts, or more than [`MAX_ATTEMPTS`](Retry::MAX_ATTEMPTS), are an error when the listener is subscribed.
    pub const fn fixed(delay: Duration, attempts: u32) -> Self {
        Self {
            attempts,
            first_delay: delay,
            factor: 1,
            max_delay: Duration::MAX,
        }
    }

    /// `attempts` in total, with a delay that doubles after each retry. The limits are those of [`fixed`](Retry::fixed).
    ///
    /// The delay stops at `Duration::MAX`, or at [`max_delay`](Retry::max_delay). A delay that the clock cannot represent is
    /// treated as thirty years.
    pub const fn exponential(first_delay: Duration, attempts: u32) -> Self {
        Self {
            attempts,
            first_delay,
            factor: 2,
            max_delay: Duration::MAX,
        }
    }

    /// Limits the delays. A limit below the first delay is an error when the listener is subscribed.
    #[must_use]
    pub const fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// The number of attempts, including the first one.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn check(&self) -> Result<(), SubscribeError> {
        let Self {
            attempts,
            first_delay,
            max_delay,
            ..
        } = *self;
        match attempts {
            0 => Err(SubscribeError::ZeroAttempts),
            1..=Self::MAX_ATTEMPTS if max_delay < first_delay => {
                Err(SubscribeError::DelayAboveLimit {
                    first: first_delay,
                    longest: max_delay,
                })
            }
            1..=Self::MAX_ATTEMPTS => Ok(()),
            _ => Err(SubscribeError::TooManyAttempts { attempts }),
        }
    }

    /// The delay after attempt number `failed` has failed. `None` if that was the last one. The first attempt is 1.
    pub fn delay(&self, failed: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let factor = self.factor.saturating_pow(failed.saturating_sub(1));
        let delay = self
            .first_delay
            .checked_mul(factor)
            .unwrap_or(Duration::MAX);
        Some(delay.min(self.max_delay))
    }
}

/// An event that a listener with a retry could not handle, in all attempts it had.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The topic that was emitted.
    pub topic: Box<str>,
    /// The ID of the event.
    pub event_id: EventId,
    /// The payload at the time of the last failure.
    pub payload: Payload,
    /// The properties at the time of the last failure.
    pub properties: Properties,
    /// The error of the last attempt, which names the listener and its pattern.
    pub error: ListenerError,
    /// The number of attempts.
    pub attempts: u32,
}

impl DeadLetter {
    /// A dead letter without properties. The topic is that of the error. For emitters, and for tests of handlers.
    pub fn new(event_id: EventId, payload: Payload, error: ListenerError, attempts: u32) -> Self {
        Self {
            topic: error.topic().into(),
            event_id,
            payload,
            properties: Properties::new(),
            error,
            attempts,
        }
    }

    /// Sets the properties of the event.
    #[must_use]
    pub fn with_properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} attempts: {}", self.attempts, self.error)
    }
}
