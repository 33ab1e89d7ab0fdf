//! Looking: the page, events, dead events, metrics, health.

use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use soiree::metrics::CONTENT_TYPE as METRICS_TYPE;
use soiree::metrics::prometheus_client::encoding::prometheus_text;
use soiree::store::{ListenerState, Position, Record, StoreError};
use soiree::{EventId, EventStatus};

use super::app::App;
use super::request::Rejected;
use crate::listeners::NAMES;
use crate::outcomes::{Outcome, REMEMBERED};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Dead events that are listed of each listener.
const MOST_DEAD: usize = 50;

pub(crate) async fn page() -> Html<&'static str> {
    Html(PAGE)
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

pub(crate) async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)
}

pub(crate) async fn status(State(app): State<App>) -> Response {
    blocking(move || Ok(app.board.status())).await
}

pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let encode = move || {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &app.metrics).map(|()| text)
    };
    match tokio::task::spawn_blocking(encode).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Ok(Err(error)) => failed(&error).into_response(),
        Err(error) => failed(&error).into_response(),
    }
}

pub(crate) async fn live() -> &'static str {
    "alive\n"
}

pub(crate) async fn ready(State(app): State<App>) -> Response {
    let why = if *app.stopping.borrow() {
        Some("stopping".into())
    } else {
        app.board.not_ready()
    };
    match why {
        None => "ready\n".into_response(),
        Some(why) => Rejected::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

/// An event for a program; for a browser, the page that shows it.
pub(crate) async fn event(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accepts.is_some_and(|accepts| accepts.contains("text/html")) {
        return Html(PAGE).into_response();
    }
    let id = match event_id(&id) {
        Ok(id) => id,
        Err(rejected) => return rejected.into_response(),
    };
    blocking(
        move || match app.outbox().event(id).map_err(|error| failed(&error))? {
            Some(found) => Ok(way(&found, &app.board.arrangement.outcomes.of(id))),
            None => {
                let why = format!(
                    "no event {id}: it is removed a while after every listener has ended it"
                );
                Err(Rejected::new(StatusCode::NOT_FOUND, why))
            }
        },
    )
    .await
}

/// How an event stands with each listener, and how its attempts ended.
fn way(found: &EventStatus, outcomes: &[Outcome]) -> Value {
    let listeners = found.listeners.iter().map(|(name, state)| {
        let outcomes = outcomes.iter().filter(|one| one.listener == name);
        let mut shown = json!({
            "name": name,
            "state": word(state),
            "outcomes": outcomes.map(outcome).collect::<Vec<_>>(),
        });
        if let ListenerState::Parked(parked) = state {
            shown["attempts"] = parked.attempts.into();
            shown["crashes"] = parked.crashes.into();
            shown["due"] = parked.due.0.into();
            shown["error"] = parked.error.as_deref().into();
        }
        shown
    });
    let listeners: Vec<Value> = listeners.collect();
    let mut shown = record(&found.record);
    let payload = &found.record.event.payload;
    shown["payload"] = serde_json::from_slice(payload)
        .unwrap_or_else(|_| String::from_utf8_lossy(payload).into_owned().into());
    shown["listeners"] = listeners.into();
    shown["outcomes_of_last"] = REMEMBERED.into();
    shown
}

fn outcome(outcome: &Outcome) -> Value {
    json!({ "attempt": outcome.attempt, "at": outcome.at.0, "error": outcome.error })
}

fn word(state: &ListenerState) -> &'static str {
    match state {
        ListenerState::Waiting => "waiting",
        ListenerState::Ended => "done",
        ListenerState::Parked(parked) => parked.state.as_str(),
        _ => "unknown",
    }
}

fn record(record: &Record) -> Value {
    let event = &record.event;
    let properties = event.properties.iter();
    let properties = properties.map(|(name, value)| (name.to_owned(), json!(value.as_str())));
    json!({
        "id": event.id.to_string(),
        "position": record.position.0,
        "topic": event.topic,
        "emitted_at": event.emitted_at.0,
        "bytes": event.payload.len(),
        "properties": properties.collect::<serde_json::Map<_, _>>(),
        "damage": record.damage,
    })
}

#[derive(Deserialize)]
pub(crate) struct Part {
    /// All listeners, unless one is named.
    listener: Option<String>,
    /// The position of the last event that was seen.
    after: Option<u64>,
}

/// The dead events, without payloads, and the listeners that have more than are listed.
pub(crate) async fn dead(State(app): State<App>, Query(part): Query<Part>) -> Response {
    let chosen = match names(part.listener.as_deref()) {
        Ok(chosen) => chosen,
        Err(rejected) => return rejected.into_response(),
    };
    let after = part.after.map_or(Position::START, Position);
    blocking(move || {
        let (mut all, mut more): (Vec<Value>, Vec<&str>) = Default::default();
        for name in chosen {
            let dead = app.outbox().dead_letters(name, after, MOST_DEAD + 1);
            let mut dead = dead.map_err(|error| failed(&error))?;
            if dead.len() > MOST_DEAD {
                dead.truncate(MOST_DEAD);
                more.push(name);
            }
            for dead in dead {
                let mut shown = record(&dead.record);
                shown["listener"] = name.into();
                shown["attempts"] = dead.parked.attempts.into();
                shown["crashes"] = dead.parked.crashes.into();
                shown["error"] = dead.parked.error.as_deref().into();
                all.push(shown);
            }
        }
        Ok(json!({ "dead": all, "at_most_of_each": MOST_DEAD, "more": more }))
    })
    .await
}

pub(super) fn event_id(text: &str) -> Result<EventId, Rejected> {
    text.parse().map_err(|error| {
        let start: String = text.chars().take(40).collect();
        let why = format!("\"{}\" is no event ID: {error}", start.escape_debug());
        Rejected::new(StatusCode::BAD_REQUEST, why)
    })
}

pub(super) fn failed(error: &dyn std::error::Error) -> Rejected {
    Rejected::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

pub(super) fn store_failed(error: StoreError) -> Rejected {
    failed(&error)
}

/// The store is read on a thread that may block.
pub(super) async fn blocking(
    read: impl FnOnce() -> Result<Value, Rejected> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(value)) => axum::Json(value).into_response(),
        Ok(Err(rejected)) => rejected.into_response(),
        Err(error) => failed(&error).into_response(),
    }
}

pub(super) fn names(listener: Option<&str>) -> Result<Vec<&'static str>, Rejected> {
    let Some(listener) = listener else {
        return Ok(NAMES.into());
    };
    match NAMES.iter().find(|known| **known == listener) {
        Some(known) => Ok(vec![*known]),
        None => {
            let why = format!(
                "there is no such listener: it is one of {}",
                NAMES.join(", ")
            );
            Err(Rejected::new(StatusCode::BAD_REQUEST, why))
        }
    }
}
