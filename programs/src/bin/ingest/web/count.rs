//! Counting the answers to senders of events, whatever part of the service gives them. What is no HTTP does not come so far.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::app::App;

pub(crate) async fn answers(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_intake = path == "/batch" || path.starts_with("/hooks/");
    let response = next.run(request).await;
    if is_intake {
        app.intake().answered(response.status().as_u16());
    }
    response
}
