//! What a message says about its event besides the payload.

use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use soiree_core::{Event, EventId, Properties, Value};

use crate::ascii::ascii;
use crate::error::NatsError;

const ID: &str = "Soiree-Id";
const ORIGIN: &str = "Soiree-Origin";
const AT: &str = "Soiree-At";
const PROPERTIES: &str = "Soiree-Properties";
const CODEC: &str = "Content-Type";
const DEAD_REASON: &str = "Soiree-Dead-Reason";
const DEAD_SUBJECT: &str = "Soiree-Dead-Subject";
const DEAD_ATTEMPTS: &str = "Soiree-Dead-Attempts";

/// The properties that are headers of their own: the context of W3C traces.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// The property that names the streams that an event came from, separated by spaces.
const VIA: &str = "soiree.via";
/// The property that counts how often an event went through a stream.
const HOPS: &str = "soiree.hops";

/// How often an event may go through a stream.
pub(crate) const MAX_HOPS: i64 = 16;

/// How much of an error goes into a header.
const MAX_REASON: usize = 500;

/// Content types that others use for what the codecs of soiree write.
const ALIASES: [(&str, &str); 3] = [
    ("application/json", "json"),
    ("text/plain", "text"),
    ("application/octet-stream", "raw"),
];

/// Where a message comes from.
pub(crate) struct Sender<'a> {
    pub(crate) stream: &'a str,
    pub(crate) origin: EventId,
    pub(crate) plain_headers: &'a [Box<str>],
}

/// What the headers of a message say.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) id: Option<EventId>,
    pub(crate) origin: Option<EventId>,
    pub(crate) codec: Option<String>,
    pub(crate) properties: Properties,
}

/// Whether an event came from this stream.
pub(crate) fn came_from(properties: &Properties, stream: &str) -> bool {
    let via = properties.get(VIA).and_then(Value::as_str);
    via.is_some_and(|via| via.split(' ').any(|name| name == stream))
}

/// How often the event went through a stream.
pub(crate) fn hops(properties: &Properties) -> i64 {
    let hops = properties.get(HOPS).and_then(Value::as_i64);
    hops.unwrap_or_default()
}

/// Marks an event as one that came from this stream.
pub(crate) fn mark(properties: &mut Properties, stream: &str) {
    let hops = hops(properties).saturating_add(1);
    properties.insert(HOPS, hops);
    if came_from(properties, stream) {
        return;
    }
    let via = match properties.get(VIA).and_then(Value::as_str) {
        Some(via) if !via.is_empty() => format!("{via} {stream}"),
        _ => stream.to_owned(),
    };
    properties.insert(VIA, via);
}

/// The headers of an event.
pub(crate) fn write(event: &dyn Event, codec: &str, sender: &Sender<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let id = event.id().to_string();
    headers.insert(NATS_MESSAGE_ID, id.as_str());
    headers.insert(NATS_EXPECTED_STREAM, sender.stream);
    headers.insert(ID, id);
    headers.insert(ORIGIN, sender.origin.to_string());
    if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
        headers.insert(AT, now.as_millis().to_string());
    }
    headers.insert(CODEC, printable(codec));
    let mut properties = event.properties();
    for name in sender.plain_headers {
        if let Some(value) = properties.get(name) {
            headers.insert(&**name, printable(&value.to_string()));
        }
    }
    for name in TRACE {
        let Some(text) = properties.get(name).and_then(Value::as_str) else {
            continue;
        };
        if is_plain(text) {
            headers.insert(name, text);
            properties.remove(name);
        }
    }
    if !properties.is_empty() {
        headers.insert(PROPERTIES, ascii(&properties.to_json()));
    }
    headers
}

/// What the headers of a message say, or what is wrong with them.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Result<Received, &'static str> {
    let Some(headers) = headers else {
        return Ok(Received::default());
    };
    let text = |name: &str| headers.get(name).map(|value| value.as_str());
    let id = text(ID).map(str::parse::<EventId>).transpose();
    let id = id.map_err(|_| "the header Soiree-Id is no ID")?;
    let properties = text(PROPERTIES).map(Properties::from_json).transpose();
    let properties = properties.map_err(|error| error.reason())?;
    let mut properties = properties.unwrap_or_default();
    for name in TRACE {
        if let Some(text) = text(name) {
            properties.insert(name, text);
        }
    }
    Ok(Received {
        id,
        origin: text(ORIGIN).and_then(|text| text.parse().ok()),
        codec: text(CODEC).map(|name| codec(name).to_owned()),
        properties,
    })
}

