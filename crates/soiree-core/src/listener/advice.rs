//! What a listener's error says about a further attempt.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::outcome::BoxError;

/// An error of a listener that no further attempt can mend, such as an address that does not exist. The listener is not
/// [retried](crate::Retry).
///
/// It converts to a [`BoxError`], so `?` accepts it. The report, the handlers and [`ListenerError::downcast_ref`](crate::ListenerError)
/// see the error inside. Without a retry it changes nothing.
///
/// - It is found too if it is the [source](Error::source) of the error that the listener returns, within the first 16 sources.
/// - It is no [`Error`] itself, as it would not be known from the error inside then. Wrap it where the listener returns, or keep it in a
///   `BoxError`.
///
/// ```
/// use soiree_core::{BoxError, Event, Permanent};
///
/// fn send(event: &dyn Event) -> Result<(), BoxError> {
///     let address = event.payload_as::<String>().ok_or(Permanent("no address"))?;
///     let port: u16 = address.parse().map_err(Permanent)?;
///     println!("to port {port}");
///     Ok(())
/// }
///
/// let listener: &dyn soiree_core::Listener = &send;
/// # let event = soiree_core::BaseEvent::new("mail", String::from("x"));
/// # assert_eq!(listener.handle(&event).unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permanent<E>(pub E);

/// An error of a listener that says when to try again, such as the `Retry-After` of an HTTP response.
///
/// The next attempt comes after this time, without jitter, but not later than after the [`max_delay`](crate::Retry::max_delay) of the
/// [`Retry`](crate::Retry). The number of attempts stays. Otherwise it is as [`Permanent`]; the outer one of several counts.
///
/// ```
/// use soiree_core::{Event, ListenerOptions, Retry, RetryAfter};
/// use std::time::Duration;
///
/// let retry = Retry::exponential(Duration::from_millis(100), 5).max_delay(Duration::from_secs(60));
/// let options = ListenerOptions::new().retry(retry);
/// let listener = |_: &dyn Event| Err::<(), _>(RetryAfter(Duration::from_secs(30), "503"));
/// # let _ = (options, listener);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter<E>(pub Duration, pub E);

/// What the error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    Permanent,
    After(Duration),
}

/// An error with advice, which shows as the error inside. Of one type whatever that error is, so that it is found among others.
#[derive(Debug)]
struct Advised {
    advice: Advice,
    error: BoxError,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Advised {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl<E: Into<BoxError>> From<Permanent<E>> for BoxError {
    fn from(Permanent(error): Permanent<E>) -> Self {
        Box::new(Advised {
            advice: Advice::Permanent,
            error: error.into(),
        })
    }
}

impl<E: Into<BoxError>> From<RetryAfter<E>> for BoxError {
    fn from(RetryAfter(delay, error): RetryAfter<E>) -> Self {
        Box::new(Advised {
            advice: Advice::After(delay),
            error: error.into(),
        })
    }
}

/// How many sources are looked at: those of a hostile error never end.
const MAX_SOURCES: usize = 16;

/// The advice of an error or of one of its sources, the outer ones first. Calls the user's code.
pub(super) fn advice_of(error: &BoxError) -> Option<Advice> {
    let mut next: Option<&(dyn Error + 'static)> = Some(&**error);
    for _ in 0..=MAX_SOURCES {
        let error = next?;
        if let Some(advised) = error.downcast_ref::<Advised>() {
            return Some(advised.advice);
        }
        next = error.source();
    }
    None
}

/// The error that the listener means, without the advice around it.
pub(super) fn inner(mut error: &BoxError) -> &BoxError {
    while let Some(advised) = error.downcast_ref::<Advised>() {
        error = &advised.error;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(BoxError);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    /// W4: advice is found around an error and among its sources, the outer one first, and the error shows as what is inside.
    #[test]
    fn advice_is_found_around_an_error_and_among_its_sources() {
        let second = Duration::from_secs(1);
        let after: BoxError = RetryAfter(second, "busy").into();
        assert_eq!(advice_of(&after), Some(Advice::After(second)));
        assert_eq!(after.to_string(), "busy");
        assert_eq!(inner(&after).to_string(), "busy");
        let both: BoxError = Permanent(Wrapped(after)).into();
        assert_eq!(advice_of(&both), Some(Advice::Permanent));
        assert!(inner(&both).is::<Wrapped>());
        let within: BoxError = Wrapped(both).into();
        assert_eq!(advice_of(&within), Some(Advice::Permanent));
        assert!(inner(&within).is::<Wrapped>());
        assert_eq!(advice_of(&"plain".into()), None);
        let deep = |sources| {
            let deepest: BoxError = Permanent("deep").into();
            (0..sources).fold(deepest, |error, _| Wrapped(error).into())
        };
        assert_eq!(advice_of(&deep(MAX_SOURCES)), Some(Advice::Permanent));
        assert_eq!(advice_of(&deep(MAX_SOURCES + 1)), None);
    }
}
