//! How payloads are written down.

#[cfg(feature = "json")]
mod json;

use crate::listener::BoxError;
use crate::payload::Payload;

#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::json::Json;

/// Writes payloads of one type down as bytes, and reads them again.
///
/// The name of the codec is stored with each event, so choose one that does not change when types are renamed, such as `json`. To
/// change the format, change the name (`json;v=2`), and let [`decode`](Codec::decode) read both.
///
/// ```
/// use soiree_core::codec::{Codec, Raw};
/// use soiree_core::Payload;
///
/// let bytes = Raw.encode(&Payload::new(vec![1_u8, 2]))?;
/// let payload = Raw.decode("raw", &bytes)?;
/// assert_eq!(payload.downcast_ref(), Some(&vec![1_u8, 2]));
/// # Ok::<(), soiree_core::BoxError>(())
/// ```
pub trait Codec: Send + Sync {
    /// The name that is stored with each event.
    fn name(&self) -> &str;

    /// Writes a payload down.
    ///
    /// # Errors
    /// If the payload is not of the codec's type, or cannot be written down.
    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, BoxError>;

    /// Reads a payload that a codec of this name has written.
    ///
    /// # Errors
    /// If the codec does not know the name, or the bytes are not what it writes.
    fn decode(&self, name: &str, bytes: &[u8]) -> Result<Payload, BoxError>;
}

/// Payloads of type `Vec<u8>`, as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

/// Payloads of type `String`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text;

/// A codec got a payload of another type than its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the codec {codec} writes {expected}, and the payload is {found}")]
pub struct WrongType {
    /// The name of the codec.
    pub codec: Box<str>,
    /// The type that the codec writes.
    pub expected: &'static str,
    /// The type of the payload.
    pub found: &'static str,
}

/// A codec got bytes that another codec has written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the codec {codec} does not read what {found:?} has written")]
pub struct UnknownCodec {
    /// The name of the codec.
    pub codec: Box<str>,
    /// The name that is stored with the event.
    pub found: Box<str>,
}

fn typed<'p, T: 'static>(codec: &str, payload: &'p Payload) -> Result<&'p T, WrongType> {
    payload.downcast_ref().ok_or_else(|| WrongType {
        codec: codec.into(),
        expected: std::any::type_name::<T>(),
        found: payload.type_name(),
    })
}

fn check_name(codec: &str, found: &str) -> Result<(), UnknownCodec> {
    if found == codec {
        return Ok(());
    }
    Err(UnknownCodec {
        codec: codec.into(),
        found: found.into(),
    })
}

impl Codec for Raw {
    fn name(&self) -> &str {
        "raw"
    }

    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, BoxError> {
        Ok(typed::<Vec<u8>>(self.name(), payload)?.clone())
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Result<Payload, BoxError> {
        check_name(self.name(), name)?;
        Ok(Payload::new(bytes.to_vec()))
    }
}

impl Codec for Text {
    fn name(&self) -> &str {
        "text"
    }

    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, BoxError> {
        Ok(typed::<String>(self.name(), payload)?.clone().into_bytes())
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Result<Payload, BoxError> {
        check_name(self.name(), name)?;
        Ok(Payload::new(String::from_utf8(bytes.to_vec())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D1: what is read is what was written.
    #[test]
    fn bytes_and_text_are_written_and_read_as_they_are() {
        let bytes = Raw.encode(&Payload::new(vec![0_u8, 255])).unwrap();
        assert_eq!(bytes, [0, 255]);
        let read = Raw.decode("raw", &bytes).unwrap();
        assert_eq!(read.downcast_ref(), Some(&vec![0_u8, 255]));

        let bytes = Text.encode(&Payload::new(String::from("grün"))).unwrap();
        let read = Text.decode("text", &bytes).unwrap();
        assert_eq!(read.downcast_ref(), Some(&String::from("grün")));
    }

    /// D8: what cannot be written or read is an error that names it.
    #[test]
    fn a_wrong_type_and_a_wrong_codec_are_errors_that_name_both() {
        let error = Raw.encode(&Payload::new(7_u32)).unwrap_err();
        let expected = "the codec raw writes alloc::vec::Vec<u8>, and the payload is u32";
        assert_eq!(error.to_string(), expected);
        let error = Text.decode("json", b"{}").map(drop).unwrap_err();
        let expected = "the codec text does not read what \"json\" has written";
        assert_eq!(error.to_string(), expected);
        assert!(Text.decode("text", &[255]).is_err());
    }
}
