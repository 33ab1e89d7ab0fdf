//! Emissions that are ordered by key.

mod emission;
mod entry;
mod slot;
mod turn;
mod watch;

pub(super) use self::emission::{Runnable, help_before};
pub(crate) use self::entry::{ActiveOrder, OrderQueues, OrderedEntry, submit_head};
pub(super) use self::entry::{submit_pending_heads, submit_turn};
pub(crate) use self::slot::KeySlot;
pub(crate) use self::turn::{KeyTurn, KeyTurnGuard};
pub(super) use self::watch::KeyWatch;
