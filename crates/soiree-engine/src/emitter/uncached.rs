//! Emissions on the emitting thread of topics that are not cached.

use soiree_core::Event;
use soiree_core::registry::{Lookup, TopicHash};

use super::emit::Emitter;
use super::emit_sync::check_depth;
use super::generation::Generation;
use super::not_admitted::{SyncError, check_topic};
use crate::context::ON_CALLER;
use crate::dispatch::{Listed, Selection, call_batch};
use crate::emission::Report;

impl Emitter {
    /// As [`run_fast_path`](Self::run_fast_path), for a topic that is not cached: it is checked, and its listeners are looked for, first.
    #[inline(never)]
    pub(super) fn run_uncached(
        &self,
        generation: &Generation,
        hash: TopicHash,
        topic: &str,
        event: &impl Event,
    ) -> Result<Report, SyncError> {
        let (current, snapshot) = (&generation.current, &generation.snapshot);
        check_topic(snapshot, Lookup::Uncached(hash), topic, None)
            .map_err(SyncError::NotAdmitted)?;
        let entered = self.enter(ON_CALLER);
        if entered.is_nested() {
            check_depth()?;
        }
        let found = self.registry().uncached(snapshot, hash, topic);
        if found.is_empty() || !found.iter().all(|registration| registration.plain) {
            drop(entered);
            return self.run(current, Selection::Found(&found, snapshot), topic, event);
        }
        let listeners = found.iter().map(|registration| &**registration.listener);
        let batch = call_batch(listeners, event);
        if batch.has_sequel() {
            drop(entered);
            let selection = Selection::Resume(Listed::Found(&found), batch, None, snapshot);
            return self.run(current, selection, topic, event);
        }
        Ok(Report::of_success(batch.called()))
    }
}
