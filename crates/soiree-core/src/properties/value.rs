//! The values of properties.

use std::collections::BTreeMap;
use std::fmt;

/// The value of a property: what JSON can say, and bytes.
///
/// ```
/// use soiree_core::Value;
///
/// let value = Value::from(vec![Value::from(7_u8), Value::Null, Value::from("seven")]);
/// assert_eq!(value.as_list().map(<[Value]>::len), Some(3));
/// assert_eq!(value.to_string(), "[7, null, \"seven\"]");
/// assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
/// assert_eq!(Value::from(7_u64), Value::Int(7));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer above [`i64::MAX`]. A smaller one is an [`Int`](Self::Int), which is not equal to it.
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Several values.
    List(Vec<Value>),
    /// Several values with names.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// Whether the value is nothing.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The boolean, if the value is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if the value is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::UInt(number) => (*number).try_into().ok(),
            _ => None,
        }
    }

    /// The integer, if the value is one and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(number) => (*number).try_into().ok(),
            Self::UInt(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if the value is one. An integer of more than 53 bits is rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::UInt(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if the value is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if the value is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The values, if the value is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The values with their names, if the value is a map.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Self::Map(values) => Some(values),
            _ => None,
        }
    }
}

/// A text alone is displayed as it is, and one in a list or a map in quotes. Bytes are displayed as hexadecimal digits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.pad("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::UInt(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(values) => f.debug_list().entries(values.iter().map(Inside)).finish(),
            Self::Map(values) => {
                let values = values.iter().map(|(name, value)| (name, Inside(value)));
                f.debug_map().entries(values).finish()
            }
        }
    }
}

/// A value in a list or a map.
struct Inside<'a>(&'a Value);

impl fmt::Debug for Inside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => fmt::Debug::fmt(text, f),
            value => fmt::Display::fmt(value, f),
        }
    }
}

macro_rules! from_small_integers {
    ($($integer:ty),+) => {
        $(impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self::Int(value.into())
            }
        })+
    };
}

from_small_integers!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::UInt(value), Self::Int)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        // No platform of Rust has more than 64 bits.
        Self::from(value as u64)
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Self::Int(value as i64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f32> for Value {
    fn from(value: f32) -> Self {
        Self::Float(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::List(value)
    }
}

impl From<BTreeMap<String, Value>> for Value {
    fn from(value: BTreeMap<String, Value>) -> Self {
        Self::Map(value)
    }
}

/// `None` is [`Null`](Value::Null).
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_is_a_value_and_reads_as_it_was() {
        assert_eq!(Value::from(-1_i8).as_i64(), Some(-1));
        assert_eq!(Value::from(i64::MIN).as_i64(), Some(i64::MIN));
        assert_eq!(Value::from(u8::MAX).as_u64(), Some(255));
        assert_eq!(Value::from(u64::MAX), Value::UInt(u64::MAX));
        assert_eq!(Value::from(u64::MAX).as_i64(), None);
        assert_eq!(Value::from(usize::MAX).as_u64(), Some(usize::MAX as u64));
        assert_eq!(Value::from(isize::MIN).as_i64(), Some(isize::MIN as i64));
        assert_eq!(Value::from(-1).as_u64(), None);
        assert_eq!(Value::from(3).as_f64(), Some(3.0));
    }

    #[test]
    fn each_kind_has_a_reader_that_reads_no_other() {
        let values = [
            Value::Null,
            Value::from(true),
            Value::from("text"),
            Value::from(vec![1_u8, 255]),
            Value::from(vec![Value::from(1)]),
            Value::from(BTreeMap::from([(
                String::from("a"),
                Value::from(None::<i32>),
            )])),
        ];
        for (number, value) in values.iter().enumerate() {
            let read = [
                value.is_null(),
                value.as_bool().is_some(),
                value.as_str().is_some(),
                value.as_bytes().is_some(),
                value.as_list().is_some(),
                value.as_map().is_some(),
            ];
            let readers = read.iter().filter(|read| **read).count();
            assert!(read[number] && readers == 1, "{value:?}");
            assert_eq!((value.as_i64(), value.as_f64()), (None, None));
        }
        let shown = values.map(|value| value.to_string());
        assert_eq!(
            shown,
            ["null", "true", "text", "01ff", "[1]", "{\"a\": null}"]
        );
    }
}
