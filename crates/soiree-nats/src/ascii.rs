//! JSON in one line of ASCII, which a header can carry.

use std::fmt::Write;

/// What is not ASCII is inside of strings, where JSON has an escape for it.
pub(crate) fn ascii(json: &str) -> String {
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

#[cfg(test)]
mod tests {
    use soiree_core::{Properties, Value};

    use super::*;

    /// N10: properties survive bit by bit, in one line of ASCII.
    #[test]
    fn every_value_survives_in_one_line_of_ascii() {
        let values = [
            ("", Value::Text(String::new())),
            (
                "\"\\\u{1}\r\n\0é",
                Value::Text("\0\u{10ffff}\"{}\u{7f}".into()),
            ),
            ("least", Value::Int(i64::MIN)),
            ("yes", Value::Bool(true)),
            ("infinite", Value::Float(f64::NEG_INFINITY)),
        ];
        let properties: Properties = values.into_iter().collect();
        let line = ascii(&properties.to_json());
        assert!(
            line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{line}"
        );
        assert_eq!(Properties::from_json(&line), Ok(properties));
    }
}
