//! Emissions on the emitting thread.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::panic::{caught, contained};
use soiree_core::registry::{CachedTopic, Registration};
use soiree_core::{BaseEvent, Event, NotCalled};

use super::current::Current;
use super::emit::Emitter;
use super::generation::Generation;
use super::not_admitted::{NotAdmitted, SyncError};
use crate::context::{EnteredFrame, Frame, ON_CALLER, enter_frame, sync_depth};
use crate::dispatch::{
    BatchResult, Counts, DispatchContext, FailedAttempt, HeldTurn, Kept, Listed, Progress,
    Selection, TurnTaken, call_batch, call_checked_batch, dispatch, notify_if_unheard,
    report_not_called,
};
use crate::emission::{
    CustomEvent, Emission, EmissionTask, EmitterShared, Errors, Extras, InFlight, InFlightContext,
    KeyTurnGuard, Places, Report, Turn, TurnPlaces, end_part, notify_accepted, notify_reported,
    notify_started,
};
use crate::invocation::{Call, TimeLimit};
use crate::trace::EmissionSpan;

/// The emission on this thread, and the one that it continues as once a listener was delegated.
pub(super) struct SyncContext<'a> {
    shared: &'a EmitterShared,
    current: &'a Current,
    turn: Option<&'a KeyTurnGuard<'a>>,
    topic: &'a str,
    errors: Errors,
    extras: Extras,
    span: &'a EmissionSpan,
    places: Places,
    turn_places: TurnPlaces,
    delegated: Option<Delegated>,
}

/// What an emission on this thread has when its listeners are called.
pub(super) struct Started<'a> {
    /// If it is ordered by key.
    pub(super) turn: Option<&'a KeyTurnGuard<'a>>,
    pub(super) span: &'a EmissionSpan,
    pub(super) places: Places,
}

/// The emission with a copy of the event that other threads may hold.
struct Delegated {
    task: Arc<EmissionTask<CustomEvent<BaseEvent>>>,
    /// The same.
    emission: Arc<dyn InFlight>,
}

impl Delegated {
    fn event(&self) -> &BaseEvent {
        &self.task.source.0
    }
}

/// The calling thread has entered an emission inside another one, which its stack must have room for.
pub(super) fn check_depth() -> Result<(), SyncError> {
    let depth = sync_depth() - 1;
    if depth < Emitter::MAX_SYNC_DEPTH {
        return Ok(());
    }
    Err(SyncError::NotAdmitted(NotAdmitted::TooDeep { depth }))
}

impl Emitter {
    /// How many `emit_sync` may run inside one another on one thread: listeners that call `emit_sync` again would otherwise overflow its
    /// stack.
    pub const MAX_SYNC_DEPTH: usize = 64;

    /// Fast path: calls listeners on this thread as [`run`](Self::run) does, if there is nothing to check and nobody to notify.
    ///
    /// Returns how many were called, if that is all there is to report. A number, as a result with room for an error would be copied
    /// several times.
    #[inline]
    pub(super) fn run_fast_path(
        &self,
        generation: &Generation,
        cached: &CachedTopic,
        topic: &str,
        event: &impl Event,
    ) -> Result<u64, Result<Report, SyncError>> {
        let entered = self.enter(ON_CALLER);
        if entered.is_nested() {
            check_depth().map_err(Err)?;
        }
        // Two calls of `resume`, as the first loop is inlined: in one, what it returns would be stored.
        if cached.has_checks {
            let timer = generation.current.settings.timer.as_ref();
            let batch = call_checked_batch(&cached.calls, event, timer);
            if batch.has_sequel() {
                return Err(self.resume(entered, batch, generation, cached, topic, event));
            }
            return Ok(batch.called());
        }
        let batch = call_batch(cached.calls.iter().map(|call| &*call.listener), event);
        if batch.has_sequel() {
            return Err(self.resume(entered, batch, generation, cached, topic, event));
        }
        Ok(batch.called())
    }

    /// Goes on after the listeners that a batch has called.
    #[cold]
    #[inline(never)]
    fn resume(
        &self,
        entered: EnteredFrame,
        batch: BatchResult,
        generation: &Generation,
        cached: &CachedTopic,
        topic: &str,
        event: &dyn Event,
    ) -> Result<Report, SyncError> {
        drop(entered);
        let selection = Selection::Resume(
            Listed::Cached(&cached.calls),
            batch,
            None,
            &generation.snapshot,
        );
        self.run(&generation.current, selection, topic, event)
    }

