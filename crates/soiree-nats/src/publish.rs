//! The listener that publishes.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use soiree_core::panic::caught;
use soiree_core::{
    AsyncListener, BoxError, Codecs, Event, EventId, KeyOrder, ListenerFuture, Permanent,
};
use tokio::time::timeout;

use crate::bridge::{Bridge, PATIENCE};
use crate::headers::{self, MAX_HOPS, Sender};

/// Publishes the events that it gets to the stream, and has handled one when the stream has acknowledged it.
pub(crate) struct Publisher {
    pub(crate) bridge: Arc<Bridge>,
    /// Those of the outbox, if there is one.
    pub(crate) durable: Option<Arc<Codecs>>,
    pub(crate) origin: EventId,
    pub(crate) plain_headers: Vec<Box<str>>,
    pub(crate) order: Option<KeyOrder>,
}

struct Outgoing {
    topic: Box<str>,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

/// An event was not published.
#[derive(Debug, thiserror::Error)]
enum NotPublished {
    #[error("there is no connection to NATS")]
    NotConnected,
    #[error("the bridge is closed")]
    Closed,
    #[error(
        "the stream {stream} was not checked, so nothing is published to it{}",
        reason(why)
    )]
    NotChecked {
        stream: Box<str>,
        why: Option<Arc<str>>,
    },
    #[error("the stream {stream} has not acknowledged {topic} in time")]
    TimedOut { stream: Box<str>, topic: Box<str> },
    #[error("the server forbids to publish {topic}: {said}")]
    Forbidden { topic: Box<str>, said: Arc<str> },
    #[error("the stream {stream} has not taken {topic}: {source}")]
    Rejected {
        stream: Box<str>,
        topic: Box<str>,
        source: PublishError,
    },
}

fn reason(why: &Option<Arc<str>>) -> String {
    why.as_ref()
        .map_or_else(String::new, |why| format!(": {why}"))
}

impl AsyncListener for Publisher {
    fn handle(&self, event: Arc<dyn Event>) -> ListenerFuture {
        let outgoing = self.outgoing(&*event);
        // It would keep its emission alive until the stream answers.
        drop(event);
        let outgoing = match outgoing {
            Ok(Some(outgoing)) => outgoing,
            Ok(None) => return Box::pin(async { Ok(()) }),
            Err(error) => {
                let figures = &self.bridge.figures;
                figures.failed_publishes.add();
                // It may be that of the program's codec.
                if let Ok(text) = caught(|| error.to_string()) {
                    figures.fail(&text);
                }
                return Box::pin(async { Err(error) });
            }
        };
        let bridge = Arc::clone(&self.bridge);
        let runtime = bridge.runtime.handle();
        let mut published = Box::pin(publish(bridge, outgoing));
        Box::pin(poll_fn(move |context| {
            // The pool that polls this may belong to no runtime, or to one without timers.
            let _entered = runtime.enter();
            published.as_mut().poll(context)
        }))
    }
}

impl Publisher {
    /// What is sent for an event. `None` if it came from the stream.
    fn outgoing(&self, event: &dyn Event) -> Result<Option<Outgoing>, BoxError> {
        let bridge = &self.bridge;
        let topic = event.topic();
        let properties = event.properties();
        if headers::came_from(&properties, bridge.stream_name()) {
            bridge.figures.not_published.add();
            return Ok(None);
        }
        if headers::hops(&properties) >= MAX_HOPS {
            let why =
                format!("{topic} went through {MAX_HOPS} streams, and is not published again");
            return Err(Permanent(why).into());
        }
        properties.check().map_err(Permanent)?;
        let durable = self.durable.as_ref().filter(|codecs| codecs.has(topic));
        let codecs = durable.map_or(&bridge.codecs, |codecs| codecs);
        let (codec, payload) = codecs.encode(topic, &event.payload()).map_err(Permanent)?;
        let sender = Sender {
            stream: bridge.stream_name(),
            origin: self.origin,
            plain_headers: &self.plain_headers,
        };
        Ok(Some(Outgoing {
            topic: topic.into(),
            subject: self.subject(event),
            headers: headers::write(event, &codec, &sender),
            payload: payload.into(),
        }))
    }
}

