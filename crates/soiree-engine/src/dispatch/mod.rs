//! Calling the listeners of an event: order, abort, filters, runs, errors and panics. No threads, no clock.

mod batch;
mod context;
mod counts;
mod dispatcher;
mod future;
mod observed_batch;
mod report_outcome;

pub(crate) use self::batch::{BatchResult, call_batch, call_checked_batch};
pub(crate) use self::context::{DispatchContext, HeldTurn, Progress, TurnTaken};
pub(crate) use self::counts::Counts;
pub(crate) use self::dispatcher::{Listed, Selection, dispatch};
pub(crate) use self::future::{EndedCall, StartedCall, cancel, finish, start, time_out};
pub(crate) use self::observed_batch::call_observed_batch;
pub(crate) use self::report_outcome::{
    FailedAttempt, FollowUp, Kept, handle_error, notify_if_unheard, report, report_dead_letter,
    report_not_called,
};
