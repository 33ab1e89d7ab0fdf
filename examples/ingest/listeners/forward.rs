//! `forward`: sends events on to another service, which is flaky.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use soiree::{
    BoxError, Event, Jitter, ListenerError, ListenerErrorKind, ListenerOptions, Outbox, Retry,
    RetryAfter,
};

use super::log;
use crate::client;
use crate::draft::{EVERY, body, trace};
use crate::options::Options;
use crate::trace::TRACEPARENT;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("the receiver answered {0}")]
    Status(StatusCode),
    #[error("the receiver did not answer: {}", root(.0))]
    NoAnswer(#[from] reqwest::Error),
}

/// What lies at the bottom says most: `Connection reset by peer`.
fn root(error: &reqwest::Error) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

pub(super) fn subscribe(
    outbox: &Outbox,
    options: &Options,
    to: &str,
) -> Result<(), Box<dyn Error>> {
    // A thousand events that failed in one outage do not come back in one second: the pauses are random, up to these.
    let retry = Retry::exponential(FIRST_DELAY, options.attempts)
        .max_delay(LONGEST_DELAY)
        .jitter(Jitter::Full)
        .when(is_transient);
    let listener = ListenerOptions::new()
        .durable("forward")
        .name("forward")
        .pool("forward")
        .timeout(TIMEOUT)
        .retry(retry);
    let client = client::new()?;
    let to: Arc<str> = to.into();
    outbox.on_async_with(EVERY, listener, move |event| {
        send(client.clone(), Arc::clone(&to), event)
    })?;
    Ok(())
}

async fn send(client: Client, to: Arc<str>, event: Arc<dyn Event>) -> Result<(), BoxError> {
    let request = client
        .post(&*to)
        .header(CONTENT_TYPE, "application/json")
        .header("x-event-id", event.id().to_string())
        .header("x-topic", event.topic())
        .header(TRACEPARENT, trace(&*event).child().to_string())
        .body(body(&*event)?);
    let answer = request.send().await.map_err(ForwardError::NoAnswer)?;
    let status = answer.status();
    if status.is_success() {
        log("forward", &*event);
        return Ok(());
    }
    let later = answer.headers().get(RETRY_AFTER);
    let later = later.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let error = ForwardError::Status(status);
    match later {
        Some(seconds) => Err(RetryAfter(Duration::from_secs(seconds), error).into()),
        None => Err(error.into()),
    }
}

/// Whether a further call may succeed. Otherwise the event is dead at once.
fn is_transient(error: &ListenerError) -> bool {
    let answered: Option<&ForwardError> = error.downcast_ref();
    match answered {
        Some(ForwardError::Status(status)) => {
            status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
        Some(ForwardError::NoAnswer(_)) => true,
        None => error.kind() == ListenerErrorKind::TimedOut,
    }
}
