//! Messages that cannot be handled, on their way to the dead subject.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::client::Request;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::RawMessage;
use bytes::Bytes;
use serde_json::{Value, json};
use soiree_core::BoxError;
use tokio::time::timeout;

use crate::bridge::{PATIENCE, Pause};
use crate::consumer::Consumer;
use crate::error::NatsError;
use crate::headers::{self, Dead};
use crate::publish::is_too_large;

/// How many messages are looked at after connections were lost.
const MAX_LOOKS: usize = 10_000;

/// A message that cannot be handled.
pub(crate) struct Undeliverable<'a> {
    pub(crate) subject: &'a str,
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) payload: &'a Bytes,
    pub(crate) sequence: u64,
    pub(crate) attempts: u64,
}

/// A message of the stream as the server tells it apart from a delivery.
struct Stored {
    raw: RawMessage,
    /// Why the client could not read a delivery of it.
    unreadable: Option<String>,
}

impl Consumer {
    /// Publishes a message to the dead subject, for as long as that takes. Returns whether it is there: if not, the consumer is stopping.
    pub(crate) async fn bury(&self, message: &Undeliverable<'_>, why: &str) -> bool {
        let stream = self.bridge.stream_name();
        let message_id = format!("{stream}:{}:{}:dead", message.sequence, self.name);
        let dead = Dead {
            subject: message.subject,
            reason: why,
            attempts: message.attempts,
            message_id: &message_id,
        };
        self.figures.fail(&why);
        let mut short = false;
        let mut pause = Pause::default();
        loop {
            let headers = headers::dead(message.headers, &dead, short);
            let context = &self.bridge.connection.context;
            let sent = async {
                let subject = self.dead_subject.clone();
                let payload = message.payload.clone();
                let acknowledged = context
                    .publish_with_headers(subject, headers, payload)
                    .await?;
                acknowledged.await
            };
            if self.ready(PATIENCE).await {
                match timeout(self.bridge.ack_timeout, sent).await {
                    Ok(Ok(_)) => {
                        self.figures.dead.add();
                        return true;
                    }
                    Ok(Err(error)) if is_too_large(&error) && !short => {
                        short = true;
                        continue;
                    }
                    Ok(Err(error)) => self.figures.fail(&error),
                    Err(_) => self.figures.fail(&"the dead subject does not acknowledge"),
                }
            }
            if self.is_stopping() {
                return false;
            }
            pause.wait().await;
        }
    }

    /// Waits for a connection, but not while the consumer stops. Returns whether there is one.
    pub(crate) async fn ready(&self, limit: Duration) -> bool {
        let connection = &self.bridge.connection;
        tokio::select! {
            biased;
            is_ready = connection.ready(limit) => is_ready,
            () = self.stopped() => connection.is_connected(),
        }
    }

    /// Looks among the messages that were delivered and have not ended for those that the client cannot read, and ends them. It closes the connection
    /// when it gets one, so that all others come again too, and again.
    pub(crate) async fn bury_unreadable(&self, consumer: &PullConsumer) {
        let info = consumer.cached_info();
        let mut next = info.ack_floor.stream_sequence + 1;
        for _ in 0..MAX_LOOKS {
            if next > info.delivered.stream_sequence || self.is_stopping() {
                return;
            }
            let stored = match self.stored(next).await {
                Ok(Some(stored)) => stored,
                Ok(None) => return,
                // It may not be permitted.
                Err(error) => return self.figures.fail(&error),
            };
            next = stored.raw.sequence + 1;
            if let Some(why) = &stored.unreadable {
                self.end_unreadable(&stored.raw, why).await;
            }
        }
    }

    /// The first message from there on that the consumer may be given.
    async fn stored(&self, sequence: u64) -> Result<Option<Stored>, NatsError> {
        let stream = self.bridge.stream_name();
        let failed = |error: BoxError| {
            NatsError::request(format!("read messages of the stream {stream}"), error)
        };
        let asked = json!({ "seq": sequence, "next_by_subj": self.filter.subject });
        let context = &self.bridge.connection.context;
        let answer = context
            .request(format!("STREAM.MSG.GET.{stream}"), &asked)
            .await;
        let mut answer: Value = match answer.map_err(|error| failed(error.into()))? {
            Response::Ok(answer) => answer,
            // There is none.
            Response::Err { .. } => return Ok(None),
        };
        let raw = serde_json::from_value(answer["message"].take());
        let raw: RawMessage = raw.map_err(|error| failed(error.into()))?;
        let unreadable = match StreamMessage::try_from(raw.clone()) {
            // The server has replaced what is no text.
            _ if raw.subject.contains('\u{fffd}') => Some("its subject is no UTF-8".into()),
            Ok(_) => None,
            Err(error) => Some(format!(
                "its headers cannot be read, and are left out: {error}"
            )),
        };
        Ok(Some(Stored { raw, unreadable }))
    }

    async fn end_unreadable(&self, raw: &RawMessage, why: &str) {
        let without = RawMessage {
            headers: None,
            ..raw.clone()
        };
        let Ok(message) = StreamMessage::try_from(without) else {
            return;
        };
        let undeliverable = Undeliverable {
            subject: &raw.subject,
            headers: None,
            payload: &message.payload,
            sequence: raw.sequence,
            attempts: 1,
        };
        if !self.bury(&undeliverable, why).await {
            return;
        }
        // Where a delivery would be acknowledged. The server goes by the sequence in the stream alone.
        let (stream, sequence) = (self.bridge.stream_name(), raw.sequence);
        let at = raw.time.unix_timestamp_nanos();
        let reply = format!("$JS.ACK.{stream}.{}.1.{sequence}.1.{at}.0", self.name);
        let request = Request::new()
            .payload(AckKind::Term.into())
            .timeout(Some(self.bridge.ack_timeout));
        match self
            .bridge
            .connection
            .client
            .send_request(reply, request)
            .await
        {
            Ok(_) => self.figures.acked.add(),
            Err(error) => self.figures.fail(&error),
        }
    }
}
