//! Reading requests.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use soiree::{EmitError, NotStored};
use tokio::time::timeout;

use crate::trace::{TRACEPARENT, TraceParent};

/// For the whole body of a request.
const BODY: Duration = Duration::from_secs(10);

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

impl From<&EmitError> for Rejected {
    fn from(error: &EmitError) -> Self {
        let status = match error {
            EmitError::NotStored { source, .. } => match source {
                NotStored::Conflict { .. } => StatusCode::CONFLICT,
                NotStored::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                NotStored::QueueFull { .. } => StatusCode::TOO_MANY_REQUESTS,
                NotStored::Encode { .. } | NotStored::NoCodec => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            },
            EmitError::InvalidTopic { .. } => StatusCode::BAD_REQUEST,
            EmitError::Closed { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

/// The first of these headers that can be read.
pub(super) fn header<'h>(
    headers: &'h HeaderMap,
    names: &[&str],
) -> Result<Option<&'h str>, Rejected> {
    let Some(name) = names.iter().find(|name| headers.contains_key(**name)) else {
        return Ok(None);
    };
    let text = headers[*name].to_str();
    let bad = |_| {
        let why = format!("the header {name} has other characters than ASCII");
        Rejected::new(StatusCode::BAD_REQUEST, why)
    };
    text.map(Some).map_err(bad)
}

/// The trace that the sender names, or a new one.
pub(super) fn trace(headers: &HeaderMap) -> TraceParent {
    let name = HeaderName::from_static(TRACEPARENT);
    let given = headers.get(name).and_then(|value| value.to_str().ok());
    given
        .and_then(TraceParent::parse)
        .unwrap_or_else(TraceParent::start)
}

pub(super) fn check_type(headers: &HeaderMap, permitted: &[&str]) -> Result<(), Rejected> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = given
        .and_then(|given| given.split(';').next())
        .unwrap_or_default()
        .trim();
    if permitted
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    let why = format!("the header content-type is not {}", permitted.join(" or "));
    Err(Rejected::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
}

/// The body, up to a size, and not slower than a time.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Rejected> {
    let too_large = || {
        let why = format!("the body is larger than {limit} bytes");
        Rejected::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    };
    let announced = headers
        .get("content-length")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: usize| bytes > limit) {
        return Err(too_large());
    }
    let Ok(read) = timeout(BODY, Limited::new(body, limit).collect()).await else {
        let why = format!("the body took longer than {} s", BODY.as_secs());
        return Err(Rejected::new(StatusCode::REQUEST_TIMEOUT, why));
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Rejected::new(
            StatusCode::BAD_REQUEST,
            "the body breaks off",
        )),
    }
}
