//! Properties as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::{Properties, Value};

/// A number that is no integer, as the 16 hexadecimal digits of its bits: JSON knows no infinity, and readers round.
const BITS: &str = "float";
/// Bytes, as two hexadecimal digits for each.
const BYTES: &str = "bytes";
/// A map, so that its names are not taken for one of these.
const MAP: &str = "map";

/// How deep lists and maps may lie inside one another. Readers of JSON have a limit, and a map is two levels there.
const MAX_DEPTH: usize = 32;

/// Properties that cannot be written as JSON and read again, or a text that is no JSON of properties. Returned by [`Properties::check`] and
/// [`Properties::from_json`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidProperties {
    reason: &'static str,
}

impl InvalidProperties {
    /// What is wrong with it.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

/// # As JSON
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl Properties {
    /// Whether [`from_json`](Self::from_json) reads what [`to_json`](Self::to_json) writes. An outbox checks it before it stores an event.
    ///
    /// # Errors
    /// If lists and maps lie more than 32 deep inside one another.
    pub fn check(&self) -> Result<(), InvalidProperties> {
        match self.iter().any(|(_, value)| is_deeper(value, MAX_DEPTH)) {
            true => Err(InvalidProperties {
                reason: "a property has lists or maps more than 32 deep",
            }),
            false => Ok(()),
        }
    }

    /// The properties as a JSON object. [`from_json`](Self::from_json) reads it again, with the same values bit by bit: what JSON does not
    /// have is an object with one name, which is `float` (with the digits of the bits), `bytes` or `map`.
    ///
    /// ```
    /// use soiree_core::Properties;
    ///
    /// let properties = Properties::new().set("attempt", 2).set("source", "import");
    /// let json = properties.to_json();
    /// assert_eq!(json, r#"{"attempt":2,"source":"import"}"#);
    /// assert_eq!(Properties::from_json(&json)?, properties);
    /// # Ok::<(), soiree_core::InvalidProperties>(())
    /// ```
    pub fn to_json(&self) -> String {
        let values = self
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_json()));
        Json::Object(values.collect()).to_string()
    }

    /// Reads what [`to_json`](Self::to_json) has written.
    ///
    /// # Errors
    /// If the text is no JSON object, or a value of it is none of a property.
    pub fn from_json(text: &str) -> Result<Self, InvalidProperties> {
        let Ok(Json::Object(object)) = serde_json::from_str(text) else {
            let reason = "the properties are no JSON object";
            return Err(InvalidProperties { reason });
        };
        let values = object.into_iter().map(|(name, value)| {
            let reason = "a property is of no known kind";
            let value = Value::from_json(value).ok_or(InvalidProperties { reason })?;
            Ok((name, value))
        });
        let properties: Self = values.collect::<Result<_, _>>()?;
        properties.check()?;
        Ok(properties)
    }
}

fn is_deeper(value: &Value, limit: usize) -> bool {
    let Some(limit) = limit.checked_sub(1) else {
        return matches!(value, Value::List(_) | Value::Map(_));
    };
    match value {
        Value::List(values) => values.iter().any(|value| is_deeper(value, limit)),
        Value::Map(values) => values.values().any(|value| is_deeper(value, limit)),
        _ => false,
    }
}

impl Value {
    fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::UInt(value) => (*value).into(),
            Self::Float(value) => tagged(BITS, format!("{:016x}", value.to_bits()).into()),
            Self::Text(value) => value.as_str().into(),
            Self::Bytes(bytes) => tagged(BYTES, hex(bytes).into()),
            Self::List(values) => values.iter().map(Self::to_json).collect(),
            Self::Map(values) => {
                let values = values
                    .iter()
                    .map(|(name, value)| (name.clone(), value.to_json()));
                tagged(MAP, Json::Object(values.collect()))
            }
        }
    }

    fn from_json(value: Json) -> Option<Self> {
        Some(match value {
            Json::Object(value) => Self::from_tagged(value)?,
            Json::Array(values) => Self::List(
                values
                    .into_iter()
                    .map(Self::from_json)
                    .collect::<Option<_>>()?,
            ),
            value => Self::from(value),
        })
    }

    fn from_tagged(object: Map<String, Json>) -> Option<Self> {
        let (tag, value) = object.into_iter().next()?;
        Some(match (tag.as_str(), value) {
            (BITS, Json::String(bits)) => {
                Self::Float(f64::from_bits(u64::from_str_radix(&bits, 16).ok()?))
            }
            (BYTES, Json::String(digits)) => Self::Bytes(from_hex(&digits)?),
            (MAP, Json::Object(values)) => {
                let values = values
                    .into_iter()
                    .map(|(name, value)| Some((name, Self::from_json(value)?)));
                Self::Map(values.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

fn tagged(tag: &str, value: Json) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), value)]))
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    // A sign would be read as well.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || digits.len() % 2 != 0 {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok());
    bytes.collect()
}

