//! Events of one key are handled one after another, in the order of their emits.

mod capacity;
mod emit_sync;
mod ending;
mod key_function;
mod order;
mod random;
mod reentrancy;
mod user_code;

use std::sync::{Arc, Mutex};

use soiree::EventPool;
use soiree_core::PoolHandle;
use soiree_engine::KeyOrder;

use crate::support::Blocker;

/// A key, and the number of the event among those of the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbered(pub(crate) u32, pub(crate) u32);

/// The events that were handled, in order.
pub(crate) type Handled = Arc<Mutex<Vec<Numbered>>>;

pub(crate) fn by_key() -> KeyOrder {
    KeyOrder::by(|event| event.payload_as::<Numbered>().map(|numbered| numbered.0))
}

/// An event pool on this pool that orders the events under `key`.
pub(crate) fn ordered_on(pool: impl Into<PoolHandle>) -> EventPool {
    let soiree = EventPool::with_pool(pool);
    soiree.add_order("key.**", by_key()).unwrap();
    soiree
}

/// Records the events under `key` as they are handled.
pub(crate) fn record(soiree: &EventPool) -> Handled {
    let handled = Handled::default();
    let recorded = Arc::clone(&handled);
    soiree
        .on("key.**", move |event| {
            let numbered = *event.payload_as::<Numbered>().unwrap();
            if event.topic() != BLOCK {
                recorded.lock().unwrap().push(numbered);
            }
        })
        .unwrap();
    handled
}

const BLOCK: &str = "key.block";

/// Blocks key 1.
pub(crate) fn block_key(soiree: &EventPool) -> Blocker {
    Blocker::emit(soiree, BLOCK, Numbered(1, 0))
}

pub(crate) fn numbers(handled: &Handled) -> Vec<u32> {
    let handled = handled.lock().unwrap();
    handled.iter().map(|numbered| numbered.1).collect()
}

/// The numbers of keys in use and of waiting events, of the only order.
pub(crate) fn keys_and_waiting(soiree: &EventPool) -> (usize, usize) {
    let orders = soiree.stats().orders;
    assert_eq!(orders.len(), 1);
    (orders[0].keys, orders[0].waiting)
}
