//! The HTTP server.

mod app;
mod batch;
mod count;
mod guard;
mod hooks;
mod listen;
mod look;
mod mend;
mod request;
mod stream;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};

pub(crate) use self::app::App;
pub(crate) use self::listen::serve;

pub(crate) fn router(app: App) -> Router {
    let guard = middleware::from_fn_with_state(app.clone(), guard::check);
    let count = middleware::from_fn_with_state(app.clone(), count::answers);
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
        .with_state(app)
}
