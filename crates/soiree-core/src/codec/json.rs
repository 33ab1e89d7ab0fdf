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
    let text = error.to_string();
    if !error.is_data() {
        return text;
    }
    // An error that no parser has seen has no place.
    let place = match error.line() {
        0 => String::new(),
        line => format!(" at line {line} column {}", error.column()),
    };
    let what = text.strip_suffix(&place).unwrap_or(&text);
    if is_about_the_type(what) {
        return text;
    }
    let kinds = [
        "invalid type: ",
        "invalid value: ",
        "invalid length ",
        "unknown variant `",
        "unknown field `",
    ];
    let Some(kind) = kinds.into_iter().find(|kind| what.starts_with(kind)) else {
        // A type of the program has its own words for it, and may quote the payload anywhere.
        return format!("a value that does not fit{place}");
    };
    let ends = ["`, there are no variants", "`, there are no fields"];
    let none_fits = ends.iter().any(|end| what.ends_with(end));
    let kind = kind.trim_end_matches([':', ' ', '`']);
    // What is expected stands last, and comes from the type.
    match what.rsplit_once(", expected ").filter(|_| !none_fits) {
        Some((_, expected)) => format!("{kind}, expected {expected}{place}"),
        None => format!("{kind}{place}"),
    }
}

/// Whether the text names a field of the type, and nothing else.
fn is_about_the_type(what: &str) -> bool {
    let starts = ["missing field `", "duplicate field `"];
    let mut rests = starts.iter().filter_map(|start| what.strip_prefix(start));
    let name = rests.next().and_then(|rest| rest.strip_suffix('`'));
    name.is_some_and(|name| !name.contains('`'))
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

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    /// A type with words of its own.
    #[derive(Debug)]
    struct Word;

    impl Serialize for Word {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_unit()
        }
    }

    impl<'de> Deserialize<'de> for Word {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom(String::deserialize(from)?))
        }
    }

    /// D17: a type's own words may quote the payload anywhere, and a payload may read like the words of an error.
    #[test]
    fn no_words_of_a_payload_pass_for_those_of_an_error() {
        let cases = [
            "no, expected s3cret",
            "missing field `name` in s3cret",
            "missing field `s3cret` of `x`",
            "invalid length: s3cret",
            "invalid type s3cret, expected s3cret",
        ];
        for words in cases {
            let json = serde_json::to_vec(words).unwrap();
            let error = Json::<Word>::new().decode("json", &json).unwrap_err();
            assert_eq!(error.to_string(), "a value that does not fit", "{words}");
        }
        let error = Json::<Nothing>::new().decode("json", br#"{", expected s3cret":1}"#);
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "unknown field at line 1 column 20");
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
