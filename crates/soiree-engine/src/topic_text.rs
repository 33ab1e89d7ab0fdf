//! A topic's name, kept.

use arrayvec::ArrayString;

/// A topic's name, without an allocation unless it is long.
pub(crate) enum TopicText {
    Inline(ArrayString<27>),
    Long(Box<str>),
}

impl TopicText {
    #[inline]
    pub(crate) fn new(topic: &str) -> Self {
        match ArrayString::from(topic) {
            Ok(short) => Self::Inline(short),
            Err(_) => Self::Long(topic.into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Inline(topic) => topic,
            Self::Long(topic) => topic,
        }
    }
}
