//! W3C trace context: which request an event belongs to, over restarts and on to other services.

use std::fmt;

/// The header, and the property of an event that keeps it.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The trace that a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceParent {
    trace: String,
    parent: String,
    flags: String,
}

impl TraceParent {
    /// `None` if the header is not of version 00.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, len: usize| {
            let digits = text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            text.len() == len && digits
        };
        let is_id = |text: &str, len: usize| is_hex(text, len) && text.bytes().any(|b| b != b'0');
        let is_valid = version == "00"
            && is_id(trace, 32)
            && is_id(parent, 16)
            && is_hex(flags, 2)
            && parts.next().is_none();
        is_valid.then(|| Self {
            trace: trace.into(),
            parent: parent.into(),
            flags: flags.into(),
        })
    }

    /// The start of a trace.
    pub(crate) fn start() -> Self {
        Self {
            trace: format!("{:032x}", fastrand::u128(1..)),
            parent: span(),
            flags: "00".into(),
        }
    }

    /// What is sent on: the same trace, and a span of its own.
    pub(crate) fn child(&self) -> Self {
        Self {
            parent: span(),
            ..self.clone()
        }
    }

    pub(crate) fn trace(&self) -> &str {
        &self.trace
    }
}

fn span() -> String {
    format!("{:016x}", fastrand::u64(1..))
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace,
            parent,
            flags,
        } = self;
        write!(f, "00-{trace}-{parent}-{flags}")
    }
}
