//! What listeners are told apart by.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Names one listener of one pattern. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(Arc<str>);

impl ListenerId {
    /// An ID of this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// A fresh ULID.
    pub fn generate() -> Self {
        let mut text = [0; ulid::ULID_LEN];
        Self::new(&*ulid::Ulid::new().array_to_str(&mut text))
    }

    /// Its text.
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
