//! Listeners that are ordered by key, each alone.

mod ending;
mod inside;
mod order;
mod random;
mod retries;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::{Emission, KeyOrder, Report};

use crate::support::{TIME_LIMIT, wait_until};

/// What the tests emit: a key, and the number of the event.
type Numbered = (u32, u32);

fn by_key() -> KeyOrder {
    KeyOrder::by(|event| event.payload_as::<Numbered>().map(|event| event.0))
}

fn ordered() -> ListenerOptions {
    ListenerOptions::new().ordered(by_key())
}

#[track_caller]
fn wait(emission: &Emission) -> Report {
    let report = emission.wait_timeout(TIME_LIMIT);
    report.expect("the emission ends")
}

fn wait_for_waiting(soiree: &EventPool, calls: usize) {
    wait_until("the calls wait for their turn", || {
        soiree.stats().waiting.turn == calls
    });
}

#[track_caller]
fn assert_at_rest(soiree: &EventPool) {
    wait_until("everything has ended", || {
        let stats = soiree.stats();
        stats.in_flight == 0 && stats.active == 0
    });
    let stats = soiree.stats();
    assert_eq!((stats.waiting.total(), stats.waiting_calls), (0, 0));
}
