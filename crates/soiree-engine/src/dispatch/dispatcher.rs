//! Calling the listeners of an event in order. No threads, no clock.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::panic::{caught, contained};
use soiree_core::registry::{
    CachedListener, Lookup, Registration, RemainingListeners, Snapshot, Visitor,
};
use soiree_core::{Event, Pattern, Registry};

use super::batch::BatchResult;
use super::context::{DispatchContext, HeldTurn, Progress, TurnTaken};
use super::counts::Counts;
use super::report_outcome::{FailedAttempt, FollowUp, report};
use crate::invocation::{Call, CallOutcome, invoke, precheck};
use crate::settings::Handlers;
use crate::trace;

/// Which listeners are called.
pub(crate) enum Selection<'a> {
    /// Those of every pattern that matches the topic.
    Matching,
    /// The same, in this snapshot, which the caller holds.
    Resolved(&'a Arc<Snapshot>, Lookup<'a>),
    /// The same, which have been looked for in this snapshot.
    Found(&'a [&'a Arc<Registration>], &'a Arc<Snapshot>),
    /// The rest of these listeners, after a batch that called the first of them. With the time of the last call, if it is observed.
    Resume(Listed<'a>, BatchResult, Option<Instant>, &'a Arc<Snapshot>),
    /// Those of this pattern alone, whatever the topic.
    ExactPattern(&'a Pattern, &'a Arc<Snapshot>),
    /// Those of every matching pattern that come after a certain listener.
    Remaining(&'a RemainingListeners),
}

/// All listeners of a topic, in calling order.
#[derive(Clone, Copy)]
pub(crate) enum Listed<'a> {
    Cached(&'a [CachedListener]),
    Found(&'a [&'a Arc<Registration>]),
}

impl<'a> Listed<'a> {
    fn get(self, index: usize) -> Option<&'a Arc<Registration>> {
        match self {
            Self::Cached(listeners) => Some(&listeners.get(index)?.registration),
            Self::Found(listeners) => listeners.get(index).copied(),
        }
    }
}

impl<'a> Selection<'a> {
    /// The snapshot that the caller holds, if it selects from all listeners of the topic.
    pub(crate) fn snapshot(&self) -> Option<&'a Arc<Snapshot>> {
        match *self {
            Self::Resolved(snapshot, _) | Self::Found(_, snapshot) | Self::Resume(.., snapshot) => {
                Some(snapshot)
            }
            Self::Matching | Self::ExactPattern(..) | Self::Remaining(_) => None,
        }
    }
}

/// Calls the selected listeners one after another, and counts them in `counts`.
pub(crate) fn dispatch(
    registry: &Registry,
    selection: Selection<'_>,
    topic: &str,
    event: &dyn Event,
    handlers: &Handlers,
    context: &mut dyn DispatchContext,
    counts: &mut Counts,
) {
    let mut dispatcher = Dispatcher {
        registry,
        topic,
        event,
        handlers,
        context,
        counts,
        exhausted: None,
        has_delegated: false,
        is_checked: false,
        called_before: None,
        calls_plainly: !handlers.observe_calls() && !trace::is_possible(),
    };
    match selection {
        Selection::Matching => registry.visit(topic, &mut dispatcher),
        Selection::Resolved(snapshot, lookup) => {
            registry.visit_in(snapshot, lookup, topic, &mut dispatcher);
        }
        Selection::Found(listeners, snapshot) => {
            dispatcher.visit(listeners.iter().copied(), snapshot);
        }
        Selection::Resume(listeners, batch, started, snapshot) => {
            dispatcher.resume(listeners, batch, started, snapshot);
        }
        Selection::ExactPattern(pattern, snapshot) => {
            snapshot.visit_pattern(pattern, &mut dispatcher);
        }
        Selection::Remaining(listeners) => listeners.visit(topic, &mut dispatcher),
    }
    dispatcher.remove_exhausted();
    if !dispatcher.is_checked {
        dispatcher.check_abort(None);
    }
}

