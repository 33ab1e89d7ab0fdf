//! The HTTP server.

mod batch;
mod count;
mod guard;
mod hooks;
mod listen;
mod look;
mod mend;
mod request;
mod stream;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use serde_json::Value;
use soiree::Outbox;
use soiree::metrics::RegisterError;
use soiree::metrics::prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use crate::board::Board;
use crate::intake::{Intake, IntakeMetrics};
use crate::options::{Options, Secrets};

pub(crate) use self::listen::serve;

/// Browsers that look at the page at once. Each has an inbox.
const STREAMS: usize = 16;

#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) board: Arc<Board>,
    pub(crate) metrics: Registry,
    pub(crate) secrets: Secrets,
    pub(crate) max_body: usize,
    /// Where the service listens.
    pub(crate) bound: IpAddr,
    pub(crate) status: watch::Receiver<Value>,
    /// Becomes true when the service stops.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) streams: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        board: Arc<Board>,
        options: &Options,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, RegisterError> {
        let mut metrics = Registry::default();
        board.arrangement.metrics.register(&mut metrics)?;
        metrics.register_collector(Box::new(IntakeMetrics(Arc::clone(&board.intake))));
        Ok(Self(Arc::new(Shared {
            status: crate::board::publish(&board),
            board,
            metrics,
            secrets: options.secrets.clone(),
            max_body: options.max_body,
            bound: options.bind.ip(),
            stopping,
            streams: Arc::new(Semaphore::new(STREAMS)),
        })))
    }

    fn outbox(&self) -> &Outbox {
        &self.board.arrangement.outbox
    }

    fn intake(&self) -> &Intake {
        &self.board.intake
    }

    pub(crate) fn router(self) -> Router {
        let guard = middleware::from_fn_with_state(self.clone(), guard::check);
        let count = middleware::from_fn_with_state(self.clone(), count::answers);
        Router::new()
            .route("/hooks/{source}", post(hooks::take))
            .route("/batch", post(batch::take))
            .route("/", get(look::page))
            .route("/page.css", get(look::style))
            .route("/page.js", get(look::script))
            .route("/status.json", get(look::status))
            .route("/stream", get(stream::stream))
            .route("/events/{id}", get(look::event))
            .route("/dead", get(look::dead))
            .route("/dead/{id}/redrive", post(mend::redrive))
            .route("/dead/{id}/discard", post(mend::discard))
            .route("/receiver/break", post(mend::break_receiver))
            .route("/receiver/mend", post(mend::mend_receiver))
            .route("/metrics", get(look::metrics))
            .route("/health/live", get(look::live))
            .route("/health/ready", get(look::ready))
            .method_not_allowed_fallback(async || {
                let why = "this path is there, and takes another method\n";
                (StatusCode::METHOD_NOT_ALLOWED, why)
            })
            .fallback(async || (StatusCode::NOT_FOUND, "there is nothing at this path\n"))
            .layer(guard)
            .layer(count)
            .with_state(self)
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
