//! Listeners whose calls are limited: which calls have their turn, and which wait for it.

mod queues;
mod turn;
mod work;

pub(super) use self::queues::Admission;
pub(crate) use self::queues::TurnQueues;
pub(crate) use self::turn::Turn;
pub(super) use self::work::TurnWork;
