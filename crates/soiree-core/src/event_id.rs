//! The IDs of events.

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use ulid::Ulid;

/// The ID of an event: 128 bits. A ULID by default; any `u128` works, such as the bits of a UUID.
///
/// Displayed as the 26 characters of a ULID. ULIDs sort by the time they were created. An ID is unique and no secret: who has seen some
/// may guess others.
///
/// ```
/// use soiree_core::EventId;
/// let id = EventId::new();
/// assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

/// A text that is not the 26 characters of an [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event ID: {0}")]
pub struct InvalidEventId(Reason);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    NoUlid(ulid::DecodeError),
    #[error("it has more than 128 bits; the first character is at most 7")]
    TooLarge,
}

impl EventId {
    /// A new ULID. Reads the clock and a random number generator.
    #[expect(
        clippy::new_without_default,
        reason = "a default should be the same every time"
    )]
    pub fn new() -> Self {
        Self(new_ulid().0)
    }
}

/// A ULID of now. Each thread has a generator of random numbers, whose seed comes from the operating system.
pub(crate) fn new_ulid() -> Ulid {
    thread_local! {
        // The standard library takes the keys of a `RandomState` from the operating system, and changes them with each call.
        static RNG: RefCell<Rng> = RefCell::new(Rng::with_seed(RandomState::new().hash_one(0)));
    }
    let random = RNG.try_with(|rng| rng.borrow_mut().u128(..));
    // A thread that ends has none any more.
    let random = random.unwrap_or_else(|_| fastrand::u128(..));
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 makes IDs that are unique and do not sort.
    let millis = since.map_or(0, |since| since.as_millis() as u64);
    Ulid::from_parts(millis, random)
}

impl From<u128> for EventId {
    fn from(bits: u128) -> Self {
        Self(bits)
    }
}

impl From<EventId> for u128 {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ulid(self.0).fmt(f)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let id = Ulid::from_string(text).map_err(|error| InvalidEventId(Reason::NoUlid(error)))?;
        // 26 characters of 5 bits have 2 bits more than there are, which the decoder drops.
        match text.as_bytes().first() {
            Some(b'0'..=b'7') => Ok(Self(id.0)),
            _ => Err(InvalidEventId(Reason::TooLarge)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn ids_of_many_threads_differ_and_say_when_they_were_made() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| thread::spawn(|| (0..1_000).map(|_| EventId::new()).collect::<Vec<_>>()))
            .collect();
        let ids = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        let ids: HashSet<EventId> = ids.collect();
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(ids.len(), 8_000);
        let made = before.as_millis()..=after.as_millis();
        assert!(
            ids.iter()
                .all(|id| made.contains(&u128::from(Ulid(id.0).timestamp_ms())))
        );
    }

    #[test]
    fn a_text_with_more_than_128_bits_is_no_id() {
        let largest = EventId(u128::MAX).to_string();
        assert_eq!(largest, format!("7{}", "Z".repeat(25)));
        assert_eq!(largest.parse(), Ok(EventId(u128::MAX)));
        for text in [format!("8{}", "0".repeat(25)), "Z".repeat(26)] {
            let error = text.parse::<EventId>().unwrap_err();
            assert_eq!(error, InvalidEventId(Reason::TooLarge), "{text}");
        }
        for text in ["", "7", "U1ABCDEFGHJKMNPQRSTVWXYZ00"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