    /// The thread is inside the emitter: a close in user code that an emission calls would wait for that emission.
    #[inline]
    pub(super) fn enter(&self, emission: usize) -> EnteredFrame {
        enter_frame(Frame {
            emission,
            ..Frame::of(self.frame_address())
        })
    }

    /// Calls listeners on this thread.
    pub(super) fn run(
        &self,
        current: &Current,
        selection: Selection<'_>,
        topic: &str,
        event: &dyn Event,
    ) -> Result<Report, SyncError> {
        let handlers = &current.settings.handlers;
        let started = self.enter(ON_CALLER);
        if started.is_nested() {
            check_depth()?;
        }
        let span = EmissionSpan::default();
        span.start(topic, None, || event.known_id());
        let _traced = span.enter();
        notify_started(event, topic, None, handlers);
        let places = match self.registry().has_requiring_place() {
            true => self.reserve_places_here(current, &selection, topic, event)?,
            false => Places::default(),
        };
        // Dropped inside in any case: the next emission of the key may call user code when it is submitted.
        let (_entered, turn) = match current.order_of(topic) {
            None => (started, None),
            Some(order) => self.enter_in_turn(started, current, order, event, topic)?,
        };
        let started = Started {
            turn: turn.as_ref(),
            span: &span,
            places,
        };
        self.run_started(current, selection, topic, event, started)
    }

    /// Calls listeners on this thread, for an emission that has started.
    // `always`, because it has two callers, and one of them is cold.
    #[inline(always)]
    pub(super) fn run_started(
        &self,
        current: &Current,
        selection: Selection<'_>,
        topic: &str,
        event: &dyn Event,
        started: Started<'_>,
    ) -> Result<Report, SyncError> {
        let Started { turn, span, places } = started;
        let handlers = &current.settings.handlers;
        let turn_places = match selection.snapshot() {
            Some(snapshot) if current.settings.has_ordered_listeners && turn.is_none() => {
                self.turn_places_in(snapshot, topic, event, || None)
            }
            _ => TurnPlaces::default(),
        };
        let _turns = turn_places.enter();
        notify_accepted(topic, None, handlers);
        let context = SyncContext {
            turn,
            places,
            turn_places,
            ..SyncContext::new(self, current, topic, span)
        };
        Ok(context.call_listeners(selection, event))
    }
}

impl<'a> SyncContext<'a> {
    /// An emission with no places and no turn.
    pub(super) fn new(
        emitter: &'a Emitter,
        current: &'a Current,
        topic: &'a str,
        span: &'a EmissionSpan,
    ) -> Self {
        Self {
            shared: &emitter.shared,
            current,
            turn: None,
            topic,
            errors: Errors::default(),
            extras: Extras::default(),
            span,
            places: Places::default(),
            turn_places: TurnPlaces::default(),
            delegated: None,
        }
    }

    /// Calls the listeners, waits for those that run elsewhere, and notifies of the end.
    pub(super) fn call_listeners(mut self, selection: Selection<'_>, event: &dyn Event) -> Report {
        let (registry, topic) = (&self.shared.registry, self.topic);
        let handlers = &self.current.settings.handlers;
        let mut counts = Counts::default();
        let into = &mut counts;
        dispatch(registry, selection, topic, event, handlers, &mut self, into);
        // Listeners that were not reached, as the event was aborted.
        drop(self.turn_places.release());
        let Some(delegated) = self.delegated else {
            notify_if_unheard(counts, topic, event, handlers);
            let report = Report::new(counts, self.errors, self.extras.into_shared());
            notify_reported(topic, event, &report, handlers);
            return report;
        };
        if counts.aborted {
            delegated.event().set_aborted(true);
        }
        delegated.emission.state().give_back_places();
        end_part(&delegated.emission, counts);
        let report = Emission::new(Arc::clone(&delegated.emission)).wait();
        if delegated.event().is_aborted() {
            contained(|| event.set_aborted(true));
        }
        report
    }
    /// The emission that this one continues as, because a listener runs elsewhere.
    fn delegated(&mut self, event: &dyn Event) -> &Arc<dyn InFlight> {
        let delegated = self.delegated.get_or_insert_with(|| {
            let copy = BaseEvent::new(self.topic, event.payload())
                .with_id(event.id())
                .with_properties(event.properties());
            self.shared.tracker.start_nested();
            let (_, settings) = self.current.route(self.topic);
            let (settings, span) = (Arc::clone(settings), self.span.share());
            let task = EmissionTask::running(settings, self.topic, CustomEvent(copy.into()), span);
            let task = Arc::new(task);
            let emission = Arc::clone(&task) as Arc<dyn InFlight>;
            let state = emission.state();
            for error in std::mem::take(&mut self.errors.kept) {
                state.keep_error(error);
            }
            state.omit_errors(self.errors.omitted);
            state.add_extras(std::mem::take(&mut self.extras));
            state.keep_places(std::mem::take(&mut self.places));
            if let Some(turn) = self.turn {
                turn.continue_as(&emission);
            }
            Delegated { task, emission }
        });
        &delegated.emission
    }
}