impl Publisher {
    /// The subject of an event: in the partition of its key, or of its ID.
    fn subject(&self, event: &dyn Event) -> String {
        let (subjects, topic) = (&self.bridge.subjects, event.topic());
        if subjects.partitions().is_none() {
            return subjects.subject(topic);
        }
        match self.order.as_ref().and_then(|order| order.key(event)) {
            Some(key) => subjects.keyed_subject(topic, &key),
            None => subjects.hashed_subject(topic, event.id().to_string().as_bytes()),
        }
    }
}

async fn publish(bridge: Arc<Bridge>, outgoing: Outgoing) -> Result<(), BoxError> {
    let _publishing = bridge.figures.publishing.enter();
    let published = attempt(&bridge, outgoing).await;
    if let Err(error) = &published {
        bridge.figures.failed_publishes.add();
        bridge.figures.fail(error);
    }
    published.map_err(|error| match is_permanent(&error) {
        true => Permanent(error).into(),
        false => error.into(),
    })
}

async fn attempt(bridge: &Bridge, outgoing: Outgoing) -> Result<(), NotPublished> {
    let Outgoing {
        topic,
        subject,
        headers,
        payload,
    } = outgoing;
    // What is sent without a connection waits in the client, and the limit of the server is not known.
    let mut closing = bridge.closing.subscribe();
    tokio::select! {
        biased;
        is_ready = bridge.connection.ready(PATIENCE) => {
            if !is_ready {
                return Err(NotPublished::NotConnected);
            }
        }
        _ = closing.wait_for(|is_closing| *is_closing) => return Err(NotPublished::Closed),
    }
    let stream = || Box::<str>::from(bridge.stream_name());
    let checked = tokio::select! {
        biased;
        checked = bridge.checked() => checked,
        _ = closing.wait_for(|is_closing| *is_closing) => return Err(NotPublished::Closed),
    };
    checked.map_err(|why| NotPublished::NotChecked {
        stream: stream(),
        why,
    })?;
    let message = PublishMessage::build().headers(headers).payload(payload);
    let (started, quoted) = (Instant::now(), format!("\"{subject}\""));
    let sent = async {
        let acknowledged = bridge
            .connection
            .context
            .send_publish(subject, message)
            .await?;
        acknowledged.await
    };
    let sent = timeout(bridge.ack_timeout, sent).await;
    let is_late = match &sent {
        Ok(Err(error)) => error.kind() == PublishErrorKind::TimedOut,
        other => other.is_err(),
    };
    // The server does not answer what it forbids.
    let said = is_late
        .then(|| bridge.figures.said_since(started))
        .flatten();
    if let Some(said) = said.filter(|said| said.contains(&quoted)) {
        return Err(NotPublished::Forbidden { topic, said });
    }
    match sent {
        Err(_) => Err(NotPublished::TimedOut {
            stream: stream(),
            topic,
        }),
        Ok(Err(source)) => {
            if source.kind() == PublishErrorKind::StreamNotFound {
                bridge.mend_stream().await;
            }
            Err(NotPublished::Rejected {
                stream: stream(),
                topic,
                source,
            })
        }
        Ok(Ok(acknowledged)) => {
            bridge.figures.published.add();
            if acknowledged.duplicate {
                bridge.figures.duplicates.add();
            }
            Ok(())
        }
    }
}

/// Whether the event can never be published, whatever the state of the server.
fn is_permanent(error: &NotPublished) -> bool {
    match error {
        NotPublished::Rejected { source, .. } => is_too_large(source),
        _ => false,
    }
}

/// Whether a message is larger than the server or the stream permits.
pub(crate) fn is_too_large(error: &PublishError) -> bool {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => true,
        PublishErrorKind::Other => {
            let source = std::error::Error::source(error);
            let source = source.and_then(|source| source.downcast_ref::<jetstream::Error>());
            source.is_some_and(|source| {
                source.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
            })
        }
        _ => false,
    }
}
