//! The flaky server that events are sent on to: it stands for a service of somebody else.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// How often it fails one event by chance. Fewer than the attempts of the sender: among very many events, one would fail each time.
const MOST_FAILURES: u8 = 3;

/// Gets the ID of each event that arrives, and says whether the event is taken. Otherwise it is declined for ever.
type Judge = dyn Fn(&str) -> bool + Send + Sync;
/// Gets the ID of each event that was taken.
type Taken = dyn Fn(&str) + Send + Sync;

#[derive(Clone)]
pub(crate) struct Receiver {
    inner: Arc<Inner>,
    address: SocketAddr,
}

struct Inner {
    latency: Duration,
    flaky: u8,
    is_broken: AtomicBool,
    /// How often events have failed by chance that have not been answered well since.
    failures: Mutex<HashMap<Box<str>, u8>>,
    judge: Box<Judge>,
    taken: Box<Taken>,
}

impl Receiver {
    /// Serves on a free port of the loopback interface, as long as the runtime lives.
    pub(crate) async fn start(
        latency: Duration,
        flaky: u8,
        judge: impl Fn(&str) -> bool + Send + Sync + 'static,
        taken: impl Fn(&str) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let inner = Arc::new(Inner {
            latency,
            flaky,
            is_broken: AtomicBool::new(false),
            failures: Mutex::default(),
            judge: Box::new(judge),
            taken: Box::new(taken),
        });
        let receiver = Self {
            inner: Arc::clone(&inner),
            address: listener.local_addr()?,
        };
        let router = Router::new().route("/", post(receive)).with_state(inner);
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(receiver)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on it fails every call, or works again.
    pub(crate) fn set_broken(&self, is_broken: bool) {
        self.inner.is_broken.store(is_broken, Relaxed);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.inner.is_broken.load(Relaxed)
    }
}

impl Inner {
    /// Whether this event fails by chance now.
    fn fails(&self, id: &str) -> bool {
        let failures = self.failures.lock();
        let mut failures = failures.unwrap_or_else(PoisonError::into_inner);
        let before = failures.get(id).copied().unwrap_or(0);
        let fails = before < MOST_FAILURES && fastrand::u8(..100) < self.flaky;
        match fails {
            true => failures.insert(id.into(), before + 1),
            false => failures.remove(id),
        };
        fails
    }
}

async fn receive(State(receiver): State<Arc<Inner>>, headers: HeaderMap, _: Bytes) -> Response {
    sleep(receiver.latency).await;
    let id = headers.get("x-event-id").and_then(|id| id.to_str().ok());
    let Some(id) = id else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if receiver.is_broken.load(Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if !(receiver.judge)(id) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    if !receiver.fails(id) {
        (receiver.taken)(id);
        return StatusCode::NO_CONTENT.into_response();
    }
    match fastrand::u8(..3) {
        0 => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response(),
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => {
            // It was taken, and the sender does not get to know: it comes again.
            (receiver.taken)(id);
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that an event is dead only because it was declined, or the receiver was set to fail.
    #[test]
    fn an_event_fails_by_chance_no_more_often_than_the_sender_tries() {
        let receiver = Inner {
            latency: Duration::ZERO,
            flaky: 100,
            is_broken: AtomicBool::new(false),
            failures: Mutex::default(),
            judge: Box::new(|_| true),
            taken: Box::new(|_| {}),
        };
        for event in ["a", "b", "a"] {
            let failed: Vec<bool> = (0..4).map(|_| receiver.fails(event)).collect();
            assert_eq!(failed, [true, true, true, false], "{event}");
        }
        assert!(receiver.failures.lock().unwrap().is_empty());
    }
}
