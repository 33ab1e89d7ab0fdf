//! What is checked of every request, and sent with every answer.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;

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
    let mut response = match rejected(&app, &request) {
        Some(rejected) => rejected,
        None => next.run(request).await,
    };
    for (name, value) in SENT {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page of somebody else, in a browser on this machine, can send requests to the loopback address, and read the answers if its own
/// name resolves to that. The headers give both away.
fn rejected(app: &App, request: &Request) -> Option<Response> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let Some(host) = header(HOST) else {
        return Some((StatusCode::BAD_REQUEST, "the header host is missing\n").into_response());
    };
    if app.bound.is_loopback() && !is_local(host, app.bound) {
        let why =
            "this service answers to localhost, 127.0.0.1, [::1] and its --bind address only\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, why).into_response());
    }
    let origin = header(ORIGIN)?;
    let named = origin
        .strip_prefix("http://")
        .or(origin.strip_prefix("https://"));
    if named.is_some_and(|named| named.eq_ignore_ascii_case(host)) {
        return None;
    }
    Some(
        (
            StatusCode::FORBIDDEN,
            "the request comes from a page of another origin\n",
        )
            .into_response(),
    )
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
