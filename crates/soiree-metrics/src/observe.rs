//! Counts what the observed `EventPool` notifies of.

use std::sync::Arc;

use soiree_core::{
    DeadLetter, EmissionAccepted, EmissionEnded, EmissionRejected, JobEnded, JobStarted,
    ListenerEnd, ListenerEnded, ListenerRef, Observer, SlowListener, UnheardEvent,
};

use crate::event_pool::EventPoolMetrics;
use crate::family::listener_label;
use crate::series::ListenerSeries;

impl EventPoolMetrics {
    fn listener_series(&self, listener: &ListenerRef<'_>) -> Arc<ListenerSeries> {
        let name = listener_label(listener.name);
        self.listeners.get([name, listener.pattern])
    }
}

impl Observer for EventPoolMetrics {
    fn emission_accepted(&self, _: &EmissionAccepted<'_>) {
        self.emissions.accepted.inc();
    }

    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
        self.emissions.count_rejection(rejected);
    }

    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        if ended.aborted {
            self.emissions.aborted.inc();
        }
        if ended.discarded {
            self.emissions.discarded.inc();
        }
        if ended.errors > 0 {
            self.emissions.failed.inc();
        }
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        let series = self.pools.get([started.pool]);
        series.wait.observe(started.waited.as_secs_f64());
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        if let Some(run_time) = ended.run_time {
            let series = self.pools.get([ended.pool]);
            series.run.observe(run_time.as_secs_f64());
        }
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let series = self.listener_series(&ended.listener);
        match ended.outcome {
            ListenerEnd::Failed(_) => series.failed.inc(),
            ListenerEnd::Panicked(_) => series.panicked.inc(),
            ListenerEnd::TimedOut(_) => series.timed_out.inc(),
            ListenerEnd::Cancelled(_) => series.cancelled.inc(),
            ListenerEnd::Rejected(_) | ListenerEnd::Discarded(_) => {
                series.not_called.inc();
                return;
            }
            _ => 0,
        };
        match ended.attempt {
            1 => series.delivered.inc(),
            _ => series.retried.inc(),
        };
        if let Some(run_time) = ended.run_time {
            series.run.observe(run_time.as_secs_f64());
        }
    }

    fn listener_slow(&self, slow: &SlowListener<'_>) {
        if !slow.ended {
            self.listener_series(&slow.listener).slow.inc();
        }
    }

    fn unheard_event(&self, _: &UnheardEvent<'_>) {
        self.emissions.unheard_events.inc();
    }

    fn dead_letter(&self, _: &DeadLetter) {
        self.emissions.dead_letters.inc();
    }
}
