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
        let payload = serde_json::from_slice::<T>(bytes);
        Ok(Payload::new(
            payload.map_err(|error| without_values(&error))?,
        ))
    }
}

/// What is wrong, without what stands in the payload: errors are logged, and kept in the store.
fn without_values(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return error.to_string();
    }
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let about_type = ["missing field `", "duplicate field `", "invalid length "];
    if about_type.iter().any(|known| text.starts_with(known)) {
        return text;
    }
    let kinds = [
        "invalid type",
        "invalid value",
        "unknown variant",
        "unknown field",
    ];
    let kind = kinds.into_iter().find(|kind| text.starts_with(kind));
    let kind = kind.unwrap_or("a value that does not fit");
    // What is expected stands last, and comes from the type.
    let expected = text
        .strip_suffix(&place)
        .and_then(|text| text.rsplit_once(", expected "));
    match expected {
        Some((_, expected)) => format!("{kind}, expected {expected}{place}"),
        None => format!("{kind}{place}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

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

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Account {
        #[serde(deserialize_with = "positive")]
        number: i64,
        kind: Kind,
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum Kind {
        Plain,
    }

    fn positive<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let number = i64::deserialize(from)?;
        let error = || serde::de::Error::custom(format!("{number} is not positive"));
        (number > 0).then_some(number).ok_or_else(error)
    }

    /// D17: the error says what does not fit and where, and not what stands in the payload, as it is logged and kept.
    #[test]
    fn an_error_quotes_nothing_of_the_payload() {
        let cases = [
            (
                r#"{"number":"s3cret","kind":"Plain"}"#,
                "invalid type, expected i64 at line 1 column 18",
            ),
            (
                r#"{"number":-777,"kind":"Plain"}"#,
                "a value that does not fit at line 1 column 14",
            ),
            (
                r#"{"number":7,"kind":"s3cret"}"#,
                "unknown variant, expected `Plain` at line 1 column 27",
            ),
            (
                r#"{"number":7,"s3cret":1}"#,
                "unknown field, expected `number` or `kind` at line 1 column 20",
            ),
            (
                r#"{"number":7,"kind":", expected s3cret"}"#,
                "unknown variant, expected `Plain` at line 1 column 38",
            ),
            (
                r#"{"number":7}"#,
                "missing field `kind` at line 1 column 12",
            ),
            (
                r#"{"number":7,"#,
                "EOF while parsing a value at line 1 column 12",
            ),
            (r#"{"number":s3cret}"#, "expected value at line 1 column 11"),
        ];
        for (json, expected) in cases {
            let error = Json::<Account>::new().decode("json", json.as_bytes());
            assert_eq!(error.unwrap_err().to_string(), expected, "{json}");
        }
    }
}
