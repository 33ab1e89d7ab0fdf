//! What the publishers and consumers of one bridge share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config, Stream};
use soiree_core::{Codecs, EventId};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::timeout;

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
    pub(crate) stream_check: watch::Sender<StreamCheck>,
    /// Held by who makes the stream again.
    pub(crate) mending: Mutex<()>,
    /// Held by consumers that are made or checked. There may be hundreds, and a server that is asked for all at once answers too late.
    pub(crate) checks: Semaphore,
}

/// Whether the stream was found to be as it should.
pub(crate) enum StreamCheck {
    /// Not yet, and why not if it was tried.
    Pending(Option<Arc<str>>),
    Passed,
}

impl Bridge {
    pub(crate) fn stream_name(&self) -> &str {
        &self.stream.name
    }

    /// The stream, made if that was asked for.
    pub(crate) async fn ensure_stream(&self) -> Result<Stream, NatsError> {
        let started = Instant::now();
        let found = match self.connection.version_if_too_old() {
            Some(version) => Err(NatsError::ServerTooOld { version }),
            None => provision::stream(&self.connection.context, &self.stream, self.provision).await,
        };
        match &found {
            Ok(_) => {
                self.stream_check.send_replace(StreamCheck::Passed);
            }
            Err(error) => {
                let why = error.to_string().into();
                self.stream_check.send_if_modified(|check| match check {
                    StreamCheck::Pending(former) => {
                        *former = Some(why);
                        true
                    }
                    StreamCheck::Passed => false,
                });
            }
        }
        found.map_err(|error| self.explained(error, started))
    }

    /// Waits until the stream was checked once, but no longer than for an answer. A bridge that differs from the others must not publish.
    pub(crate) async fn checked(&self) -> Result<(), Option<Arc<str>>> {
        let has_passed = |check: &StreamCheck| matches!(check, StreamCheck::Passed);
        if has_passed(&self.stream_check.borrow()) {
            return Ok(());
        }
        let mut check = self.stream_check.subscribe();
        if timeout(self.ack_timeout, check.wait_for(has_passed))
            .await
            .is_ok()
        {
            return Ok(());
        }
        match &*self.stream_check.borrow() {
            StreamCheck::Pending(why) => Err(why.clone()),
            StreamCheck::Passed => Ok(()),
        }
    }

    /// With what the server has said since then: it does not answer what it forbids.
    pub(crate) fn explained(&self, error: NatsError, since: Instant) -> NatsError {
        match (error, self.figures.said_since(since)) {
            (NatsError::Request { action, source }, Some(said)) => {
                NatsError::request(action, format!("{source}; the server says: {said}"))
            }
            (error, _) => error,
        }
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
