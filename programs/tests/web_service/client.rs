//! A client of the service.

use serde_json::{Value, json};
use ureq::Agent;

use crate::service::TIME_LIMIT;

pub(crate) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // A hung service must fail the test instead of hanging it.
        .timeout_global(Some(TIME_LIMIT))
        .proxy(None)
        .build();
    config.into()
}

/// The answer to an order.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// 202, with its number.
    Accepted(u64),
    /// 429, and when to try again.
    Full(Option<String>),
    /// 503, and when to try again.
    Stopping(Option<String>),
    /// 400, and why.
    Malformed(String),
    /// The service answers no more.
    Gone,
}

pub(crate) struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            agent: agent(),
            url: format!("{url}orders"),
        }
    }

    pub(crate) fn order(&self, request_id: &str, cents: u64) -> Answer {
        self.send(
            request_id,
            &json!({"item": "tea", "cents": cents}).to_string(),
        )
    }

    pub(crate) fn send(&self, request_id: &str, body: &str) -> Answer {
        let request = self.agent.post(&self.url);
        let Ok(mut answer) = request.header("x-request-id", request_id).send(body) else {
            return Answer::Gone;
        };
        let later = answer.headers().get("retry-after");
        let later = later
            .and_then(|value| value.to_str().ok())
            .map(String::from);
        let status = answer.status().as_u16();
        let Ok(body) = answer.body_mut().read_to_string() else {
            panic!("half an answer with status {status}");
        };
        match status {
            202 => {
                let accepted: Value = serde_json::from_str(&body).expect("JSON");
                Answer::Accepted(accepted["order"].as_u64().expect("a number"))
            }
            429 => Answer::Full(later),
            503 => Answer::Stopping(later),
            400 => Answer::Malformed(body),
            _ => panic!("{status}: {body}"),
        }
    }
}
