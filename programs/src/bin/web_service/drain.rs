//! Stopping: what was accepted is handled first, up to a deadline.

use std::time::{Duration, Instant};

use axum::Router;
use soiree::{CloseError, EventPool};
use soiree_programs::stop::StopSignal;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::{info, warn};

/// What connections get after the drain, to send what they still hold. A stream of events ends with the last listener that runs.
const FLUSH: Duration = Duration::from_secs(2);

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
