//! Order by key: which events are handled one after another.

mod key_queue;
mod line;
#[cfg(all(test, soiree_model))]
mod model;
mod orders;
mod queue;
mod room;

pub(crate) use self::key_queue::HashedKey;
pub(crate) use self::orders::OrderRule;
pub use self::orders::{KeyOrderStats, KeyOrders};
pub(crate) use self::queue::{KeyQueues, Position, QueueEntry, QueueFull, WaitLimit};
pub(crate) use self::room::RoomWaiter;
