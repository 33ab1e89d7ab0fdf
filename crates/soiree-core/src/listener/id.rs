//! The IDs of listeners.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::event_id::new_ulid;

/// Identifies a listener among those of one pattern. Cheap to clone.
///
/// The same ID may be used with several patterns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(Arc<str>);

impl ListenerId {
    /// An ID with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// A new ULID. Reads the clock and a random number generator.
    #[doc(alias = "DefaultIDGenerator")]
    pub fn generate() -> Self {
        let mut text = [0; ulid::ULID_LEN];
        Self::new(&*new_ulid().array_to_str(&mut text))
    }

    /// The text of the ID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for ListenerId {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl AsRef<str> for ListenerId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ListenerId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerId({:?})", &*self.0)
    }
}
