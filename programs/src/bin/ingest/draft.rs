//! What an event is made of, and checks of each part.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use soiree::{BaseEvent, Event, EventId};

use crate::trace::{TRACEPARENT, TraceParent};

/// The pattern of all events.
pub(crate) const EVERY: &str = "hook.**";
pub(crate) const SOURCE: &str = "source";
pub(crate) const ACCOUNT: &str = "account";

const MOST_SEGMENT: usize = 64;
const MOST_DELIVERY: usize = 200;
/// Longer ones are no names of accounts. They would be kept in memory as keys of the order.
const MOST_ACCOUNT: usize = 200;

/// What a sender says about an event.
pub(crate) struct Draft<'a> {
    pub(crate) source: &'a str,
    /// The kind of event; `received` if the sender does not say.
    pub(crate) event: Option<&'a str>,
    /// How the sender names this delivery. If it comes again, the event is the same.
    pub(crate) delivery: Option<&'a str>,
    pub(crate) body: Vec<u8>,
    pub(crate) trace: TraceParent,
}

/// What is read of a body. Other fields may be anything.
#[derive(Deserialize)]
struct Facts {
    #[serde(default)]
    action: Value,
    #[serde(default)]
    account: Value,
    #[serde(default)]
    sender: Value,
}

/// Why a draft is no event. Shown to the sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("{what} is {}, and may have 1 to 64 characters of a-z, A-Z, 0-9, _ and -", shown(.found))]
    Segment { what: &'static str, found: String },
    #[error("the delivery is {}, and may have 1 to 200 printable characters of ASCII", shown(.found))]
    Delivery { found: String },
    #[error("the body cannot be read as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the body is no JSON object")]
    NotAnObject,
    #[error("the body is no UTF-8: {0}")]
    NotText(#[from] std::str::Utf8Error),
}

/// So that a message is no longer than what is right, and one line.
fn shown(found: &str) -> String {
    let start: String = found.chars().take(80).collect();
    let rest = if start.len() < found.len() { "…" } else { "" };
    format!("\"{}{rest}\"", start.escape_debug())
}

/// Checks the name of a source.
pub(crate) fn check_source(source: &str) -> Result<(), Malformed> {
    segment("the source", source)
}

fn is_segment(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MOST_SEGMENT).contains(&text.len()) && text.bytes().all(is_plain)
}

fn segment(what: &'static str, text: &str) -> Result<(), Malformed> {
    if is_segment(text) {
        return Ok(());
    }
    let found = text.into();
    Err(Malformed::Segment { what, found })
}

impl Draft<'_> {
    pub(crate) fn into_event(self) -> Result<BaseEvent, Malformed> {
        let Self {
            source,
            event,
            delivery,
            body,
            trace,
        } = self;
        check_source(source)?;
        let event = event.unwrap_or("received");
        segment("the event", event)?;
        let id = match delivery {
            Some(delivery) => id_of(source, delivery)?,
            None => EventId::new(),
        };
        let text = std::str::from_utf8(&body)?;
        if !text.trim_ascii_start().starts_with('{') {
            return Err(Malformed::NotAnObject);
        }
        let facts: Facts = serde_json::from_str(text)?;
        let mut topic = format!("hook.{source}.{event}");
        if let Some(action) = facts.action.as_str().filter(|action| is_segment(action)) {
            topic.push('.');
            topic.push_str(action);
        }
        let account = facts.account.as_str().or(facts.sender["login"].as_str());
        let account = account.filter(|account| account.len() <= MOST_ACCOUNT);
        let event = BaseEvent::new(topic, body)
            .with_id(id)
            .with_property(SOURCE, source)
            .with_property(ACCOUNT, account.unwrap_or(source))
            .with_property(TRACEPARENT, trace.to_string());
        Ok(event)
    }
}

/// The same delivery is the same event, whenever it comes.
fn id_of(source: &str, delivery: &str) -> Result<EventId, Malformed> {
    let is_printable = delivery
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !(1..=MOST_DELIVERY).contains(&delivery.len()) || !is_printable {
        let found = delivery.into();
        return Err(Malformed::Delivery { found });
    }
    let hash = Sha256::new()
        .chain_update(source)
        .chain_update([0])
        .chain_update(delivery)
        .finalize();
    let bits = hash
        .iter()
        .take(16)
        .fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
    Ok(bits.into())
}

/// A property that a draft has set.
pub(crate) fn property(event: &dyn Event, name: &str) -> String {
    let properties = event.properties();
    let value = properties.get(name).and_then(|value| value.as_str());
    value.unwrap_or_default().to_owned()
}

/// The body of a stored event.
pub(crate) fn body(event: &dyn Event) -> Result<Vec<u8>, &'static str> {
    let payload = event.payload_as::<Vec<u8>>();
    Ok(payload
        .ok_or("the payload is no body of a request")?
        .to_vec())
}

/// The trace of the request that brought the event.
pub(crate) fn trace(event: &dyn Event) -> TraceParent {
    TraceParent::parse(&property(event, TRACEPARENT)).unwrap_or_else(TraceParent::start)
}
