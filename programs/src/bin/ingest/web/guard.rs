//! What is checked of every request, and sent with every answer.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::request::{Rejected, header};

/// The page loads nothing but its own style and script.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SENT: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = match examine(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(rejected) => rejected.into_response(),
    };
    for (name, value) in SENT {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page of somebody else, in a browser on this machine, can send requests to the loopback address, and read the answers if its own
/// name resolves to that. The headers give both away.
fn examine(app: &App, request: &Request) -> Result<(), Rejected> {
    let headers = request.headers();
    let host = header(headers, &["host"])?;
    // A target that is a whole URL counts more than the header.
    let target = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let Some(host) = target.or(host) else {
        let why = "the header host is missing";
        return Err(Rejected::new(StatusCode::BAD_REQUEST, why));
    };
    if app.bound.is_loopback() && !is_local(host, app.bound) {
        let why = "this service answers to localhost, 127.0.0.1, [::1] and its --bind address only";
        return Err(Rejected::new(StatusCode::MISDIRECTED_REQUEST, why));
    }
    let Some(origin) = header(headers, &["origin"])? else {
        return Ok(());
    };
    let named = origin
        .strip_prefix("http://")
        .or(origin.strip_prefix("https://"));
    if named.is_some_and(|named| named.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    let why = "the request comes from a page of another origin";
    Err(Rejected::new(StatusCode::FORBIDDEN, why))
}

fn is_local(host: &str, bound: IpAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || matches!(name, "127.0.0.1" | "[::1]")
        || name == bound.to_string()
}
