//! `POST /hooks/{source}`: one event. It is on the disk before the answer is sent.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use soiree::StoredEvent;

use super::app::App;
use super::request::{Rejected, check_type, header, read, trace};
use crate::draft::{Draft, Malformed, check_source};
use crate::signature;

const DUPLICATE: HeaderName = HeaderName::from_static("soiree-duplicate");

pub(crate) async fn take(
    State(app): State<App>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match stored(&app, &source, &headers, body).await {
        Ok(event) => {
            app.intake().took(event.is_duplicate);
            accepted(event)
        }
        Err(rejected) => rejected.into_response(),
    }
}

async fn stored(
    app: &App,
    source: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<StoredEvent, Rejected> {
    let _place = app.intake().enter(1).ok_or_else(busy)?;
    let body = read(headers, body, app.max_body).await?;
    check_source(source).map_err(malformed)?;
    check_type(headers, &["application/json"])?;
    if let Some(secret) = app.secrets.of(source) {
        let signature = header(headers, &["x-signature-256", "x-hub-signature-256"])?;
        let is_valid = signature.is_some_and(|given| signature::is_valid(secret, &body, given));
        if !is_valid {
            let why = "x-signature-256 is not sha256= and the HMAC-SHA256 of the body";
            return Err(Rejected::new(StatusCode::UNAUTHORIZED, why));
        }
    }
    let draft = Draft {
        source,
        event: header(headers, &["x-event", "x-github-event"])?,
        delivery: header(headers, &["x-delivery", "x-github-delivery"])?,
        body,
        trace: trace(headers),
    };
    let event = draft.into_event().map_err(malformed)?;
    let stored = app.outbox().emit_event_async(event).await;
    let stored = stored.map_err(|error| Rejected::from(&error))?;
    stored.event.ok_or_else(|| {
        let why = "the topic is not durable";
        Rejected::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    })
}

pub(super) fn busy() -> Rejected {
    Rejected::full("as many requests as permitted are being taken in")
}

fn malformed(error: Malformed) -> Rejected {
    Rejected::new(StatusCode::BAD_REQUEST, error.to_string())
}

fn accepted(event: StoredEvent) -> Response {
    let (id, position) = (event.id.to_string(), event.position.0);
    let location = [(LOCATION, format!("/events/{id}"))];
    let is_duplicate = event.is_duplicate;
    let duplicate = is_duplicate.then_some([(DUPLICATE, "true")]);
    let answer = json!({ "id": id, "position": position, "duplicate": is_duplicate });
    (
        StatusCode::ACCEPTED,
        location,
        duplicate.map(axum::response::AppendHeaders),
        axum::Json(answer),
    )
        .into_response()
}
