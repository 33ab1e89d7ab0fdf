//! An emission between `emit` and its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

#[cfg(not(feature = "tracing"))]
use super::cargo::Bare;
use super::cargo::Cargo;
use super::core::Core;
use super::setup::Setup;
use crate::dispatch::{Tally, tell_if_dead};
use crate::ordering::Member;
use crate::trace::EmissionSpan;
use soiree_core::panic::contained;

/// State, payload and outcome of one emission, in one allocation.
pub(crate) struct Flight<C> {
    pub(crate) core: Core,
    pub(crate) cargo: C,
}

/// A flight whose cargo is not known.
pub(crate) trait AnyFlight: Send + Sync {
    fn core(&self) -> &Core;

    fn member(self: Arc<Self>) -> Arc<dyn Member>;

    /// Runs it here, if nobody has begun to.
    fn run_here(self: Arc<Self>);
}

/// Together with its counts and a small payload, what common allocators give back to another thread's arena without a lock.
#[cfg(not(feature = "tracing"))]
const _: () = assert!(size_of::<Flight<Bare<u64>>>() <= 104);

impl<C: Cargo> Flight<C> {
    /// A flight that runs already, on the thread that makes it. The gate has been entered for it.
    pub(crate) fn running(
        setup: Arc<Setup>,
        topic: &str,
        cargo: C,
        span: EmissionSpan,
    ) -> Arc<Self> {
        let core = Core::running(setup, topic, span);
        Arc::new(Self { core, cargo })
    }

    /// Adds up what came of a part, unless somebody has done that in its place, and ends the emission with the last one. Called inside
    /// a frame of this emission.
    pub(crate) fn end_part(self: &Arc<Self>, tally: Tally) {
        let core = &self.core;
        if tally.overtaken || !core.end_one(tally) {
            return;
        }
        let discarded = core.discarded.load(Ordering::Relaxed);
        let topic = core.topic();
        let tally = core.tally();
        if tally.delivered == 0 && !discarded {
            contained(|| {
                C::show(self, &mut |event| {
                    tell_if_dead(tally, topic, event, &core.setup.handlers);
                });
            });
        }
        if !core.setup.handlers.observers.is_empty() && !core.refused.load(Ordering::Relaxed) {
            self.tell_ended(tally, discarded);
        }
        core.span.end();
        core.settle();
    }
}

impl<C: Cargo> AnyFlight for Flight<C> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn member(self: Arc<Self>) -> Arc<dyn Member> {
        self
    }

    fn run_here(self: Arc<Self>) {
        self.fly();
    }
}
