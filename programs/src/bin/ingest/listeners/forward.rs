//! `forward`: sends events on to another service, which is flaky, and says how much it takes.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use soiree::{
    BoxError, Event, Jitter, ListenerError, ListenerOptions, Outbox, Permanent, Retry, RetryAfter,
};
use soiree_programs::client;

use super::each::log;
use crate::draft::{EVERY, body, trace};
use crate::gate::Gate;
use crate::options::Options;
use crate::trace::TRACEPARENT;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// For a call. The wait at the gate does not count.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("the receiver answered {status}")]
    Status {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("the receiver did not answer: {}", root(.0))]
    NoAnswer(#[from] reqwest::Error),
    #[error("the service stopped before the call was sent")]
    Stopped,
}

/// What lies at the bottom says most: `Connection reset by peer`.
fn root(error: &reqwest::Error) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

struct Forward {
    client: Client,
    to: String,
    gate: Arc<Gate>,
    attempts: u32,
}

pub(super) fn subscribe(
    outbox: &Outbox,
    options: &Options,
    to: &str,
    gate: &Arc<Gate>,
) -> Result<(), Box<dyn Error>> {
    // A thousand events that failed in one outage do not come back in one second: the pauses are random, up to these.
    let retry = Retry::exponential(FIRST_DELAY, Retry::MAX_ATTEMPTS)
        .max_delay(LONGEST_DELAY)
        .jitter(Jitter::Full)
        .when(is_transient);
    let listener = ListenerOptions::new()
        .durable("forward")
        .name("forward")
        .pool("forward")
        .retry(retry);
    let forward = Arc::new(Forward {
        client: client::new()?,
        to: to.into(),
        gate: Arc::clone(gate),
        attempts: options.attempts,
    });
    outbox.on_async_with(EVERY, listener, move |event| {
        let forward = Arc::clone(&forward);
        async move { forward.handle(&*event).await }
    })?;
    Ok(())
}

impl Forward {
    async fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        if !self.gate.pass().await {
            return Err(ForwardError::Stopped.into());
        }
        let body = body(event)?;
        let Err(error) = self.send(event, body).await else {
            log("forward", event);
            return Ok(());
        };
        // Not left to the retry: it counts an attempt that did not pass the gate too, and that must not be the last one.
        if event.attempt() >= self.attempts {
            return Err(Permanent(error).into());
        }
        match error {
            ForwardError::Status {
                retry_after: Some(after),
                ..
            } => Err(RetryAfter(after, error).into()),
            _ => Err(error.into()),
        }
    }

    async fn send(&self, event: &dyn Event, body: Vec<u8>) -> Result<(), ForwardError> {
        let request = self
            .client
            .post(&self.to)
            .timeout(TIMEOUT)
            .header(CONTENT_TYPE, "application/json")
            .header("x-event-id", event.id().to_string())
            .header("x-topic", event.topic())
            .header(TRACEPARENT, trace(event).child().to_string())
            .body(body);
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = retry_after(answer.headers());
        // 503 may be one of several machines. 429 is meant for all that comes from here.
        if let (StatusCode::TOO_MANY_REQUESTS, Some(pause)) = (status, retry_after) {
            self.gate.pause(pause);
        }
        Err(ForwardError::Status {
            status,
            retry_after,
        })
    }
}

/// Seconds or a date; not longer than any other pause.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(after.min(LONGEST_DELAY))
}

/// Whether a further call may succeed. Otherwise the event is dead at once.
fn is_transient(error: &ListenerError) -> bool {
    match error.downcast_ref() {
        Some(ForwardError::Status { status, .. }) => {
            status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
        Some(ForwardError::NoAnswer(_) | ForwardError::Stopped) => true,
        None => false,
    }
}
