//! What happens to each emission of a round, as its emitter, its listeners and an observer see it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use soiree::observe::{
    EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, JobEnded, JobOffered,
    JobRejected, ListenerEnd, ListenerEnded, ListenerStarted, Observer,
};
use soiree::{Emission, Event, Report, WeakEventPool};
use tokio::runtime::Handle;

use crate::values::Item;

/// Names of listeners that count their own calls start like this.
pub(crate) const COUNTED: &str = "soak ";

/// One round.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) soiree: OnceLock<WeakEventPool>,
    pub(crate) runtime: OnceLock<Handle>,
    pub(crate) records: Mutex<Vec<Arc<Record>>>,
    /// Emissions whose reports are read after the close.
    pub(crate) kept: Mutex<Vec<(Arc<Record>, Emission)>>,
    pub(crate) faults: Mutex<Vec<String>>,
    /// What each thread of the round does now.
    pub(crate) activities: Mutex<Vec<(String, &'static str)>>,
    /// Set when emitters and changers should come to an end.
    pub(crate) is_closing: AtomicBool,
    /// Grows while the round makes progress.
    pub(crate) steps: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) made: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) jobs_offered: AtomicU64,
    pub(crate) jobs_rejected: AtomicU64,
    pub(crate) jobs_ended: AtomicU64,
}

/// One emission.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) topic: String,
    pub(crate) how: &'static str,
    pub(crate) result: Mutex<Option<EmitResult>>,
    pub(crate) started: AtomicU32,
    pub(crate) ended: AtomicU32,
    pub(crate) figures: OnceLock<Figures>,
    /// Calls that the observer saw: first attempts and retries.
    pub(crate) calls: AtomicU64,
    pub(crate) retries: AtomicU64,
    /// Calls that ended, and calls that never started.
    pub(crate) ended_calls: AtomicU64,
    pub(crate) not_called: AtomicU64,
    /// Of listeners that count their own calls.
    pub(crate) counted_calls: AtomicU64,
    pub(crate) own_calls: AtomicU64,
}

/// How an emit ended for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmitResult {
    Accepted,
    Rejected,
    /// The future of an `emit_async` was dropped.
    Cancelled,
}

/// What a report and an observer say alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) not_called: u64,
    pub(crate) retried: u64,
    pub(crate) errors: u64,
    pub(crate) aborted: bool,
    pub(crate) discarded: bool,
}

impl From<&Report> for Figures {
    fn from(report: &Report) -> Self {
        Self {
            delivered: report.delivered(),
            failed: report.failed(),
            timed_out: report.timed_out(),
            not_called: report.not_called(),
            retried: report.retried(),
            errors: report.errors().len() as u64 + report.omitted_errors(),
            aborted: report.is_aborted(),
            discarded: report.is_discarded(),
        }
    }
}

impl From<&EmissionEnded<'_>> for Figures {
    fn from(ended: &EmissionEnded<'_>) -> Self {
        Self {
            delivered: ended.delivered,
            failed: ended.failed,
            timed_out: ended.timed_out,
            not_called: ended.not_called,
            retried: ended.retried,
            errors: ended.errors,
            aborted: ended.aborted,
            discarded: ended.discarded,
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    pub(crate) fn add(&self, topic: &str, how: &'static str) -> Arc<Record> {
        let mut records = lock(&self.records);
        let record = Arc::new(Record {
            number: records.len() as u64,
            topic: topic.into(),
            how,
            ..Record::default()
        });
        records.push(Arc::clone(&record));
        record
    }

    pub(crate) fn emitted(&self) -> usize {
        lock(&self.records).len()
    }

    pub(crate) fn step(&self) {
        self.steps.fetch_add(1, SeqCst);
    }

    pub(crate) fn fail(&self, fault: impl Into<String>) {
        let mut faults = lock(&self.faults);
        // The first ones lead to the cause.
        if faults.len() < 20 {
            faults.push(fault.into());
        }
    }

    /// Notes what this thread of the round does, for a failure to say.
    pub(crate) fn set_activity(&self, thread: usize, activity: &'static str) {
        lock(&self.activities)[thread].1 = activity;
    }

    /// Adds a thread of the round. Returns its number.
    pub(crate) fn add_thread(&self, name: &str) -> usize {
        let mut activities = lock(&self.activities);
        activities.push((name.into(), "starts"));
        activities.len() - 1
    }

    /// Compares a report with what the observer saw. A report of an emission that has not ended has no such figures.
    pub(crate) fn compare(&self, record: &Record, report: &Report) {
        if report.is_unfinished() {
            return;
        }
        let (reported, observed) = (Figures::from(report), record.figures.get().copied());
        if observed != Some(reported) {
            self.fail(format!(
                "{record}: its report says {reported:?}, the observer saw {observed:?}"
            ));
        }
    }
}

impl Record {
    pub(crate) fn set_result(&self, result: EmitResult) {
        let former = lock(&self.result).replace(result);
        assert_eq!(former, None, "an emit ends once");
    }
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            number, topic, how, ..
        } = self;
        write!(f, "emission {number} ({how} on {topic})")
    }
}

/// The record of the emission that an event belongs to.
pub(crate) fn record_of(event: &dyn Event) -> Option<Arc<Record>> {
    let item = event.payload_as::<Item>()?;
    Some(Arc::clone(&item.record))
}

/// Writes down what the observer is notified of.
pub(crate) struct Witness(pub(crate) Arc<Ledger>);

impl Witness {
    fn record(&self, event: &dyn Event, act: impl FnOnce(&Record)) {
        self.0.step();
        match record_of(event) {
            Some(record) => act(&record),
            None => self.0.fail("an event lost its payload"),
        }
    }
}

impl Observer for Witness {
    fn emission_started(&self, started: &EmissionStarted<'_>) {
        self.record(started.event, |record| {
            record.started.fetch_add(1, SeqCst);
        });
    }

    fn emission_accepted(&self, _: &EmissionAccepted<'_>) {
        self.0.accepted.fetch_add(1, SeqCst);
    }

    fn emission_rejected(&self, _: &EmissionRejected<'_>) {
        self.0.step();
    }

    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        self.record(ended.event, |record| {
            let _ = record.figures.set(Figures::from(ended));
            record.ended.fetch_add(1, SeqCst);
        });
    }

    fn job_offered(&self, _: &JobOffered<'_>) {
        self.0.jobs_offered.fetch_add(1, SeqCst);
    }

    fn job_rejected(&self, _: &JobRejected<'_>) {
        self.0.jobs_rejected.fetch_add(1, SeqCst);
    }

    fn job_ended(&self, _: &JobEnded<'_>) {
        self.0.jobs_ended.fetch_add(1, SeqCst);
    }

    fn listener_started(&self, started: &ListenerStarted<'_>) {
        let is_counted = started
            .listener
            .name
            .is_some_and(|name| name.starts_with(COUNTED));
        self.record(started.event, |record| {
            let calls = match started.attempt {
                1 => &record.calls,
                _ => &record.retries,
            };
            calls.fetch_add(1, SeqCst);
            record
                .counted_calls
                .fetch_add(u64::from(is_counted), SeqCst);
        });
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        self.record(ended.event, |record| {
            let ends = match ended.outcome {
                ListenerEnd::Rejected(_) | ListenerEnd::Discarded(_) => &record.not_called,
                _ => &record.ended_calls,
            };
            ends.fetch_add(1, SeqCst);
        });
    }
}