/// As other programs write it. A number that is no integer is a [`Float`](Value::Float), and an object a [`Map`](Value::Map).
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl From<Json> for Value {
    fn from(value: Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(value) => match (value.as_i64(), value.as_u64()) {
                (Some(value), _) => Self::Int(value),
                (None, Some(value)) => Self::UInt(value),
                // Always a number: the feature for other ones is off.
                (None, None) => Self::Float(value.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(value) => Self::Text(value),
            Json::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Json::Object(values) => {
                let values = values.into_iter();
                Self::Map(values.map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

/// For other programs. What JSON does not have is lost: an infinite number and NaN become `null`, and bytes an array of numbers.
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::UInt(value) => value.into(),
            Value::Float(value) => value.into(),
            Value::Text(value) => value.into(),
            Value::Bytes(bytes) => bytes.into(),
            Value::List(values) => values.into_iter().map(Self::from).collect(),
            Value::Map(values) => {
                let values = values.into_iter();
                Self::Object(values.map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D1: properties survive bit by bit.
    #[test]
    fn every_value_survives() {
        let floats = [
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            0.1 + 0.2,
            f64::MIN_POSITIVE / 3.0,
        ];
        let mut properties: Properties = floats
            .iter()
            .enumerate()
            .map(|(number, value)| (format!("float-{number}"), *value))
            .collect();
        for (name, value) in [
            ("", Value::Text(String::new())),
            ("\"\\\u{1}\0é", Value::Text("\0\u{10ffff}\"{}".into())),
            ("least", Value::Int(i64::MIN)),
            ("most", Value::Int(i64::MAX)),
            ("yes", Value::Bool(true)),
            ("none", Value::Null),
            ("unsigned", Value::UInt(u64::MAX)),
            ("bytes", Value::Bytes((0..=255).collect())),
            ("map", nested(MAX_DEPTH)),
        ] {
            properties.insert(name, value);
        }

        let read = Properties::from_json(&properties.to_json()).unwrap();

        for (number, value) in floats.iter().enumerate() {
            let Some(Value::Float(found)) = read.get(&format!("float-{number}")) else {
                panic!("float {number} is missing");
            };
            assert_eq!(found.to_bits(), value.to_bits());
        }
        let others = |properties: &Properties| {
            let others = properties.iter().filter(|(name, _)| !name.starts_with("f"));
            others
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(others(&read), others(&properties));
        assert_eq!(read.len(), properties.len());
    }

    /// Lists and maps, some of them with the names of tags, so deep inside one another.
    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::Float(f64::NEG_INFINITY), |value, number| {
            match number % 2 {
                0 => Value::List(vec![Value::Null, value]),
                _ => Value::Map([(BITS.to_owned(), value)].into()),
            }
        })
    }

    /// D2: what could not be read again is an error before it is written.
    #[test]
    fn properties_that_are_too_deep_are_an_error() {
        let properties = |depth| Properties::new().set("deep", nested(depth));
        let deepest = properties(MAX_DEPTH);
        assert_eq!(deepest.check(), Ok(()));
        assert_eq!(Properties::from_json(&deepest.to_json()), Ok(deepest));
        let error = properties(MAX_DEPTH + 1).check().unwrap_err();
        assert_eq!(
            error.reason(),
            "a property has lists or maps more than 32 deep"
        );
    }

    #[test]
    fn json_of_other_programs_is_a_value_and_back() {
        let json =
            serde_json::json!({"a": [1, -1, 1.5, u64::MAX, "x", null, true], "b": {"float": {}}});
        let value = Value::from(json.clone());
        assert_eq!(value.as_map().map(|map| map.len()), Some(2));
        assert_eq!(Json::from(value), json);
        assert_eq!(Json::from(Value::from(f64::NAN)), Json::Null);
        assert_eq!(
            Json::from(Value::from(vec![1_u8, 2])),
            serde_json::json!([1, 2])
        );
    }

    #[test]
    fn no_properties_are_an_empty_object() {
        assert_eq!(Properties::new().to_json(), "{}");
        assert_eq!(Properties::from_json("{}"), Ok(Properties::new()));
    }

    #[test]
    fn what_is_no_object_of_values_is_an_error() {
        for text in [
            "",
            "[]",
            "{",
            "{\"a\":{}}",
            "{\"a\":{\"float\":\"x\"}}",
            "{\"a\":{\"bytes\":\"abc\"}}",
            "{\"a\":{\"bytes\":\"+1\"}}",
            "{\"a\":{\"other\":{}}}",
        ] {
            assert!(Properties::from_json(text).is_err(), "{text}");
        }
    }
}