impl DispatchContext for SyncContext<'_> {
    fn keep(&mut self, registration: &Registration, kept: Kept) {
        match (&self.delegated, kept) {
            (Some(delegated), kept) => delegated.emission.state().keep(registration, kept),
            (None, Kept::Reply(reply)) => {
                let omitted = self.extras.push(registration, reply);
                drop(omitted);
            }
            (None, Kept::Error(error)) => {
                let most = self.current.settings.error_buffer;
                let omitted = self.errors.push(error, most);
                drop(omitted);
            }
        }
    }

    fn note_abort(&mut self, event: &dyn Event, by: Option<&Registration>) {
        match &self.delegated {
            Some(delegated) => delegated.emission.state().note_abort(event, by),
            None => self.extras.set_abort(event.abort_reason(), by),
        }
    }

    fn delegate(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> bool {
        let emission = self.delegated(event);
        InFlightContext(emission).delegate(registration, event, counts)
    }

    fn take_turn(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> TurnTaken {
        let turns = &self.shared.turns;
        let reserved = self.turn_places.take(registration);
        let taken = reserved.unwrap_or_else(|| caught(|| Turn::take(turns, registration, event)));
        let turn = match taken {
            Ok(turn) => turn,
            Err(panic) => return TurnTaken::Panicked(panic),
        };
        let has_come = turn.as_ref().is_none_or(|turn| turn.has_come());
        if has_come && registration.pool().is_none() {
            if let Some(turn) = &turn {
                self.turn_places.keep(registration, turn);
            }
            return TurnTaken::Here(turn.map(|turn| turn as Arc<dyn HeldTurn>));
        }
        if !has_come && turn.as_ref().is_some_and(|turn| turn.is_inside()) {
            drop(turn);
            counts.not_called += 1;
            let handlers = &self.current.settings.handlers;
            let call = Call::new(registration, self.topic, event, 1, handlers);
            let error = registration.not_called(self.topic, NotCalled::InsideItself);
            if let Some(error) = report_not_called(&call, handlers, error) {
                self.keep(registration, Kept::Error(error));
            }
            return TurnTaken::Elsewhere;
        }
        let emission = self.delegated(event);
        InFlightContext(emission).go_on(registration, event, counts, turn)
    }

    fn schedule_retry(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        failed: &FailedAttempt,
    ) -> bool {
        let kept = self.turn_places.kept(registration);
        let emission = self.delegated(event);
        if let Some(turn) = kept {
            emission.state().keep_turn(registration, &turn);
        }
        InFlightContext(emission).schedule_retry(registration, event, failed)
    }

    fn limit_time(&mut self, _: &Call<'_>, _: Progress<'_>, limit: Duration) -> TimeLimit<'_> {
        // No other thread can continue with a borrowed event.
        TimeLimit::measured(limit, self.current.settings.timer.as_ref())
    }

    fn is_aborted_elsewhere(&mut self, event: &dyn Event) -> bool {
        let Some(delegated) = &self.delegated else {
            return false;
        };
        let copy = delegated.event();
        if event.is_aborted() {
            copy.set_aborted(true);
        } else if copy.is_aborted() {
            event.set_aborted(true);
        }
        event.is_aborted()
    }
}
