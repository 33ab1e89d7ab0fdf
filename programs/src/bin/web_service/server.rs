//! The HTTP server.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use soiree::{EmitError, EventPool, InboxOptions, ListenerOptions, PayloadRef, Received, WhenFull};
use tokio::sync::Semaphore;
use tracing::{Instrument, info, info_span};

use crate::order::{ORDER_PLACED, Order};
use crate::tally::Tally;

/// The largest body of a request.
const MOST_BYTES: usize = 16 * 1024;
/// Streams of server-sent events at once. Each has an inbox.
const STREAMS: usize = 64;
/// Events that a stream holds for a client that reads slowly. It misses older ones.
const HELD_EVENTS: usize = 256;
/// The longest request ID that is taken from a client.
const MOST_ID_BYTES: usize = 64;
/// When a client may try again, in seconds.
const LATER: [(axum::http::HeaderName, &str); 1] = [(RETRY_AFTER, "1")];

#[derive(Clone)]
pub(crate) struct Shop {
    soiree: EventPool,
    tally: Arc<Tally>,
    streams: Arc<Semaphore>,
    orders: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) fn new(soiree: &EventPool, tally: &Arc<Tally>) -> Self {
        Self {
            soiree: soiree.clone(),
            tally: Arc::clone(tally),
            streams: Arc::new(Semaphore::new(STREAMS)),
            orders: Arc::default(),
            requests: Arc::default(),
        }
    }

    pub(crate) fn router(self) -> Router {
        let traced = middleware::from_fn_with_state(self.clone(), traced);
        Router::new()
            .route("/orders", post(place))
            .route("/events", get(events))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(traced)
            .with_state(self)
    }
}

/// Puts a span around each request. What its handler emits takes the span along, to the listeners.
async fn traced(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    let number = shop.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let id = request_id(request.headers()).unwrap_or_else(|| number.to_string());
    let (method, path) = (request.method(), request.uri().path());
    let span = info_span!("request", %id, %method, %path);
    async {
        let response = next.run(request).await;
        info!("answered {}", response.status());
        response
    }
    .instrument(span)
    .await
}

/// The ID that the client gave, if it can be printed.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let is_printable = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    (is_printable && id.len() <= MOST_ID_BYTES).then(|| id.to_owned())
}

/// Accepts an order, unless there is no place for it. Never waits.
async fn place(State(shop): State<Shop>, body: Bytes) -> Response {
    let number = shop.orders.fetch_add(1, Ordering::Relaxed) + 1;
    let order = match Order::parse(number, &body) {
        Ok(order) => order,
        Err(reason) => return (StatusCode::BAD_REQUEST, reason + "\n").into_response(),
    };
    let accepted = format!("{}\n", order.json());
    shop.tally.offered(number);
    let Err(rejected) = ORDER_PLACED.try_emit(&shop.soiree, order) else {
        shop.tally.accepted();
        let json = [(CONTENT_TYPE, "application/json")];
        return (StatusCode::ACCEPTED, json, accepted).into_response();
    };
    shop.tally.rejected(number);
    let status = match rejected.error() {
        error if error.is_full() => StatusCode::TOO_MANY_REQUESTS,
        EmitError::Closed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => return (StatusCode::INTERNAL_SERVER_ERROR, format!("{rejected}\n")).into_response(),
    };
    (status, LATER, format!("{rejected}\n")).into_response()
}

/// Sends orders as they are handled. Ends with the event pool.
async fn events(State(shop): State<Shop>) -> Response {
    let Ok(stream) = shop.streams.try_acquire_owned() else {
        let reason = format!("there are {STREAMS} streams already\n");
        return (StatusCode::SERVICE_UNAVAILABLE, LATER, reason).into_response();
    };
    let options = InboxOptions::new(HELD_EVENTS)
        .when_full(WhenFull::DropOldest)
        .listener(ListenerOptions::new().name("stream"));
    let inbox = match ORDER_PLACED.inbox(&shop.soiree, options) {
        Ok(inbox) => inbox,
        Err(error) => {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response();
        }
    };
    // Dropped with the response, when the client goes away: that unsubscribes the inbox.
    let events = inbox.into_stream().map(move |received| {
        let _counted = &stream;
        Ok::<_, Infallible>(sent(received))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn sent(received: Received<PayloadRef<Order>>) -> Event {
    match received {
        Received::Event(order) => Event::default()
            .event("placed")
            .data(order.json().to_string()),
        Received::Missed(missed) => Event::default().event("missed").data(missed.to_string()),
    }
}
