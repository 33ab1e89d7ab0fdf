//! What is known of each listener, and the state that follows from it.

use std::time::Duration;

use serde_json::{Value, json};
use soiree::observe::{ListenerEnd, ListenerEnded};

use crate::recent::Recent;

/// An event that has waited for a listener for this long shows in the listener's state.
const LONG: Duration = Duration::from_secs(2);

/// The calls of a listener.
#[derive(Default)]
pub(crate) struct Calls {
    delivered: u64,
    failed: u64,
    panicked: u64,
    pub(crate) retried: u64,
    not_called: u64,
    /// Calls that have started and not ended.
    running: u64,
    /// Runs that took too long, including those that still run.
    slow: u64,
    slow_now: u64,
    slows: Recent,
    times: Recent,
    /// 0 for each of the latest runs that succeeded, 1 for each that failed.
    failures: Recent,
    /// 0 for each of the latest events that the listener was called for, 1 for each that did not reach it.
    misses: Recent,
}

/// The events in flight that are to reach a listener and have not.
#[derive(Default)]
pub(crate) struct Awaited {
    events: usize,
    oldest: Duration,
}

impl Awaited {
    pub(crate) fn add(&mut self, waited: Duration) {
        self.events += 1;
        self.oldest = self.oldest.max(waited);
    }
}

impl Calls {
    pub(crate) fn started(&mut self) {
        self.running += 1;
    }

    pub(crate) fn ended(&mut self, ended: &ListenerEnded<'_>) {
        match ended.outcome {
            ListenerEnd::Failed(_) => self.failed += 1,
            ListenerEnd::Panicked(_) => self.panicked += 1,
            ListenerEnd::Rejected(_) | ListenerEnd::Discarded(_) => {
                self.not_called += 1;
                self.misses.add(1.0);
                return;
            }
            // Or a failure of a kind that cannot happen here.
            _ => {}
        }
        self.running = self.running.saturating_sub(1);
        if ended.attempt == 1 {
            self.delivered += 1;
            self.misses.add(0.0);
        }
        let succeeded = matches!(ended.outcome, ListenerEnd::Succeeded);
        self.failures.add(if succeeded { 0.0 } else { 1.0 });
        if let Some(time) = ended.run_time {
            self.times.add(time.as_secs_f64());
        }
    }

    pub(crate) fn is_slow(&mut self) {
        self.slow += 1;
        self.slow_now += 1;
        self.slows.add(1.0);
    }

    pub(crate) fn was_slow(&mut self) {
        self.slow_now = self.slow_now.saturating_sub(1);
    }

    pub(crate) fn status(&mut self, name: &str, pattern: &str, awaited: &Awaited) -> Value {
        let (kind, state) = self.state(awaited);
        json!({
            "name": name,
            "pattern": pattern,
            "kind": kind,
            "state": state,
            "waiting": awaited.events,
            "waiting_seconds": awaited.oldest.as_secs_f64(),
            "delivered": self.delivered,
            "failed": self.failed,
            "panicked": self.panicked,
            "retried": self.retried,
            "not_called": self.not_called,
            "slow": self.slow,
            "run_seconds": self.times.percentiles(),
        })
    }

    /// A kind, which is a class of the page, and what it says.
    fn state(&mut self, awaited: &Awaited) -> (&'static str, String) {
        let failing = self.failures.mean();
        let missing = self.misses.mean().unwrap_or(0.0);
        let is_reached = failing.is_some() || self.running > 0;
        let waits_long = awaited.oldest >= LONG;
        let is_missed = missing > 0.0 || (self.delivered == 0 && self.not_called > 0);
        let events = awaited.events;
        if !is_reached && (waits_long || is_missed) {
            let missed = self.not_called;
            return (
                "bad",
                format!("not reached: {events} wait, {missed} not called"),
            );
        }
        match failing {
            Some(share) if share > 0.0 => ("bad", format!("failing {}", percent(share))),
            _ if missing > 0.0 => ("bad", format!("missing {}", percent(missing))),
            _ if self.slow_now > 0 => ("warn", "slow right now".into()),
            _ if self.slows.mean().is_some() => ("warn", "slow".into()),
            _ if waits_long => ("warn", format!("late: {events} wait")),
            None if self.running == 0 => ("", "quiet".into()),
            _ => ("good", "ok".into()),
        }
    }
}

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent < 10.0 {
        true => format!("{percent:.1} %"),
        false => format!("{percent:.0} %"),
    }
}
