//! Named values that travel with an event.

#[cfg(feature = "json")]
mod json;
mod value;

use std::collections::BTreeMap;

#[cfg(feature = "json")]
pub use self::json::InvalidProperties;
pub use self::value::Value;

/// Named values that travel with an event besides its payload: request IDs, sources, flags.
///
/// Sorted by name. Each name has one value.
///
/// ```
/// use soiree_core::{Properties, Value};
/// let properties = Properties::new().set("request", "r-17").set("attempt", 2);
/// assert_eq!(properties.get("attempt"), Some(&Value::Int(2)));
/// assert_eq!(properties, Properties::new().set("attempt", 2).set("request", "r-17"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties(BTreeMap<String, Value>);

impl Properties {
    /// No properties.
    #[doc(alias = "NewProperties")]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a property, replacing an earlier value. For chaining.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets a property in place. Returns the earlier value, if any.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// The value of the property with this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Removes a property. Returns its value, if it was set.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// All properties, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The number of properties.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no properties.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}
