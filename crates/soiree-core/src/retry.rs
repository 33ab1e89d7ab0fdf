//! Retrying listeners that failed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{MAX_ATTEMPTS, SubscribeError};
use crate::event_id::EventId;
use crate::listener::{Advice, ListenerError};
use crate::panic::{Contained, caught};
use crate::payload::Payload;
use crate::properties::Properties;

/// How often a failed listener is retried, and after which delays.
///
/// - Only the listener that failed is called again, with the same event. It can read the number of the attempt with
///   [`Event::attempt`](crate::Event::attempt).
/// - While a retry waits, it holds no worker.
/// - A retry that waits ends when the listener is removed.
/// - A listener that returns [`Permanent`](crate::Permanent) is not retried. [`RetryAfter`](crate::RetryAfter) says when it is.
/// - Invalid values are an error when the listener is subscribed, not before.
///
/// ```
/// use soiree_core::{Jitter, ListenerOptions, Retry};
/// use std::time::Duration;
///
/// // After at most 100 ms, 200 ms, 400 ms and 500 ms: five attempts in all.
/// let retry = Retry::exponential(Duration::from_millis(100), 5).max_delay(Duration::from_millis(500));
/// assert_eq!(retry.delay(3), Some(Duration::from_millis(400)));
/// assert_eq!(retry.delay(5), None);
/// let options = ListenerOptions::new().retry(retry);
/// ```
#[derive(Clone)]
pub struct Retry {
    attempts: u32,
    first_delay: Duration,
    factor: u32,
    max_delay: Duration,
    jitter: Jitter,
    when: Option<Contained<Predicate>>,
}

type Predicate = Arc<dyn Fn(&ListenerError) -> bool + Send + Sync>;

/// How much of a delay is random. See [`Retry::jitter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// All of it: from zero to the delay.
    Full,
    /// Half of it: from half of the delay to all of it.
    Equal,
    /// Nothing.
    None,
}

impl Jitter {
    /// A delay of at most this one.
    fn shorten(self, delay: Duration) -> Duration {
        match self {
            Self::Full => random_up_to(delay),
            Self::Equal => delay / 2 + random_up_to(delay - delay / 2),
            Self::None => delay,
        }
    }
}

/// A random time from zero to this one, or to 584 years.
fn random_up_to(most: Duration) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(fastrand::u64(0..=nanos))
}

impl Retry {
    /// The limit of `attempts`.
    pub const MAX_ATTEMPTS: u32 = MAX_ATTEMPTS;

