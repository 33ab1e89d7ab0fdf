//! What the bridge and the client alone have in common.

use soiree::codec::Raw;
use soiree::nats::{Nats, NatsBuilder};

/// Messages that are on their way at once.
pub(crate) const WINDOW: usize = 256;
pub(crate) const STREAM: &str = "BENCH";
pub(crate) const PREFIX: &str = "bench";

pub(crate) fn bridge(url: &str) -> NatsBuilder {
    Nats::builder(url)
        .stream(STREAM)
        .prefix(PREFIX)
        .codec("a.*", Raw)
}
