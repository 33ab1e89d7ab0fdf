//! The HTTP server.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use soiree::metrics::{self, Metrics};
use soiree::nats::Nats;
use soiree::{EventPool, Outbox};

use crate::board::Board;
use crate::bridge;
use crate::durable;

const PAGE: &str = include_str!("page.html");
/// The page loads nothing but `/status.json`.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'";

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) soiree: EventPool,
    pub(crate) outbox: Outbox,
    pub(crate) nats: Option<Nats>,
    pub(crate) metrics: Metrics,
    pub(crate) board: Arc<Board>,
}

impl Server {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(page))
            .route("/metrics", get(exposition))
            .route("/status.json", get(status))
            .with_state(self)
    }
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))
}

async fn exposition(State(server): State<Server>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, metrics::CONTENT_TYPE)],
        read(move || server.metrics.encode()).await,
    )
}

async fn status(State(server): State<Server>) -> impl IntoResponse {
    let status = read(move || {
        let mut status = server.board.status(&server.soiree.stats());
        status["outbox"] = durable::status(&server.outbox);
        status["bridge"] = server.nats.as_ref().map(bridge::status).into();
        status
    });
    let status = status.await;
    (
        [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ],
        status.to_string(),
    )
}

/// Reading the store of the outbox blocks.
async fn read<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    let read = tokio::task::spawn_blocking(read).await;
    read.expect("it does not panic")
}
