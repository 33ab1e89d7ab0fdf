//! Order by key: which events are handled one after another.

mod orders;
mod queue;
mod room;
mod room_wakers;

pub(crate) use self::orders::OrderRule;
pub use self::orders::{KeyOrderStats, KeyOrders};
pub(crate) use self::queue::{KeyQueues, Position, QueueEntry, QueueFull, WaitLimit};
pub(crate) use self::room::RoomWaiter;
