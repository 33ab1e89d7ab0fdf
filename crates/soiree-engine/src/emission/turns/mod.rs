//! Listeners whose calls are limited: which calls have their turn, and which wait for it.

mod places;
mod queues;
mod turn;
mod work;

pub(super) use self::places::Reserved;
pub(crate) use self::places::TurnPlaces;
pub(super) use self::queues::Admission;
pub(crate) use self::queues::TurnQueues;
pub(crate) use self::turn::Turn;
pub(crate) use self::work::TurnWork;
