//! The values that the page shows, gathered by an observer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use soiree::observe::{
    DeadEvent, EmissionRejected, EmissionStarted, JobStarted, ListenerEnd, ListenerEnded,
    ListenerRef, Observer, RetryScheduled, SlowListener,
};
use soiree::{DeadLetter, PoolStats, Stats};

/// Percentiles are those of the last 10 seconds.
const WINDOW: Duration = Duration::from_secs(10);
/// At most this many values are kept for percentiles, the latest.
const SAMPLES: usize = 4096;

pub(crate) struct Board {
    since: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    offered: u64,
    rejected: u64,
    dead_events: u64,
    dead_letters: u64,
    waits: BTreeMap<String, Recent>,
    listeners: BTreeMap<(String, String), Runs>,
}

#[derive(Default)]
struct Runs {
    delivered: u64,
    failed: u64,
    panicked: u64,
    retried: u64,
    not_called: u64,
    /// Runs that took too long, including those that still run.
    slow: u64,
    slow_now: u64,
    times: Recent,
    /// 0 for each of the latest runs that succeeded, 1 for each that failed.
    failures: Recent,
}

/// The latest values, each with its time.
#[derive(Default)]
struct Recent(VecDeque<(Instant, f64)>);

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            seen: Mutex::default(),
        }
    }

    /// Returns everything that the page shows.
    pub(crate) fn status(&self, stats: &Stats) -> Value {
        let mut seen = self.seen();
        let pools: Vec<Value> = stats
            .pools
            .iter()
            .map(|(name, stats)| pool(name, stats, seen.waits.entry(name.to_string()).or_default()))
            .collect();
        let listeners: Vec<Value> = seen
            .listeners
            .iter_mut()
            .map(|((name, pattern), runs)| listener(name, pattern, runs))
            .collect();
        json!({
            "uptime_seconds": self.since.elapsed().as_secs_f64(),
            "window_seconds": WINDOW.as_secs_f64(),
            "emissions": {
                "offered": seen.offered,
                "rejected": seen.rejected,
                "dead_events": seen.dead_events,
                "dead_letters": seen.dead_letters,
            },
            "pools": pools,
            "listeners": listeners,
        })
    }

    fn runs(&self, listener: &ListenerRef<'_>, change: impl FnOnce(&mut Runs)) {
        let name = listener.name.unwrap_or("(no name)");
        let key = (name.into(), listener.pattern.into());
        change(self.seen().listeners.entry(key).or_default());
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Board {
    fn emission_started(&self, _: &EmissionStarted<'_>) {
        self.seen().offered += 1;
    }

    fn emission_rejected(&self, _: &EmissionRejected<'_>) {
        self.seen().rejected += 1;
    }

    fn dead_event(&self, _: &DeadEvent<'_>) {
        self.seen().dead_events += 1;
    }

    fn dead_letter(&self, _: &DeadLetter) {
        self.seen().dead_letters += 1;
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        let mut seen = self.seen();
        let waits = seen.waits.entry(started.pool.into()).or_default();
        waits.add(started.waited.as_secs_f64());
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        self.runs(&ended.listener, |runs| {
            match ended.outcome {
                ListenerEnd::Succeeded => {}
                ListenerEnd::Failed(_) => runs.failed += 1,
                ListenerEnd::Panicked(_) => runs.panicked += 1,
                ListenerEnd::Rejected(_) | ListenerEnd::Discarded(_) => {
                    runs.not_called += 1;
                    return;
                }
                // Kinds of failures that cannot happen here.
                _ => {}
            }
            if ended.attempt == 1 {
                runs.delivered += 1;
            }
            let succeeded = matches!(ended.outcome, ListenerEnd::Succeeded);
            runs.failures.add(if succeeded { 0.0 } else { 1.0 });
            if let Some(time) = ended.run_time {
                runs.times.add(time.as_secs_f64());
            }
        });
    }

    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {
        self.runs(&retry.listener, |runs| runs.retried += 1);
    }

    fn listener_slow(&self, slow: &SlowListener<'_>) {
        self.runs(&slow.listener, |runs| {
            if slow.ended {
                runs.slow_now = runs.slow_now.saturating_sub(1);
            } else {
                runs.slow += 1;
                runs.slow_now += 1;
            }
        });
    }
}

impl Recent {
    fn add(&mut self, value: f64) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((Instant::now(), value));
    }

    /// Returns the values of the window, ascending.
    fn sorted(&mut self) -> Vec<f64> {
        while self.0.front().is_some_and(|(at, _)| at.elapsed() > WINDOW) {
            self.0.pop_front();
        }
        let mut sorted: Vec<f64> = self.0.iter().map(|(_, value)| *value).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// Returns the median, the 99th percentile and the maximum in seconds, or `null` without values.
    fn percentiles(&mut self) -> Value {
        let sorted = self.sorted();
        let Some(max) = sorted.last() else {
            return Value::Null;
        };
        // Nearest rank: the smallest value that at least this share of all values does not exceed.
        let rank = |share: f64| (share * sorted.len() as f64).ceil() as usize;
        let at = |share| sorted[rank(share).clamp(1, sorted.len()) - 1];
        json!({ "p50": at(0.5), "p99": at(0.99), "max": max })
    }

    fn mean(&mut self) -> Option<f64> {
        let all = self.sorted();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }
}

fn pool(name: &str, stats: &PoolStats, waits: &mut Recent) -> Value {
    json!({
        "name": name,
        "running": stats.running,
        "idle": stats.idle,
        "active": stats.active,
        "max_workers": stats.max_workers,
        "waiting": stats.waiting,
        "capacity": stats.capacity,
        "submitted": stats.submitted,
        "rejected": stats.rejected,
        "expired": stats.expired,
        "discarded": stats.discarded,
        "completed": stats.completed(),
        "wait_seconds": waits.percentiles(),
    })
}

fn listener(name: &str, pattern: &str, runs: &mut Runs) -> Value {
    json!({
        "name": name,
        "pattern": pattern,
        "delivered": runs.delivered,
        "failed": runs.failed,
        "panicked": runs.panicked,
        "retried": runs.retried,
        "not_called": runs.not_called,
        "slow": runs.slow,
        "slow_now": runs.slow_now,
        "failing": runs.failures.mean(),
        "run_seconds": runs.times.percentiles(),
    })
}
