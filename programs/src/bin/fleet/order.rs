//! What the processes are about.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use soiree::{BaseEvent, Event, EventId, KeyOrder};

pub(crate) const TOPIC: &str = "order.placed";
pub(crate) const PATTERN: &str = "order.*";

const MOST_ACCOUNT: usize = 64;

/// An order. The numbers of an account count from 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) account: String,
    pub(crate) number: u64,
    /// Which process took it in. Set by that process.
    #[serde(default)]
    pub(crate) taken_by: usize,
}

impl Order {
    /// The same order is the same event, however often it is sent.
    pub(crate) fn into_event(self) -> Result<BaseEvent, &'static str> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !(1..=MOST_ACCOUNT).contains(&self.account.len()) || !self.account.bytes().all(is_word) {
            return Err("an account is 1 to 64 letters, digits and -");
        }
        let id = self.id();
        Ok(BaseEvent::new(TOPIC, self).with_id(id))
    }

    fn id(&self) -> EventId {
        let hash = Sha256::new()
            .chain_update(&self.account)
            .chain_update(self.number.to_be_bytes())
            .finalize();
        let bytes = hash.iter().take(16);
        let bits = bytes.fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
        bits.into()
    }
}

/// Orders of an account follow each other.
pub(crate) fn by_account() -> KeyOrder {
    KeyOrder::by(|event: &dyn Event| event.with_payload(|order: &Order| order.account.clone()))
}
