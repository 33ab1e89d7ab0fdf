//! A bridge as a graph shows it.

use soiree_core::ListenerId;
use soiree_engine::{BridgeConsumerInfo, BridgeInfo};

use crate::figures::{ConsumerStats, NatsStats};

/// The consumers of a group are one.
pub(crate) fn of(stream: &str, stats: NatsStats, publishers: Vec<ListenerId>) -> BridgeInfo {
    let mut info = BridgeInfo::default();
    info.name = format!("NATS {stream}").into();
    info.is_connected = stats.is_connected;
    info.published = stats.published;
    info.error = stats.last_error.as_deref().map(Into::into);
    info.publishers = publishers;
    for consumer in &stats.consumers {
        match info.consumers.last_mut() {
            Some(last) if last.name == consumer.group => add(last, consumer),
            _ => info.consumers.push(first(consumer)),
        }
    }
    info
}

fn first(consumer: &ConsumerStats) -> BridgeConsumerInfo {
    let mut info = BridgeConsumerInfo::default();
    info.name = consumer.group.clone();
    info.pattern = consumer.pattern.clone();
    info.partitions = (consumer.name != consumer.group).then_some(0);
    info.is_pulling = true;
    add(&mut info, consumer);
    info
}

fn add(info: &mut BridgeConsumerInfo, consumer: &ConsumerStats) {
    info.partitions = info.partitions.map(|partitions| partitions + 1);
    info.is_pulling &= consumer.is_pulling;
    info.lag += consumer.lag;
    info.received += consumer.received;
    info.acked += consumer.acked;
    info.redelivered += consumer.redelivered;
    info.dead += consumer.dead;
}