struct Dispatcher<'a> {
    registry: &'a Registry,
    topic: &'a str,
    event: &'a dyn Event,
    handlers: &'a Handlers,
    context: &'a mut dyn DispatchContext,
    counts: &'a mut Counts,
    /// Listeners that have had their last run. Seldom there are any.
    exhausted: Option<Vec<Arc<Registration>>>,
    has_delegated: bool,
    /// Whether the event was aborted has been found out after the last call.
    is_checked: bool,
    /// The last listener of a batch.
    called_before: Option<Arc<Registration>>,
    /// Nobody is notified of a call that succeeds, and no listener runs elsewhere: plain ones need no more than the call.
    calls_plainly: bool,
}

/// What has to happen with a listener.
enum Step {
    Call,
    /// Its own pool calls it.
    Delegate,
    /// Its calls are limited, and it is called in this turn.
    CallInTurn(Arc<dyn HeldTurn>),
    /// It was left to its pool, or has been reported.
    Settled,
    /// It counts as called already, with this outcome.
    Report(CallOutcome),
    /// The event was aborted.
    Stop,
}

impl Visitor for Dispatcher<'_> {
    fn visit<'e>(
        &mut self,
        registrations: impl Iterator<Item = &'e Arc<Registration>>,
        snapshot: &Arc<Snapshot>,
    ) {
        let mut last = None;
        for registration in registrations {
            self.call_next(registration, snapshot);
            if self.counts.superseded {
                return;
            }
            if self.counts.aborted {
                break;
            }
            last = Some(registration);
        }
        self.check_abort(last);
    }
}

