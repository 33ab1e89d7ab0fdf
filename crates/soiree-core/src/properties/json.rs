//! Properties as JSON.

use serde_json::{Map, Value as Json};

use super::{Properties, Value};

/// A number that is no integer, as the 16 hexadecimal digits of its bits: JSON knows no infinity, and readers round.
const BITS: &str = "float";

/// A text is no JSON of properties. Returned by [`Properties::from_json`].
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
    /// The properties as a JSON object. [`from_json`](Self::from_json) reads it again, with the same values bit by bit: a
    /// [`Float`](Value::Float) is an object with the digits of its bits, since JSON knows no infinity.
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
        values.collect()
    }
}

impl Value {
    fn to_json(&self) -> Json {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => {
                let bits = format!("{:016x}", value.to_bits());
                Json::Object(Map::from_iter([(BITS.to_owned(), bits.into())]))
            }
            Self::Text(value) => value.as_str().into(),
        }
    }

    fn from_json(value: Json) -> Option<Self> {
        Some(match value {
            Json::Bool(value) => Self::Bool(value),
            Json::Number(value) => match value.as_i64() {
                Some(value) => Self::Int(value),
                None => Self::Float(value.as_f64()?),
            },
            Json::String(value) => Self::Text(value),
            Json::Object(value) => {
                let bits = value.get(BITS)?.as_str()?;
                Self::Float(f64::from_bits(u64::from_str_radix(bits, 16).ok()?))
            }
            _ => return None,
        })
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

    #[test]
    fn no_properties_are_an_empty_object() {
        assert_eq!(Properties::new().to_json(), "{}");
        assert_eq!(Properties::from_json("{}"), Ok(Properties::new()));
    }

    #[test]
    fn what_is_no_object_of_values_is_an_error() {
        for text in ["", "[]", "{\"a\":null}", "{\"a\":{\"float\":\"x\"}}", "{"] {
            assert!(Properties::from_json(text).is_err(), "{text}");
        }
    }
}
