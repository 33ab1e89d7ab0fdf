//! Properties of events as JSON.

use serde_json::{Map, Value as Json};
use soiree_core::{Properties, Value};

/// A number that is no integer, as the 16 hexadecimal digits of its bits: JSON knows no infinity, and readers round.
const BITS: &str = "float";

/// The properties as a JSON object. `None` if there are none, or if a value is of a kind that is not known here.
pub(crate) fn write(properties: &Properties) -> Option<String> {
    if properties.is_empty() {
        return None;
    }
    let object: Map<String, Json> = properties
        .iter()
        .filter_map(|(name, value)| Some((name.to_owned(), to_json(value)?)))
        .collect();
    Some(Json::Object(object).to_string())
}

/// The properties of a JSON object, or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Properties, &'static str> {
    let Ok(Json::Object(object)) = serde_json::from_str(text) else {
        return Err("the properties are no JSON object");
    };
    let mut properties = Properties::new();
    for (name, value) in object {
        let value = from_json(value).ok_or("a property is of no known kind")?;
        properties.insert(name, value);
    }
    Ok(properties)
}

fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => {
            let bits = format!("{:016x}", value.to_bits());
            Json::Object(Map::from_iter([(BITS.to_owned(), bits.into())]))
        }
        Value::Text(value) => value.as_str().into(),
        _ => return None,
    })
}

fn from_json(value: Json) -> Option<Value> {
    Some(match value {
        Json::Bool(value) => Value::Bool(value),
        Json::Number(value) => match value.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(value.as_f64()?),
        },
        Json::String(value) => Value::Text(value),
        Json::Object(value) => {
            let bits = value.get(BITS)?.as_str()?;
            Value::Float(f64::from_bits(u64::from_str_radix(bits, 16).ok()?))
        }
        _ => return None,
    })
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

        let read = read(&write(&properties).unwrap()).unwrap();

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
    fn no_properties_are_no_text() {
        assert_eq!(write(&Properties::new()), None);
    }

    #[test]
    fn what_is_no_object_of_values_is_an_error() {
        for text in ["", "[]", "{\"a\":null}", "{\"a\":{\"float\":\"x\"}}", "{"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
