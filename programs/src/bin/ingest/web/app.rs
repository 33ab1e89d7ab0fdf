//! What every request may need.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;
use soiree::Outbox;
use soiree::metrics::RegisterError;
use soiree::metrics::prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use crate::board::Board;
use crate::intake::{Intake, IntakeMetrics};
use crate::options::{Options, Secrets};

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

    pub(super) fn outbox(&self) -> &Outbox {
        &self.board.arrangement.outbox
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.board.intake
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
