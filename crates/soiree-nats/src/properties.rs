//! Properties of events as one line of ASCII JSON, which a header can carry.

use std::fmt::Write;

use serde_json::{Map, Value as Json};
use soiree_core::{Properties, Value};

/// A number that is no integer, as the 16 hexadecimal digits of its bits: JSON knows no infinity, and readers round.
const BITS: &str = "float";

/// The properties as a JSON object. `None` if there are none.
pub(crate) fn write(properties: &Properties) -> Option<String> {
    if properties.is_empty() {
        return None;
    }
    let object: Map<String, Json> = properties
        .iter()
        .filter_map(|(name, value)| Some((name.to_owned(), to_json(value)?)))
        .collect();
    Some(ascii(&Json::Object(object).to_string()))
}

/// What is not ASCII is inside of strings, where JSON has an escape for it.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if matches!(char, ' '..='~') {
            text.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            write!(text, "\\u{unit:04x}").expect("writing to a string does not fail");
        }
    }
    text
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

    /// N10: properties survive bit by bit, in one line of ASCII.
    #[test]
    fn every_value_survives_in_one_line_of_ascii() {
        let mut properties = Properties::new();
        for (name, value) in [
            ("", Value::Text(String::new())),
            (
                "\"\\\u{1}\r\n\0é",
                Value::Text("\0\u{10ffff}\"{}\u{7f}".into()),
            ),
            ("least", Value::Int(i64::MIN)),
            ("yes", Value::Bool(true)),
            ("third", Value::Float(0.1 + 0.2)),
            ("infinite", Value::Float(f64::NEG_INFINITY)),
        ] {
            properties.insert(name, value);
        }
        let line = write(&properties).unwrap();
        assert!(
            line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{line}"
        );
        assert_eq!(read(&line).unwrap(), properties);
        assert_eq!(write(&Properties::new()), None);
    }

    #[test]
    fn what_is_no_object_of_values_is_an_error() {
        for text in ["", "[]", "{\"a\":null}", "{\"a\":{\"float\":\"x\"}}", "{"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
