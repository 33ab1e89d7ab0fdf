//! Mending: dead events are tried again or given up; the flaky server breaks by command.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use soiree::store::StoreError;
use soiree::{EventId, Outbox};

use super::app::App;
use super::look::{blocking, event_id, names, store_failed};
use super::request::Rejected;

#[derive(Deserialize)]
pub(crate) struct Choice {
    /// All listeners for which the event is dead, unless one is named.
    listener: Option<String>,
}

pub(crate) async fn redrive(app: State<App>, id: Path<String>, choice: Query<Choice>) -> Response {
    mend(app, id, choice, "redriven", Outbox::redrive).await
}

pub(crate) async fn discard(app: State<App>, id: Path<String>, choice: Query<Choice>) -> Response {
    mend(app, id, choice, "discarded", Outbox::discard).await
}

async fn mend(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(choice): Query<Choice>,
    what: &'static str,
    act: fn(&Outbox, &str, EventId) -> Result<bool, StoreError>,
) -> Response {
    let chosen = match names(choice.listener.as_deref()) {
        Ok(chosen) => chosen,
        Err(rejected) => return rejected.into_response(),
    };
    let id = match event_id(&id) {
        Ok(id) => id,
        Err(rejected) => return rejected.into_response(),
    };
    blocking(move || {
        let mut mended = Vec::new();
        for name in chosen {
            if act(app.outbox(), name, id).map_err(store_failed)? {
                mended.push(name);
            }
        }
        if mended.is_empty() {
            let why = format!("event {id} is not dead");
            return Err(Rejected::new(StatusCode::NOT_FOUND, why));
        }
        Ok(json!({ "id": id.to_string(), what: mended }))
    })
    .await
}

pub(crate) async fn break_receiver(State(app): State<App>) -> Response {
    set_broken(&app, true)
}

pub(crate) async fn mend_receiver(State(app): State<App>) -> Response {
    set_broken(&app, false)
}

fn set_broken(app: &App, is_broken: bool) -> Response {
    let Some(receiver) = &app.board.receiver else {
        let why = format!(
            "events go to {}, which is not this program's",
            app.board.forward_to
        );
        return Rejected::new(StatusCode::NOT_FOUND, why).into_response();
    };
    receiver.set_broken(is_broken);
    axum::Json(json!({ "is_broken": is_broken })).into_response()
}
