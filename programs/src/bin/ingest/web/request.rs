//! Reading requests.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use soiree::{EmitError, NotStored};
use tokio::time::timeout;

use crate::trace::{TRACEPARENT, TraceParent};

/// For the whole body of a request.
const BODY: Duration = Duration::from_secs(10);
/// So much of a body that is too large is read, as a client may look for its answer only when it has sent everything.
const DISCARDED: usize = 4 << 20;

/// An answer that is no success.
pub(super) struct Rejected {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

impl Rejected {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }

    pub(super) fn full(capacity: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, capacity)
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.why + "\n").into_response();
        let headers = response.headers_mut();
        let (is_later, is_unread) = match self.status {
            StatusCode::TOO_MANY_REQUESTS => (true, true),
            StatusCode::SERVICE_UNAVAILABLE => (true, false),
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => (false, true),
            _ => (false, false),
        };
        if is_later {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if is_unread {
            // The rest of the body would be taken for the next request.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// In words for a sender. Those of the library are for who runs the service: they name its files and its options.
impl From<&EmitError> for Rejected {
    fn from(error: &EmitError) -> Self {
        let (status, why) = match error {
            EmitError::NotStored { source, .. } => match source {
                NotStored::Conflict { .. } => (
                    StatusCode::CONFLICT,
                    "an event of this delivery is stored, and says something else",
                ),
                NotStored::TooLarge { .. } => {
                    (StatusCode::PAYLOAD_TOO_LARGE, "the event is too large")
                }
                NotStored::QueueFull { .. } => (
                    StatusCode::TOO_MANY_REQUESTS,
                    "as many events as permitted wait to be stored",
                ),
                NotStored::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, "the store is full"),
                NotStored::Store(_) => (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the store fails; /health/ready says why",
                ),
                _ => (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the event cannot be stored",
                ),
            },
            EmitError::InvalidTopic { .. } => {
                (StatusCode::BAD_REQUEST, "the event has no valid topic")
            }
            EmitError::Closed { .. } => (StatusCode::SERVICE_UNAVAILABLE, "the service stops"),
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the event cannot be stored",
            ),
        };
        Self::new(status, why)
    }
}

/// The first of these headers that is there. It may be there once: of two values, others on the way may have read the other one.
pub(super) fn header<'h>(
    headers: &'h HeaderMap,
    names: &[&str],
) -> Result<Option<&'h str>, Rejected> {
    let Some(name) = names.iter().find(|name| headers.contains_key(**name)) else {
        return Ok(None);
    };
    let wrong = |why| {
        let why = format!("the header {name} {why}");
        Rejected::new(StatusCode::BAD_REQUEST, why)
    };
    if headers.get_all(*name).iter().count() > 1 {
        return Err(wrong("is there more than once"));
    }
    let text = headers[*name].to_str();
    text.map(Some)
        .map_err(|_| wrong("has other characters than ASCII"))
}

/// The trace that the sender names, or a new one.
pub(super) fn trace(headers: &HeaderMap) -> TraceParent {
    let name = HeaderName::from_static(TRACEPARENT);
    let given = headers.get(name).and_then(|value| value.to_str().ok());
    given
        .and_then(TraceParent::parse)
        .unwrap_or_else(TraceParent::start)
}

/// Checks what the body is said to be.
pub(super) fn check_type(headers: &HeaderMap, permitted: &[&str]) -> Result<(), Rejected> {
    let unsupported = |why| Err(Rejected::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    let given = header(headers, &["content-type"])?.unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !permitted
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        let permitted = permitted.join(" or ");
        return unsupported(format!("the header content-type is not {permitted}"));
    }
    match header(headers, &["content-encoding"])? {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
            unsupported("the body is compressed, and is to be sent as it is".into())
        }
        _ => Ok(()),
    }
}

/// The body, up to a size, and not slower than a time.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
) -> Result<Vec<u8>, Rejected> {
    let too_large = || {
        let why = format!("the body is larger than {limit} bytes");
        Err(Rejected::new(StatusCode::PAYLOAD_TOO_LARGE, why))
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let announced: usize = announced.unwrap_or(0);
    // Who waits for 100 Continue has sent nothing of it.
    let most_announced = match headers.contains_key(EXPECT) {
        true => limit,
        false => limit + DISCARDED,
    };
    if announced > most_announced {
        return too_large();
    }
    let (mut taken, mut bytes) = (Vec::new(), 0);
    let ended = timeout(BODY, async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue; // a trailer
            };
            bytes += data.len();
            if bytes <= limit {
                taken.extend_from_slice(&data);
            } else if bytes > limit + DISCARDED {
                break;
            }
        }
        Ok::<_, axum::Error>(())
    });
    match ended.await {
        _ if bytes > limit => too_large(),
        Ok(Ok(())) => Ok(taken),
        Ok(Err(_)) => {
            let why = "the body breaks off";
            Err(Rejected::new(StatusCode::BAD_REQUEST, why))
        }
        Err(_) => {
            let why = format!("the body took longer than {} s", BODY.as_secs());
            Err(Rejected::new(StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}
