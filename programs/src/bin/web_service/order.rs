//! Orders, and the topic that says that one was placed.

use serde_json::{Value, json};
use soiree::TypedTopic;

pub(crate) const ORDER_PLACED: TypedTopic<Order> = TypedTopic::new("order.placed");

#[derive(Debug)]
pub(crate) struct Order {
    /// Counted from 1.
    pub(crate) number: u64,
    item: Box<str>,
    cents: u64,
}

impl Order {
    pub(crate) fn parse(number: u64, body: &[u8]) -> Result<Self, String> {
        let given: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let item = given["item"].as_str().ok_or("\"item\" is no text")?;
        let cents = given["cents"].as_u64().ok_or("\"cents\" is no number")?;
        Ok(Self {
            number,
            item: item.into(),
            cents,
        })
    }

    pub(crate) fn json(&self) -> Value {
        json!({"order": self.number, "item": self.item, "cents": self.cents})
    }
}