    /// `attempts` in total, with the same delay between them, and no [jitter](Retry::jitter).
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
            jitter: Jitter::None,
            when: None,
        }
    }

    /// `attempts` in total, with a delay that doubles after each retry, and [full jitter](Jitter::Full). The limits are those of
    /// [`fixed`](Retry::fixed).
    ///
    /// The delay stops at `Duration::MAX`, or at [`max_delay`](Retry::max_delay). A delay that the clock cannot represent is
    /// treated as thirty years.
    pub const fn exponential(first_delay: Duration, attempts: u32) -> Self {
        Self {
            attempts,
            first_delay,
            factor: 2,
            max_delay: Duration::MAX,
            jitter: Jitter::Full,
            when: None,
        }
    }

    /// Limits the delays, those of [`RetryAfter`](crate::RetryAfter) too. A limit below the first delay is an error when the listener is
    /// subscribed.
    #[must_use]
    pub const fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// Makes the delays random, so that what failed at the same time is not retried at the same time. A delay is never longer than
    /// without jitter. [`Jitter::Full`] by default for [`exponential`](Retry::exponential), and [`Jitter::None`] for
    /// [`fixed`](Retry::fixed).
    ///
    /// ```
    /// use soiree_core::{Jitter, Retry};
    /// use std::time::Duration;
    ///
    /// // After exactly 1 s, 2 s and 4 s.
    /// let retry = Retry::exponential(Duration::from_secs(1), 4).jitter(Jitter::None);
    /// ```
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Retries only errors for which `predicate` returns `true`. Errors are all ways to fail: a returned error, a panic, a timeout.
    ///
    /// - It sees the error of the listener, before the error handler. It is not called for an error that is not retried anyway.
    /// - An error that it turns down is treated as that of the last attempt: it goes into the report, and the event to the dead letter
    ///   handler.
    /// - **A predicate that panics turns the error down.** The panic is caught, and reported nowhere else than by the panic hook.
    /// - It runs where the listener ran, or on the timer thread after a timeout. Keep it short.
    /// - Only the last predicate that is set counts.
    ///
    /// ```
    /// use soiree_core::{ListenerErrorKind, Retry};
    /// use std::{io, time::Duration};
    ///
    /// let retry = Retry::exponential(Duration::from_millis(100), 5).when(|error| {
    ///     let io = error.downcast_ref::<io::Error>();
    ///     error.kind() == ListenerErrorKind::TimedOut
    ///         || io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    /// });
    /// ```
    #[must_use]
    pub fn when(
        mut self,
        predicate: impl Fn(&ListenerError) -> bool + Send + Sync + 'static,
    ) -> Self {
        let predicate: Predicate = Arc::new(predicate);
        self.when = Some(predicate.into());
        self
    }

    /// The number of attempts, including the first one.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The same, without the predicate, which is a value of the user's.
    pub(crate) fn without_predicate(&self) -> Self {
        Self {
            when: None,
            ..self.clone()
        }
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

    /// The delay after attempt number `failed` has failed, before jitter shortens it. `None` if that was the last one. The first attempt
    /// is 1.
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

    /// The [`delay`](Retry::delay) with jitter. A different one each time. For emitters.
    pub fn jittered_delay(&self, failed: u32) -> Option<Duration> {
        let delay = self.delay(failed)?;
        Some(self.jitter.shorten(delay))
    }

    /// The delay after attempt number `failed` has failed with this error. `None` if there is no further attempt: it was the last one, or
    /// the error or the [predicate](Retry::when) says so. For emitters. Calls the predicate, and contains its panics.
    ///
    /// ```
    /// use soiree_core::{Jitter, Retry};
    /// # use soiree_core::{ListenerError, ListenerId, ListenerOptions, Pattern, registry::Registration};
    /// # use soiree_core::{BoxError, Event, Permanent, RetryAfter};
    /// # use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # fn failed(error: impl Into<BoxError>) -> ListenerError {
    /// #     let (pattern, id) = (Pattern::new("a").unwrap(), ListenerId::new("id"));
    /// #     let listener = Arc::new(|_: &dyn Event| ());
    /// #     let listener = Registration::new(&pattern, id, ListenerOptions::new(), listener).unwrap();
    /// #     listener.failed("a", error.into())
    /// # }
    /// let second = Duration::from_secs(1);
    /// let retry = Retry::exponential(second, 3).max_delay(5 * second).jitter(Jitter::None);
    /// let (busy, gone) = (failed(RetryAfter(9 * second, "busy")), failed(Permanent("gone")));
    /// assert_eq!(retry.next_delay(2, &failed("no")), Some(2 * second));
    /// assert_eq!(retry.next_delay(2, &busy), Some(5 * second));
    /// assert_eq!(retry.next_delay(2, &gone), None);
    /// ```
    pub fn next_delay(&self, failed: u32, error: &ListenerError) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let advice = caught(|| error.advice()).ok()?;
        if advice == Some(Advice::Permanent) {
            return None;
        }
        if let Some(predicate) = &self.when {
            if !caught(|| predicate(error)).unwrap_or(false) {
                return None;
            }
        }
        match advice {
            Some(Advice::After(delay)) => Some(delay.min(self.max_delay)),
            _ => self.jittered_delay(failed),
        }
    }
}

/// Predicates are equal if they are the same one.
impl PartialEq for Retry {
    fn eq(&self, other: &Self) -> bool {
        let values = |retry: &Self| {
            let Self {
                attempts,
                first_delay,
                factor,
                max_delay,
                jitter,
                when: _,
            } = *retry;
            (attempts, first_delay, factor, max_delay, jitter)
        };
        let same_predicate = match (&self.when, &other.when) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        values(self) == values(other) && same_predicate
    }
}

impl Eq for Retry {}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("first_delay", &self.first_delay)
            .field("factor", &self.factor)
            .field("max_delay", &self.max_delay)
            .field("jitter", &self.jitter)
            .field("when", &self.when.is_some())
            .finish()
    }
}

/// An event that a listener with a retry could not handle, in all attempts it had. One that no listener was called for is an
/// [`UnheardEvent`](crate::UnheardEvent).
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
