//! Requests over HTTP.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

pub(crate) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // A hung server must fail the test instead of hanging it.
        .timeout_global(Some(Duration::from_secs(120)))
        .proxy(None)
        .build();
    config.into()
}

/// Returns status, content type and body of the response.
pub(crate) fn get(url: &str) -> Result<(u16, String, String), ureq::Error> {
    let mut answer = agent().get(url).call()?;
    let kind = answer.headers().get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.to_owned();
    let status = answer.status().as_u16();
    Ok((status, kind, answer.body_mut().read_to_string()?))
}

/// Returns the response as JSON; `None` if it fails or has another status than 200.
pub(crate) fn json(url: &str) -> Option<Value> {
    let (status, _, body) = get(url).ok()?;
    let read = serde_json::from_str(&body).ok();
    read.filter(|_| status == 200)
}
