//! Listeners that are called by address.

use std::sync::Arc;

use soiree::EventPool;
use soiree_core::{BaseEvent, Event, IntoListenerResult, ListenerOptions};
use soiree_engine::{Address, Report, Soiree};

use crate::support::TIME_LIMIT;

mod delivery;
mod ending;
mod full;
mod shown;

fn event(topic: &str) -> Arc<dyn Event> {
    Arc::new(BaseEvent::new(topic, ()))
}

fn address<R: IntoListenerResult + 'static>(
    soiree: &EventPool,
    options: ListenerOptions,
    listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
) -> Address {
    Soiree::address(soiree, "paid.*", options, Arc::new(listener)).unwrap()
}

fn deliver(address: &Address, topic: &str) -> Report {
    let emission = address.try_deliver(event(topic)).unwrap();
    emission.wait_timeout(TIME_LIMIT).expect("it ends")
}
