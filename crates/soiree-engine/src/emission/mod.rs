//! Emissions, from their acceptance to their report.

mod abandoned;
mod accepted;
mod async_call;
mod async_timeout;
mod attempt;
mod backlog;
mod context;
mod counting;
mod cut_off;
mod delivery;
mod error;
mod event_source;
mod extras;
mod finish;
mod frames;
mod handle;
mod helping;
mod in_flight;
mod keeping_extras;
mod keeping_places;
mod keeping_slot;
mod kept_event;
mod limited_call;
mod listener_job;
mod notify;
mod ordered;
mod overrun;
mod payload_slot;
mod pending;
mod places;
mod pool_ref;
mod pools;
mod queued_emission;
mod reclaim;
mod replies;
mod report;
mod requeue;
mod retries;
mod retry_attempt;
mod retry_run;
mod run;
mod shared;
mod state;
mod timeout;
mod timeout_run;
mod timer;
mod turn_places;
mod turns;
mod waiting_calls;
mod waiting_emits;

pub(crate) use self::context::InFlightContext;
pub(crate) use self::cut_off::MAX_DESCRIBED;
pub use self::cut_off::{CutOffCause, CutOffEmission};
pub(crate) use self::delivery::{WhenFull, deliver};
pub use self::error::{EmitError, NotStored};
pub(crate) use self::event_source::{Attributes, CustomEvent, EventView, PayloadEvent};
pub(crate) use self::extras::Extras;
pub use self::extras::{Abort, CalledListener};
pub(crate) use self::finish::{end_part, end_unrun};
pub use self::handle::{Emission, EmissionFuture, ErrorIter, IntoErrors};
pub(crate) use self::in_flight::{EmissionTask, InFlight, with_event};
pub use self::kept_event::copy_event;
pub(crate) use self::listener_job::ListenerJob;
pub(crate) use self::notify::{
    in_flight_accepted, in_flight_rejected, in_flight_started, notify_accepted, notify_reported,
    notify_started, trace_started,
};
pub(crate) use self::ordered::{
    ActiveOrder, KeySlot, KeyTurn, KeyTurnGuard, OrderQueues, OrderedEntry,
};
pub(crate) use self::payload_slot::PayloadSlot;
pub(crate) use self::places::{NeededPlaces, NoPlace, Places};
pub(crate) use self::pool_ref::PoolRef;
pub(crate) use self::pools::Pools;
pub(crate) use self::queued_emission::queued_emission;
pub(crate) use self::reclaim::{Reclaimed, reclaim_work};
pub use self::replies::CollectError;
pub(crate) use self::report::Errors;
pub use self::report::{Report, ReportError};
pub(crate) use self::shared::{EmissionSettings, EmitterShared};
pub(crate) use self::state::EmissionState;
pub(crate) use self::timer::EmitterTimer;
pub(crate) use self::turns::{Turn, TurnPlaces, TurnWork};
pub(crate) use self::waiting_emits::Ticket;
