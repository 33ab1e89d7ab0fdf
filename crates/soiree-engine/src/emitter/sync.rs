//! Emissions on the thread that emits.

use std::sync::Arc;
use std::time::Duration;

use super::scene::Scene;
use super::settings::Current;
use super::{Emitter, Unreported};
use crate::context::{Frame, enter_frame};
use crate::dispatch::{Audience, Failed, Ground, Tally, call_plain, dispatch, tell_if_dead};
use crate::emission::{
    Emission, Errors, Flight, Hub, Report, Turn, Whole, tell_accepted, tell_begun, tell_ended,
};
use crate::invocation::{Call, Watched, Within};
use crate::trace::EmissionSpan;
use soiree_core::panic::contained;
use soiree_core::registry::{CachedTopic, Registration};
use soiree_core::{BaseEvent, Event, ListenerError};

/// The emission, as long as none of its listeners has been handed over; and what it becomes then.
struct Here<'a> {
    hub: &'a Hub,
    current: &'a Current,
    turn: Option<&'a Turn>,
    topic: &'a str,
    errors: Errors,
    span: &'a EmissionSpan,
    /// With a copy of the event that other threads may hold on to.
    flight: Option<Arc<Flight<Whole<BaseEvent>>>>,
}

impl Emitter {
    /// Calls listeners on this thread as [`run`](Self::run) does, if there is nothing to ask and nobody to tell.
    #[inline]
    pub(super) fn run_quietly(
        &self,
        scene: &Scene,
        known: &CachedTopic,
        topic: &str,
        event: &impl Event,
    ) -> Result<Report, Unreported> {
        let entered = self.enter(0);
        let called = call_plain(&known.calls, event);
        if called.badly.is_some() {
            drop(entered);
            let audience = Audience::Further(&known.calls, called, &scene.snapshot);
            return self.run(scene, audience, topic, event);
        }
        Ok(Report {
            delivered: called.count as u64,
            aborted: called.aborted,
            ..Report::default()
        })
    }

    /// For users' code that is called by an emission: a close in there would wait for it.
    #[inline]
    pub(super) fn enter(&self, flight: usize) -> impl Drop + use<> {
        enter_frame(Frame {
            hub: Arc::as_ptr(&self.hub).addr(),
            flight,
            pool: 0,
        })
    }

    /// Calls listeners on this thread, inside the scene.
    pub(super) fn run(
        &self,
        scene: &Scene,
        audience: Audience<'_>,
        topic: &str,
        event: &dyn Event,
    ) -> Result<Report, Unreported> {
        let current = &*scene.current;
        let handlers = &current.settings.handlers;
        let begun = self.enter(0);
        let span = EmissionSpan::default();
        span.begin(topic, None, || event.known_id());
        let _traced = span.enter();
        tell_begun(event, topic, None, handlers);
        // Dropped inside, whatever comes of it: the next one's turn may have others' code run.
        let (_entered, turn) = match current.settings.orders.of(topic) {
            None => (begun, None),
            Some(rule) => {
                drop(begun);
                let turn = self.turn(current, rule, event, topic)?;
                let entered = self.enter(turn.as_ref().map_or(0, Turn::address));
                (entered, turn)
            }
        };
        tell_accepted(topic, None, handlers);
        let mut here = Here {
            hub: &self.hub,
            current,
            turn: turn.as_ref(),
            topic,
            errors: Errors::default(),
            flight: None,
            span: &span,
        };
        let tally = dispatch(
            &self.hub.registry,
            audience,
            topic,
            event,
            handlers,
            &mut here,
        );
        let Some(flight) = here.flight else {
            tell_if_dead(tally, topic, event, handlers);
            tell_ended(event, topic, None, handlers, tally, false);
            return Ok(Report::ended(tally, here.errors));
        };
        let copy = Arc::clone(&flight);
        let copy = &copy.cargo.0;
        if tally.aborted {
            copy.set_aborted(true);
        }
        flight.end_part(tally);
        let report = Emission::new(flight).wait();
        if copy.is_aborted() {
            contained(|| event.set_aborted(true));
        }
        Ok(report)
    }
}

impl Here<'_> {
    fn flight(&mut self, event: &dyn Event) -> &Arc<Flight<Whole<BaseEvent>>> {
        self.flight.get_or_insert_with(|| {
            let copy = BaseEvent::new(self.topic, event.payload())
                .with_id(event.id())
                .with_properties(event.properties());
            self.hub.gate.enter_again();
            let (_, setup) = self.current.ground(self.topic);
            let flight = Flight::running(
                Arc::clone(setup),
                self.topic,
                Whole(copy),
                self.span.share(),
            );
            for error in std::mem::take(&mut self.errors.kept) {
                flight.core.fail(error);
            }
            flight.core.omit(self.errors.omitted);
            if let Some(turn) = self.turn {
                turn.continue_as(&flight);
            }
            flight
        })
    }
}

impl Ground for Here<'_> {
    fn keep(&mut self, error: ListenerError) {
        match &self.flight {
            Some(flight) => flight.core.fail(error),
            None => {
                let most = self.current.settings.error_buffer;
                let omitted = self.errors.push(error, most);
                drop(omitted);
            }
        }
    }

    fn hand_over(
        &mut self,
        entry: &Arc<Registration>,
        event: &dyn Event,
        tally: &mut Tally,
    ) -> bool {
        let mut settled = false;
        contained(|| settled = (&mut self.flight(event)).hand_over(entry, event, tally));
        settled
    }

    fn retry(&mut self, entry: &Arc<Registration>, event: &dyn Event, failed: Failed<'_>) -> bool {
        let mut again = false;
        contained(|| again = (&mut self.flight(event)).retry(entry, event, failed));
        again
    }

    fn watch(&mut self, _: &Call<'_>, _: Within<'_>, _: Duration) -> Watched {
        // Nobody else can go on with an event that is borrowed.
        Watched::measured(self.current.settings.timer.as_ref())
    }

    fn is_aborted_elsewhere(&mut self, event: &dyn Event) -> bool {
        let Some(flight) = &self.flight else {
            return false;
        };
        let copy = &flight.cargo.0;
        if event.is_aborted() {
            copy.set_aborted(true);
        } else if copy.is_aborted() {
            event.set_aborted(true);
        }
        event.is_aborted()
    }
}