impl Dispatcher<'_> {
    /// Finds out whether the event was aborted, and by whom: at the latest by the last listener that was called.
    #[inline]
    fn check_abort(&mut self, last: Option<&Arc<Registration>>) {
        self.is_checked = true;
        contained(|| self.counts.aborted |= self.event.is_aborted());
        if self.counts.aborted {
            self.note_abort(last);
        }
    }

    #[cold]
    fn note_abort(&mut self, last: Option<&Arc<Registration>>) {
        let called = self.called_before.take();
        let last = last.or(called.as_ref()).map(|last| &**last);
        contained(|| self.context.note_abort(self.event, last));
    }

    #[inline]
    fn call_next(&mut self, registration: &Arc<Registration>, snapshot: &Arc<Snapshot>) {
        if !(self.calls_plainly && registration.plain) {
            return self.call_observed(registration, snapshot);
        }
        // What is left of a call that needs no check before it and notifies nobody after it.
        let event = self.event;
        match caught(|| (!event.is_aborted()).then(|| registration.listener.handle(event))) {
            Ok(Some(Ok(()))) => self.counts.delivered += 1,
            Ok(None) => self.counts.aborted = true,
            Ok(Some(failed)) => {
                self.on_failure(registration, CallOutcome::Returned(failed), None);
            }
            Err(panic) => self.on_failure(registration, CallOutcome::Panicked(panic), None),
        }
    }

    fn resume(
        &mut self,
        listeners: Listed<'_>,
        batch: BatchResult,
        started: Option<Instant>,
        snapshot: &Arc<Snapshot>,
    ) {
        let called = batch.count;
        let last = called.checked_sub(1).and_then(|last| listeners.get(last));
        self.counts.delivered = batch.called();
        if let (Some(outcome), Some(last)) = (batch.failed, last) {
            self.counts.delivered -= 1;
            self.on_failure(last, outcome, started);
        }
        self.called_before = last.map(Arc::clone);
        if batch.aborted {
            // Another thread may undo that meanwhile: not looked at again.
            self.counts.aborted = true;
            return;
        }
        let rest = (called..).map_while(|index| listeners.get(index));
        self.visit(rest, snapshot);
    }

    #[cold]
    fn on_failure(
        &mut self,
        registration: &Arc<Registration>,
        outcome: CallOutcome,
        started: Option<Instant>,
    ) {
        let call = Call::new(registration, self.topic, self.event, 1, self.handlers);
        call.set_started(started);
        let follow_up = report(&call, self.handlers, outcome, self.counts);
        self.follow_up(registration, follow_up);
    }

    #[inline(never)]
    fn call_observed(&mut self, registration: &Arc<Registration>, snapshot: &Arc<Snapshot>) {
        if registration.timeout().is_some() {
            // The listener may never return.
            self.remove_exhausted();
        }
        // Held until the outcome is reported.
        let mut turn = None;
        let outcome = match self.next_step(registration) {
            Step::Stop => {
                self.counts.aborted = true;
                return;
            }
            Step::Settled => return,
            Step::Delegate if self.delegate(registration) => return,
            Step::Delegate | Step::Call => None,
            Step::CallInTurn(taken) => {
                turn = Some(taken);
                None
            }
            Step::Report(outcome) => Some(outcome),
        };
        let Self {
            topic,
            event,
            handlers,
            ..
        } = *self;
        let last = Cell::new(false);
        let call = Call::new(registration, topic, event, 1, handlers);
        let outcome = outcome.unwrap_or_else(|| {
            let _entered = turn.as_ref().map(|turn| turn.enter());
            CallOutcome::caught(|| self.call_here(&call, &last, snapshot))
        });
        let follow_up = report(&call, handlers, outcome, self.counts);
        self.follow_up(registration, follow_up);
        if last.get() {
            let exhausted = self.exhausted.get_or_insert_default();
            exhausted.push(Arc::clone(registration));
        }
    }

    /// A listener runs elsewhere from now on, and may abort the event there.
    fn set_delegated(&mut self) {
        self.has_delegated = true;
        self.calls_plainly = false;
    }

    /// What has to happen with the next listener.
    fn next_step(&mut self, registration: &Arc<Registration>) -> Step {
        let has_pool = registration.pool().is_some();
        let is_limited = registration.max_concurrent().is_some();
        if !self.has_delegated && !has_pool && !is_limited {
            return Step::Call;
        }
        match caught(|| self.is_aborted()) {
            Ok(true) => Step::Stop,
            Ok(false) if is_limited => self.take_turn(registration),
            Ok(false) if has_pool => Step::Delegate,
            Ok(false) => Step::Call,
            Err(panic) => Step::Report(CallOutcome::Panicked(panic)),
        }
    }

    /// Whether the event was aborted, here or by a listener on another pool.
    fn is_aborted(&mut self) -> bool {
        let elsewhere = self.has_delegated && self.context.is_aborted_elsewhere(self.event);
        elsewhere || self.event.is_aborted()
    }

    fn delegate(&mut self, registration: &Arc<Registration>) -> bool {
        self.set_delegated();
        let mut is_settled = false;
        contained(|| {
            let counts = &mut *self.counts;
            is_settled = self.context.delegate(registration, self.event, counts);
        });
        is_settled
    }

    fn take_turn(&mut self, registration: &Arc<Registration>) -> Step {
        let mut taken = TurnTaken::Elsewhere;
        contained(|| {
            let counts = &mut *self.counts;
            taken = self.context.take_turn(registration, self.event, counts);
        });
        match taken {
            TurnTaken::Here(Some(turn)) => Step::CallInTurn(turn),
            TurnTaken::Here(None) => Step::Call,
            TurnTaken::Elsewhere => {
                self.set_delegated();
                Step::Settled
            }
            TurnTaken::Panicked(panic) => Step::Report(CallOutcome::Panicked(panic)),
        }
    }

    fn call_here(
        &mut self,
        call: &Call<'_>,
        last: &Cell<bool>,
        snapshot: &Arc<Snapshot>,
    ) -> CallOutcome {
        if let Some(outcome) = precheck(call, last) {
            return outcome;
        }
        let progress = Progress {
            snapshot: Some(snapshot),
            before: *self.counts,
            is_last_run: last.get(),
        };
        let limit = call.registration.timeout();
        let limit = limit.map(|limit| self.context.limit_time(call, progress, limit));
        invoke(call, call.event, limit)
    }

    fn follow_up(&mut self, registration: &Arc<Registration>, follow_up: Option<FollowUp>) {
        let Some(follow_up) = follow_up else {
            return;
        };
        let (context, event) = (&mut *self.context, self.event);
        let schedule = |failed: &FailedAttempt| context.schedule_retry(registration, event, failed);
        let kept = follow_up.schedule_or_keep(event, self.handlers, self.counts, schedule);
        if let Some(kept) = kept {
            contained(|| self.context.keep(registration, kept));
        }
    }

    #[inline]
    fn remove_exhausted(&mut self) {
        if let Some(exhausted) = self.exhausted.take() {
            self.remove_all(exhausted);
        }
    }

    #[cold]
    fn remove_all(&self, exhausted: Vec<Arc<Registration>>) {
        for registration in exhausted {
            self.registry.remove_exhausted(&registration);
            contained(move || drop(registration));
        }
    }
}
