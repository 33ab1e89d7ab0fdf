//! `GET /stream`: the status each second, and events as they come in, as server-sent events.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::select;
use serde_json::json;
use soiree::{Event, InboxOptions, ListenerOptions, Received, WhenFull};
use tokio_stream::wrappers::WatchStream;

use super::app::App;
use super::request::Rejected;
use crate::draft::EVERY;

/// Events that a stream holds for a browser that reads slowly. It misses older ones.
const HELD: usize = 64;

pub(crate) async fn stream(State(app): State<App>) -> Response {
    let Ok(place) = std::sync::Arc::clone(&app.streams).try_acquire_owned() else {
        let why = "as many browsers as permitted look at the page";
        return Rejected::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    };
    let options = InboxOptions::new(HELD)
        .when_full(WhenFull::DropOldest)
        .listener(ListenerOptions::new().name("page"));
    let inbox = match app.board.arrangement.soiree.inbox(EVERY, options) {
        Ok(inbox) => inbox,
        Err(error) => {
            return Rejected::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                .into_response();
        }
    };
    let events = inbox.into_stream().map(|received| match received {
        Received::Event(event) => {
            let (id, topic) = (event.id().to_string(), event.topic());
            let data = json!({ "id": id, "topic": topic });
            Sent::default().event("taken").data(data.to_string())
        }
        Received::Missed(missed) => Sent::default().event("missed").data(missed.to_string()),
    });
    let status = WatchStream::new(app.status.clone())
        .filter(|status| std::future::ready(!status.is_null()))
        .map(|status| Sent::default().event("status").data(status.to_string()));
    let mut stopping = app.stopping.clone();
    let stopped = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    // Dropped with the response, when the browser goes away: that unsubscribes the inbox.
    let sent = select(events, status).take_until(stopped).map(move |sent| {
        let _counted = &place;
        Ok::<_, Infallible>(sent)
    });
    Sse::new(sent)
        .keep_alive(KeepAlive::default())
        .into_response()
}
