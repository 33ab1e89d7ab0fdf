//! Emissions on the emitting thread that only observers are notified of.

use soiree_core::Event;
use soiree_core::registry::CachedTopic;

use super::emit::Emitter;
use super::emit_sync::{SyncContext, check_depth};
use super::generation::Generation;
use super::not_admitted::SyncError;
use crate::context::ON_CALLER;
use crate::dispatch::{Listed, Selection, call_observed_batch};
use crate::emission::{Report, notify_accepted, notify_reported, notify_started};
use crate::trace::EmissionSpan;

impl Emitter {
    /// As [`run`](Self::run), for listeners that would have the [fast path](Self::run_fast_path) without observers.
    #[inline(never)]
    pub(super) fn run_observed(
        &self,
        generation: &Generation,
        cached: &CachedTopic,
        topic: &str,
        event: &dyn Event,
    ) -> Result<Report, SyncError> {
        let entered = self.enter(ON_CALLER);
        if entered.is_nested() {
            check_depth()?;
        }
        let handlers = &generation.current.settings.handlers;
        notify_started(event, topic, None, handlers);
        notify_accepted(topic, None, handlers);
        let (batch, started) =
            call_observed_batch(&cached.calls, topic, event, &handlers.observers);
        if batch.has_sequel() {
            let span = EmissionSpan::default();
            let context = SyncContext::new(self, &generation.current, topic, &span);
            let selection = Selection::Resume(
                Listed::Cached(&cached.calls),
                batch,
                started,
                &generation.snapshot,
            );
            return Ok(context.call_listeners(selection, event));
        }
        let report = Report::of_success(batch.called());
        notify_reported(topic, event, &report, handlers);
        Ok(report)
    }
}
