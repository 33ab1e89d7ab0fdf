//! Emissions that listeners make while a close waits for the emission that has called them.

use std::sync::Arc;

use soiree_core::Event;
use soiree_core::panic::contained;
use soiree_core::registry::Snapshot;

use super::emit::Emitter;
use super::not_admitted::{NotAdmitted, Pass, SyncError, may_pass};
use crate::context::inside_frame;
use crate::dispatch::Selection;
use crate::emission::{EmitError, Report};

impl Emitter {
    /// As [`run_while_draining`](Self::run_while_draining), for the listeners of a topic.
    #[cold]
    pub(super) fn run_resolved_while_draining(
        &self,
        error: SyncError,
        topic: &str,
        event: &dyn Event,
        pass: Pass<'_>,
    ) -> Result<Report, EmitError> {
        self.run_while_draining(error, topic, event, pass, |snapshot| {
            let lookup = snapshot.find(self.registry().hash(topic), topic);
            let selection = Selection::Resolved(snapshot, lookup);
            self.run(&self.current(), selection, topic, event)
        })
    }

    /// Runs an emission that was not admitted because the emitter closes, if a listener has made it whose own emission the close waits
    /// for. Otherwise notifies observers why it has not started.
    #[cold]
    pub(super) fn run_while_draining(
        &self,
        error: SyncError,
        topic: &str,
        event: &dyn Event,
        pass: Pass<'_>,
        run: impl FnOnce(&Arc<Snapshot>) -> Result<Report, SyncError>,
    ) -> Result<Report, EmitError> {
        let is_closed = matches!(error, SyncError::NotAdmitted(NotAdmitted::Closed));
        if !is_closed || !self.start_while_draining() {
            return Err(self.report_rejected(error, topic, event));
        }
        let snapshot = self.registry().snapshot();
        let reported = match snapshot.is_reserved(topic) && !may_pass(topic, pass) {
            true => Err(SyncError::NotAdmitted(NotAdmitted::Reserved)),
            false => run(&snapshot),
        };
        contained(move || drop(snapshot));
        self.shared.task_ended();
        reported.map_err(|error| self.report_rejected(error, topic, event))
    }

    /// Counts an emission that starts while a close waits, if a listener has made it whose own emission the close waits for.
    #[cold]
    pub(super) fn start_while_draining(&self) -> bool {
        let emitter = self.frame_address();
        let is_inside = inside_frame(|frame| frame.emitter == emitter && frame.emission != 0);
        let starts = is_inside && !self.shared.has_stopped_waiting();
        if starts {
            self.shared.tracker.start_nested();
        }
        starts
    }
}
