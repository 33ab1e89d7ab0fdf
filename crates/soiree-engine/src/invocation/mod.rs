//! One call of one listener.

mod call;
mod invoke;
mod outcome;
mod retried_event;
mod time_limit;

pub(crate) use self::call::{Call, SuspendedCall};
pub(crate) use self::invoke::{call_within, invoke, precheck};
pub(crate) use self::outcome::{AfterTimeout, CallOutcome};
pub(crate) use self::retried_event::RetriedEvent;
pub(crate) use self::time_limit::{ArmedTimeout, TimeLimit};
