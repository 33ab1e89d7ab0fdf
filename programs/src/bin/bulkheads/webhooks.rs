//! Webhooks from a file.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use soiree::validate_topic;

/// A webhook to deliver.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) topic: Arc<str>,
    pub(crate) payload: Arc<Json>,
}

/// Reads JSON lines. Every topic is prefixed with `webhook.`.
pub(crate) fn read(path: &Path) -> Result<Vec<Delivery>, Box<dyn Error>> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("--webhooks {name}: {error}"))?;
    let mut deliveries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            let delivery = parse(line);
            let number = number + 1;
            deliveries.push(
                delivery.map_err(|error| format!("--webhooks {name}: line {number}: {error}"))?,
            );
        }
    }
    if deliveries.is_empty() {
        return Err(format!("--webhooks {name}: there is no webhook in it").into());
    }
    Ok(deliveries)
}

fn parse(line: &str) -> Result<Delivery, Box<dyn Error>> {
    let mut fields: Map<String, Json> = serde_json::from_str(line)?;
    let Some(Json::String(topic)) = fields.remove("topic") else {
        return Err("the topic is missing or not a string".into());
    };
    let topic = format!("webhook.{topic}");
    validate_topic(&topic)?;
    let payload = fields.remove("payload").unwrap_or_default();
    Ok(Delivery {
        topic: topic.into(),
        payload: payload.into(),
    })
}
