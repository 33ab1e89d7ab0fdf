//! Payloads as JSON.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, check_name, typed};
use crate::listener::BoxError;
use crate::payload::Payload;

/// Payloads of type `T`, written as JSON by `serde_json`.
///
/// Listeners get what was written and read again: a field that is skipped in the JSON has its default value for them.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use soiree_core::codec::{Codec, Json};
/// use soiree_core::Payload;
///
/// #[derive(Serialize, Deserialize)]
/// struct Invoice {
///     number: u64,
/// }
///
/// let codec = Json::<Invoice>::new();
/// let bytes = codec.encode(&Payload::new(Invoice { number: 7 }))?;
/// assert_eq!(bytes, br#"{"number":7}"#);
/// # Ok::<(), soiree_core::BoxError>(())
/// ```
pub struct Json<T>(PhantomData<fn(T) -> T>);

impl<T> Json<T> {
    /// The codec of this type.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Json<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Json<T> {}

impl<T> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json<{}>", std::any::type_name::<T>())
    }
}

impl<T: Any + Send + Sync + Serialize + DeserializeOwned> Codec for Json<T> {
    fn name(&self) -> &str {
        "json"
    }

    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(typed::<T>(self.name(), payload)?)?)
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Result<Payload, BoxError> {
        check_name(self.name(), name)?;
        Ok(Payload::new(serde_json::from_slice::<T>(bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D17: damaged JSON is an error, never a wrong payload.
    #[test]
    fn damaged_json_is_an_error() {
        let codec = Json::<Vec<u32>>::new();
        let bytes = codec.encode(&Payload::new(vec![1_u32, 2])).unwrap();
        let read = codec.decode("json", &bytes).unwrap();
        assert_eq!(read.downcast_ref(), Some(&vec![1_u32, 2]));
        assert!(codec.decode("json", &bytes[..bytes.len() - 1]).is_err());
        assert!(codec.decode("json;v=2", &bytes).is_err());
    }
}
