//! Stopping: what was accepted is handled first, up to a deadline.

use std::io;
use std::time::{Duration, Instant};

use axum::Router;
use soiree::{CloseError, EventPool};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

/// What connections get after the drain, to send what they still hold. A stream of events ends with the last listener that runs.
const FLUSH: Duration = Duration::from_secs(2);

/// Waits for SIGTERM, where there is one, and for Ctrl-C.
pub(crate) struct StopSignal {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
}

#[cfg(unix)]
impl StopSignal {
    /// From now on, the signals no longer end the process.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl StopSignal {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn received(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Serves until a signal comes. Then accepts no more connections, and closes the event pool: it handles what was accepted, up to the
/// deadline. That also ends the inboxes, and with them the responses that stream from them.
pub(crate) async fn serve_until(
    mut stop: StopSignal,
    listener: TcpListener,
    router: Router,
    soiree: &EventPool,
    drain: Duration,
) -> Result<(), CloseError> {
    let (stopping, stops) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = stops.await;
    });
    let server = tokio::spawn(server.into_future());
    stop.received().await;

    info!("draining for up to {drain:?}");
    drop(stopping);
    let drained = soiree
        .close_async_with_deadline(Instant::now() + drain)
        .await;
    if tokio::time::timeout(FLUSH, server).await.is_err() {
        warn!("some connections are still open");
    }
    drained
}
