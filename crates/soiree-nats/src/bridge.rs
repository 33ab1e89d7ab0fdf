//! What the publishers and consumers of one bridge share.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, Stream};
use soiree_core::{Codecs, EventId};
use tokio::sync::{Mutex, Semaphore, watch};

use crate::connection::Connection;
use crate::error::NatsError;
use crate::figures::Figures;
use crate::options::Provision;
use crate::provision;
use crate::runtime::BridgeRuntime;
use crate::subject::Subjects;

/// How long an attempt waits for a connection before it counts as failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// How many consumers are made or checked at once.
pub(crate) const CHECKS: usize = 8;

/// The longest pause between two attempts at the same thing.
const MAX_PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Bridge {
    pub(crate) connection: Connection,
    pub(crate) runtime: Arc<BridgeRuntime>,
    pub(crate) subjects: Subjects,
    pub(crate) stream: Config,
    pub(crate) provision: Provision,
    pub(crate) codecs: Codecs,
    /// Who publishes, if that is no outbox, which has an ID of its own.
    pub(crate) origin: EventId,
    pub(crate) ack_timeout: Duration,
    pub(crate) figures: Arc<Figures>,
    pub(crate) closing: watch::Sender<bool>,
    /// Held by who makes the stream again.
    pub(crate) mending: Mutex<()>,
    /// Held by consumers that are made or checked. There may be hundreds, and a server that is asked for all at once answers too late.
    pub(crate) checks: Semaphore,
}

impl Bridge {
    pub(crate) fn stream_name(&self) -> &str {
        &self.stream.name
    }

    /// The stream, made if that was asked for.
    pub(crate) async fn ensure_stream(&self) -> Result<Stream, NatsError> {
        provision::stream(&self.connection.context, &self.stream, self.provision).await
    }

    /// Makes the stream again, if it is gone and the bridge makes streams. What goes wrong is in the figures, and tried again with the next
    /// event.
    pub(crate) async fn mend_stream(&self) {
        // One of many events that find no stream is enough.
        let Ok(_mending) = self.mending.try_lock() else {
            return;
        };
        if let Err(error) = self.ensure_stream().await {
            self.figures.fail(&error);
        }
    }

    /// Makes or checks the stream as soon as there is a connection.
    pub(crate) async fn ensure_stream_later(self: Arc<Self>) {
        let mut closing = self.closing.subscribe();
        let ensure = async {
            let mut pause = Pause::default();
            loop {
                if self.connection.ready(PATIENCE).await {
                    match self.ensure_stream().await {
                        Ok(_) => return,
                        Err(error) => self.figures.fail(&error),
                    }
                }
                pause.wait().await;
            }
        };
        tokio::select! {
            () = ensure => {}
            _ = closing.wait_for(|is_closing| *is_closing) => {}
        }
    }
}

/// Pauses between attempts that grow, and that are random in part.
#[derive(Default)]
pub(crate) struct Pause {
    failed: u32,
}

impl Pause {
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let most = Duration::from_millis(100) * 2_u32.pow(self.failed.min(8));
        self.failed += 1;
        let most = most.min(MAX_PAUSE);
        most / 2 + most.mul_f64(fastrand::f64() / 2.0)
    }

    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }
}
