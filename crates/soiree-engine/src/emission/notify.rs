//! Telling observers of an emission.

use std::sync::Arc;

use crate::context::{EnteredFrame, Frame, enter_frame};
use soiree_core::observe::NotifyContext;

use super::cargo::Cargo;
use super::core::Core;
use super::flight::Flight;
use super::link::Link;
use super::setup::Setup;
use crate::context;
use crate::dispatch::Tally;
use crate::settings::Handlers;
use crate::trace;
use soiree_core::panic::contained;
use soiree_core::{EmissionAccepted, EmissionEnded, EmissionStarted, Event, Job, Task};

/// Observers are notified inside the emitter: a close in there would wait for itself.
struct EmitterContext(usize);

impl NotifyContext for EmitterContext {
    type Guard = EnteredFrame;

    fn enter(&self) -> EnteredFrame {
        enter_frame(Frame {
            hub: self.0,
            flight: 0,
            pool: 0,
        })
    }
}

impl Setup {
    /// A job for one of the emitter's pools, about to be handed to it.
    pub(crate) fn offer(&self, task: Arc<dyn Task>, pool: &Link) -> Job {
        self.offer_job(Job::from_task(task), pool)
    }

    pub(super) fn offer_job(&self, job: Job, pool: &Link) -> Job {
        let hub = Arc::as_ptr(&self.hub).addr();
        let observers = &self.handlers.observers;
        observers.offer(job, &pool.name, || EmitterContext(hub))
    }
}

impl Core {
    /// The name of the pool that it is told of with.
    fn pool_name(&self) -> Option<&str> {
        (!self.on_caller).then_some(&*self.setup.pool.name)
    }
}

impl<C: Cargo> Flight<C> {
    /// Begins the span. To be called before it goes to its pool.
    pub(crate) fn trace_begun(self: &Arc<Self>) {
        let core = &self.core;
        // The event and whoever collects spans are others' code.
        let _entered = trace::is_possible().then(|| context::enter_frame(core.frame_here()));
        core.span.begin(core.topic(), core.pool_name(), || {
            let mut id = None;
            C::show(self, &mut |event| id = event.known_id());
            id
        });
    }

    /// To be called before it goes to its pool.
    pub(crate) fn tell_begun(self: &Arc<Self>) {
        if self.core.setup.handlers.observers.is_empty() {
            return;
        }
        let core = &self.core;
        let _entered = context::enter_frame(core.frame_here());
        contained(|| {
            C::show(self, &mut |event| {
                tell_begun(event, core.topic(), core.pool_name(), &core.setup.handlers);
            });
        });
    }

    /// To be called when its pool has taken it. It may have ended.
    pub(crate) fn tell_accepted(&self) {
        if self.core.setup.handlers.observers.is_empty() {
            return;
        }
        let core = &self.core;
        let _entered = context::enter_frame(core.frame_here());
        tell_accepted(core.topic(), core.pool_name(), &core.setup.handlers);
    }

    pub(super) fn tell_ended(self: &Arc<Self>, tally: Tally, discarded: bool) {
        let core = &self.core;
        contained(|| {
            C::show(self, &mut |event| {
                let handlers = &core.setup.handlers;
                tell_ended(
                    event,
                    core.topic(),
                    core.pool_name(),
                    handlers,
                    tally,
                    discarded,
                );
            });
        });
    }
}

/// Tells that an emission begins.
pub(crate) fn tell_begun(event: &dyn Event, topic: &str, pool: Option<&str>, handlers: &Handlers) {
    if handlers.observers.is_empty() {
        return;
    }
    let begun = EmissionStarted::new(topic, event, pool);
    handlers
        .observers
        .notify(|observer| observer.emission_started(&begun));
}

/// Tells that an emission was accepted.
pub(crate) fn tell_accepted(topic: &str, pool: Option<&str>, handlers: &Handlers) {
    handlers
        .observers
        .notify(|observer| observer.emission_accepted(&EmissionAccepted::new(topic, pool)));
}

/// Tells that an emission has ended.
pub(crate) fn tell_ended(
    event: &dyn Event,
    topic: &str,
    pool: Option<&str>,
    handlers: &Handlers,
    tally: Tally,
    discarded: bool,
) {
    if handlers.observers.is_empty() {
        return;
    }
    let mut ended = EmissionEnded::new(topic, event, pool);
    ended.delivered = tally.delivered;
    ended.failed = tally.failed;
    ended.not_called = tally.not_called;
    ended.retried = tally.retried;
    ended.aborted = tally.aborted;
    ended.discarded = discarded;
    handlers
        .observers
        .notify(|observer| observer.emission_ended(&ended));
}
