//! The flaky server: it stands for servers of others, which take payments and receive webhooks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::options::Options;

/// An order above this is declined, however often it is charged.
const MOST_CENTS: u64 = 100_000;

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    latency: Duration,
    flaky: u8,
    too_long: Duration,
}

impl Provider {
    /// Serves on a free port of the loopback interface, as long as the runtime lives.
    pub(crate) async fn start(options: &Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let provider = Self {
            address: listener.local_addr()?,
            latency: options.latency,
            flaky: options.flaky,
            too_long: 2 * options.timeout,
        };
        let router = Router::new()
            .route("/charge", post(charge))
            .route("/notify", post(notify))
            .with_state(provider.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(provider)
    }

    async fn answer(&self) -> Response {
        sleep(self.latency).await;
        if fastrand::u8(..100) >= self.flaky {
            return StatusCode::NO_CONTENT.into_response();
        }
        match fastrand::u8(..3) {
            0 => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response(),
            1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            _ => {
                sleep(self.too_long).await;
                StatusCode::NO_CONTENT.into_response()
            }
        }
    }
}

async fn charge(State(provider): State<Provider>, body: Bytes) -> Response {
    let order: Value = serde_json::from_slice(&body).unwrap_or_default();
    match order["cents"].as_u64() {
        Some(..=MOST_CENTS) => provider.answer().await,
        Some(_) => StatusCode::PAYMENT_REQUIRED.into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn notify(State(provider): State<Provider>) -> Response {
    provider.answer().await
}
