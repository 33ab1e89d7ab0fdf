//! `POST /batch`: many events as JSON lines. Those that are well-formed are committed at once; each line gets an answer of its own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use soiree::{BaseEvent, Event};

use super::app::App;
use super::hooks::busy;
use super::request::{Rejected, check_type, read, trace};
use crate::draft::Draft;
use crate::trace::TraceParent;

const MOST_BYTES: usize = 16 << 20;
/// It needs the memory of as many single events.
const PLACES: usize = 16;
const MOST_LINES: usize = 10_000;
const MOST_ERROR: usize = 200;
const TYPES: [&str; 3] = [
    "application/x-ndjson",
    "application/jsonl",
    "application/json-lines",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    source: String,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    delivery: Option<String>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

pub(crate) async fn take(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    match answers(&app, &headers, body).await {
        Ok(answers) => {
            let lines = answers.iter().map(|answer| format!("{answer}\n"));
            let lines: String = lines.collect();
            ([(CONTENT_TYPE, TYPES[0])], lines).into_response()
        }
        Err(rejected) => rejected.into_response(),
    }
}

async fn answers(app: &App, headers: &HeaderMap, body: Body) -> Result<Vec<Value>, Rejected> {
    let _place = app.intake().enter(PLACES).ok_or_else(busy)?;
    let body = read(headers, body, MOST_BYTES).await?;
    check_type(headers, &TYPES)?;
    let text = std::str::from_utf8(&body);
    let text = text.map_err(|error| {
        let why = format!("the body is no UTF-8: {error}");
        Rejected::new(StatusCode::BAD_REQUEST, why)
    })?;
    if text.lines().nth(MOST_LINES).is_some() {
        let why = format!("the body has more than {MOST_LINES} lines");
        return Err(Rejected::new(StatusCode::PAYLOAD_TOO_LARGE, why));
    }
    let lines = text.lines().enumerate();
    let lines: Vec<_> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        let why = "the body has no line with an event";
        return Err(Rejected::new(StatusCode::BAD_REQUEST, why));
    }
    let trace = trace(headers);
    let mut answers = Vec::with_capacity(lines.len());
    let mut events: Vec<Arc<dyn Event>> = Vec::with_capacity(lines.len());
    let mut numbers = Vec::with_capacity(lines.len());
    for (index, line) in lines {
        match event(app, line, &trace) {
            Ok(event) => {
                numbers.push((answers.len(), index + 1));
                answers.push(Value::Null);
                events.push(Arc::new(event));
            }
            Err(why) => {
                app.intake().rejected_line();
                answers.push(json!({ "line": index + 1, "status": "rejected", "error": why }));
            }
        }
    }
    let stored = app.outbox().emit_all_async(events).await;
    let stored = stored.map_err(|error| Rejected::from(&error))?;
    for ((at, line), stored) in numbers.into_iter().zip(stored) {
        answers[at] = match stored.map(|stored| stored.event) {
            Ok(Some(event)) => {
                app.intake().took(event.is_duplicate);
                let (id, position) = (event.id.to_string(), event.position.0);
                let status = if event.is_duplicate {
                    "duplicate"
                } else {
                    "stored"
                };
                json!({ "line": line, "status": status, "id": id, "position": position })
            }
            Ok(None) => {
                app.intake().rejected_line();
                json!({ "line": line, "status": "rejected", "error": "the topic is not durable" })
            }
            Err(error) => {
                app.intake().rejected_line();
                let why = Rejected::from(&error).why;
                json!({ "line": line, "status": "rejected", "error": why })
            }
        };
    }
    Ok(answers)
}

fn event(app: &App, line: &str, trace: &TraceParent) -> Result<BaseEvent, String> {
    let parsed: Line<'_> = serde_json::from_str(line)
        // It may quote what is wrong, however long that is.
        .map_err(|error| error.to_string().chars().take(MOST_ERROR).collect::<String>())?;
    let body = parsed.payload.get().as_bytes().to_vec();
    if body.len() > app.max_body {
        return Err(format!("the payload is larger than {} bytes", app.max_body));
    }
    if app.secrets.of(&parsed.source).is_some() {
        let source = parsed.source.escape_debug();
        return Err(format!(
            "events of {source} are signed: post them to /hooks/{source}"
        ));
    }
    let draft = Draft {
        source: &parsed.source,
        event: parsed.event.as_deref(),
        delivery: parsed.delivery.as_deref(),
        body,
        trace: trace.clone(),
    };
    draft.into_event().map_err(|error| error.to_string())
}
