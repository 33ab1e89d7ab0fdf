//! An emission as a job.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cargo::Cargo;
use super::flight::Flight;
use super::stalled::give_place;
use crate::dispatch::{Audience, Tally, dispatch};
use crate::trace;
use soiree_core::Task;
use soiree_core::panic::contained;

impl<C: Cargo> Flight<C> {
    /// Runs it here, if nobody has begun to.
    pub(super) fn fly(self: &Arc<Self>) {
        let core = &self.core;
        if !core.claim() {
            return;
        }
        let setup = &core.setup;
        let mut tally = Tally::default();
        let _entered = core.enter();
        contained(|| {
            C::show(self, &mut |event| {
                tally = dispatch(
                    &setup.hub.registry,
                    Audience::Matching,
                    core.topic(),
                    event,
                    &setup.handlers,
                    &mut &*self,
                );
            });
        });
        self.end_calls(tally);
    }

    /// Ends a part whose listeners have been called, unless somebody else ends it.
    pub(super) fn end_calls(self: &Arc<Self>, tally: Tally) {
        if !tally.overtaken {
            self.core.end_call();
            self.end_part(tally);
        }
    }

    /// Ends one that the caller has claimed.
    pub(crate) fn end_unrun(self: &Arc<Self>) {
        let core = &self.core;
        let _entered = core.enter();
        if !core.refused.load(Ordering::Relaxed) {
            trace::discarded(core.topic(), &core.link().name);
        }
        self.core.discarded.store(true, Ordering::Relaxed);
        self.end_part(Tally::default());
    }
}

impl<C: Cargo> Task for Flight<C> {
    fn run(self: Arc<Self>) {
        self.fly();
        give_place(&self.core.setup.hub, || self.core.link());
    }

    fn discarded(self: Arc<Self>) {
        if self.core.claim() {
            self.end_unrun();
        }
    }
}