fn codec(content_type: &str) -> &str {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    // Media types have no case.
    let is_it = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case(media);
    let alias = ALIASES.iter().find(is_it);
    alias.map_or(content_type, |(_, codec)| codec)
}

/// Why and how a message became a dead one.
pub(crate) struct Dead<'a> {
    pub(crate) subject: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) attempts: u64,
    /// The same each time that this message is published to the dead subject.
    pub(crate) message_id: &'a str,
}

/// The headers of a dead message: the original ones, and why it is dead. If they do not fit, `short` leaves the reason out.
pub(crate) fn dead(original: Option<&HeaderMap>, dead: &Dead<'_>, short: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in original.into_iter().flat_map(HeaderMap::iter) {
        let text: &str = name.as_ref();
        // Those of the server's are instructions to it.
        if text.to_ascii_lowercase().starts_with("nats-") {
            continue;
        }
        for value in values {
            headers.append(name.clone(), value.clone());
        }
    }
    headers.insert(NATS_MESSAGE_ID, dead.message_id);
    headers.insert(DEAD_SUBJECT, printable(dead.subject));
    if !short {
        headers.insert(DEAD_REASON, cut(&printable(dead.reason)));
        headers.insert(DEAD_ATTEMPTS, dead.attempts.to_string());
    }
    headers
}

fn cut(text: &str) -> &str {
    // It is ASCII.
    text.get(..MAX_REASON).unwrap_or(text)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text
}

/// The text, with `?` for what a header cannot carry.
fn printable(text: &str) -> String {
    let replace = |char| match char {
        ' '..='~' => char,
        _ => '?',
    };
    text.chars().map(replace).collect()
}

/// Whether a property may be a header of this name.
pub(crate) fn check_plain_header(name: &str) -> Result<(), NatsError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let lower = name.to_ascii_lowercase();
    let is_reserved = [
        "nats-",
        "soiree-",
        "content-type",
        "traceparent",
        "tracestate",
    ]
    .iter()
    .any(|reserved| lower.starts_with(reserved));
    let why = match () {
        () if name.is_empty() || !name.bytes().all(is_token) => {
            "it must be letters, digits, - and _"
        }
        () if is_reserved => "the bridge and the server use this name",
        () => return Ok(()),
    };
    Err(NatsError::InvalidName {
        what: "header",
        name: name.into(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use soiree_core::BaseEvent;

    use super::*;

    fn origin() -> EventId {
        EventId::from(7_u128)
    }

    fn sender() -> Sender<'static> {
        Sender {
            stream: "EVENTS",
            origin: origin(),
            plain_headers: &[],
        }
    }

    /// N10: the ID, the properties and the context of the trace are in the headers, and come back.
    #[test]
    fn what_is_written_is_read() {
        let properties = Properties::new()
            .set("tenant", "äcme")
            .set(
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            )
            .set("tracestate", "line\nbreak");
        let event = BaseEvent::new("a", ()).with_properties(properties.clone());
        let headers = write(&event, "json", &sender());
        assert!(headers.get("traceparent").is_some());
        assert!(headers.get("tracestate").is_none(), "a header is one line");
        let received = read(Some(&headers)).unwrap();
        assert_eq!(received.id, Some(event.id()));
        assert_eq!(received.origin, Some(origin()));
        assert_eq!(received.codec.as_deref(), Some("json"));
        assert_eq!(received.properties, properties);
    }

    /// N6: an event remembers each stream that it came from, and how many there were.
    #[test]
    fn an_event_remembers_its_streams() {
        let mut properties = Properties::new();
        for stream in ["A", "B", "A"] {
            mark(&mut properties, stream);
        }
        assert!(came_from(&properties, "A") && came_from(&properties, "B"));
        assert!(!came_from(&properties, "AB"));
        assert_eq!(hops(&properties), 3);
        assert_eq!(properties.get(VIA), Some(&Value::from("A B")));
    }

    #[test]
    fn a_plain_header_is_a_token_that_nobody_else_uses() {
        assert!(check_plain_header("tenant").is_ok());
        for name in ["", "a b", "a:b", "Nats-Msg-Id", "soiree-id", "Content-Type"] {
            assert!(check_plain_header(name).is_err(), "{name}");
        }
    }
}
