//! Order by key: which events are handled one after another.

mod line;
#[cfg(all(test, soiree_model))]
mod model;
mod orders;
mod queue;
mod room;

pub(crate) use self::orders::OrderRule;
pub use self::orders::{KeyOrderStats, KeyOrders};
pub(crate) use self::queue::{KeyQueues, Position, QueueEntry, QueueFull, WaitLimit};
pub(crate) use self::room::RoomWaiter;
