//! The keys of events: what they are ordered by, and what their calls are counted by.

use std::fmt;
use std::sync::Arc;

/// The key of an event, such as an account, a user or a document. Made from an integer or from text.
///
/// A `KeyOrder` orders events by it, and [`max_concurrent_by`](crate::ListenerOptions::max_concurrent_by) limits calls by it.
///
/// Equal numbers are the same key, whatever their types. Text is never the same key as a number.
///
/// ```
/// use soiree_core::OrderingKey;
/// assert_eq!(OrderingKey::from(7_u8), OrderingKey::from(7_i64));
/// assert_ne!(OrderingKey::from(7), OrderingKey::from("7"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OrderingKey(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Natural(u128),
    Negative(i128),
    Text(Arc<str>),
}

macro_rules! from_integers {
    ($($unsigned:ty),+; $($signed:ty),+) => {
        $(impl From<$unsigned> for OrderingKey {
            fn from(key: $unsigned) -> Self {
                Self(Repr::Natural(key as u128))
            }
        })+
        $(impl From<$signed> for OrderingKey {
            fn from(key: $signed) -> Self {
                let key = key as i128;
                Self(u128::try_from(key).map_or(Repr::Negative(key), Repr::Natural))
            }
        })+
    };
}

from_integers!(u8, u16, u32, u64, u128, usize; i8, i16, i32, i64, i128, isize);

impl OrderingKey {
    /// The key as bytes, for storing it. Equal keys have equal bytes, and different keys different ones.
    ///
    /// ```
    /// use soiree_core::OrderingKey;
    /// let key = OrderingKey::from("acme");
    /// assert_eq!(OrderingKey::from_bytes(&key.to_bytes()), Some(key));
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, bytes) = match &self.0 {
            Repr::Natural(key) => (b'n', &key.to_be_bytes()[..]),
            Repr::Negative(key) => (b'm', &key.to_be_bytes()[..]),
            Repr::Text(key) => (b't', key.as_bytes()),
        };
        [&[kind], bytes].concat()
    }

    /// The key of these bytes, or `None` if [`to_bytes`](OrderingKey::to_bytes) has not made them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, bytes) = bytes.split_first()?;
        match kind {
            b'n' => Some(u128::from_be_bytes(bytes.try_into().ok()?).into()),
            b'm' => {
                let key = i128::from_be_bytes(bytes.try_into().ok()?);
                (key < 0).then(|| key.into())
            }
            b't' => Some(std::str::from_utf8(bytes).ok()?.into()),
            _ => None,
        }
    }
}

impl From<&str> for OrderingKey {
    fn from(key: &str) -> Self {
        Self(Repr::Text(key.into()))
    }
}

impl From<String> for OrderingKey {
    fn from(key: String) -> Self {
        Self(Repr::Text(key.into()))
    }
}

impl From<Arc<str>> for OrderingKey {
    fn from(key: Arc<str>) -> Self {
        Self(Repr::Text(key))
    }
}

impl fmt::Debug for OrderingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Natural(key) => fmt::Debug::fmt(key, f),
            Repr::Negative(key) => fmt::Debug::fmt(key, f),
            Repr::Text(key) => fmt::Debug::fmt(key, f),
        }
    }
}
