//! The names of metrics, their help texts, and where their values are.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use soiree_core::{PoolStats, WaitingStats};

use crate::event_pool::EventPoolMetrics;
use crate::inboxes::InboxSums;
use crate::outbox::{DurableFigures, OutboxFigures, OutboxState, RejectedFigures};
use crate::series::{ListenerSeries, PoolSeries};

/// A metric that is always exposed: a registry has the metrics of soiree if and only if it has this one.
pub(crate) const SENTINEL: &str = POOL_GAUGES[0].0;

/// Name, help text, and where the value is.
pub(crate) type Value<T> = (&'static str, &'static str, fn(&T) -> u64);
pub(crate) type CounterOf<T> = (&'static str, &'static str, fn(&T) -> &Counter);
pub(crate) type HistogramOf<T> = (&'static str, &'static str, fn(&T) -> &Histogram);

pub(crate) const POOL_GAUGES: [Value<PoolStats>; 12] = [
    (
        "soiree_pool_workers_running",
        "Workers that are alive, with or without a job",
        |stats| stats.running as u64,
    ),
    (
        "soiree_pool_workers_idle",
        "Workers without a job",
        |stats| stats.idle as u64,
    ),
    (
        "soiree_pool_workers_peak",
        "The most workers that were alive at once",
        |stats| stats.peak_running as u64,
    ),
    (
        "soiree_pool_workers_max",
        "Workers that may live at once",
        |stats| stats.max_workers as u64,
    ),
    (
        "soiree_pool_workers_min",
        "Workers that stay when idle",
        |stats| stats.min_workers as u64,
    ),
    (
        "soiree_pool_jobs_active",
        "Jobs that have started and not ended",
        |stats| stats.active as u64,
    ),
    (
        "soiree_pool_jobs_waiting",
        "Jobs that are accepted and have not started",
        |stats| stats.waiting as u64,
    ),
    (
        "soiree_pool_jobs_waiting_peak",
        "The most jobs that were accepted and had not started at once",
        |stats| stats.peak_waiting as u64,
    ),
    (
        "soiree_pool_jobs_requeued",
        "Accepted jobs that wait for a place among those that may wait",
        |stats| stats.requeued as u64,
    ),
    (
        "soiree_pool_submitters_blocked",
        "Threads and tasks that are blocked until their job gets a place",
        |stats| stats.blocked as u64,
    ),
    (
        "soiree_pool_places_reserved",
        "Places among those that may wait that are kept for jobs to come",
        |stats| stats.reserved as u64,
    ),
    (
        "soiree_pool_capacity",
        "Jobs that may wait at once",
        |stats| stats.capacity as u64,
    ),
];

pub(crate) const POOL_COUNTERS: [Value<PoolStats>; 7] = [
    (
        "soiree_pool_jobs_submitted",
        "Jobs accepted, without rejected ones",
        |stats| stats.submitted,
    ),
    ("soiree_pool_jobs_rejected", "Jobs rejected", |stats| {
        stats.rejected
    }),
    (
        "soiree_pool_jobs_successful",
        "Jobs that ran to their end",
        |stats| stats.successful,
    ),
    ("soiree_pool_jobs_failed", "Jobs that panicked", |stats| {
        stats.failed
    }),
    (
        "soiree_pool_jobs_completed",
        "Jobs that ran, whether they panicked or not",
        PoolStats::completed,
    ),
    (
        "soiree_pool_jobs_expired",
        "Jobs whose deadline passed before they could start",
        |stats| stats.expired,
    ),
    (
        "soiree_pool_jobs_discarded",
        "Accepted jobs that were dropped before they ran",
        |stats| stats.discarded,
    ),
];

pub(crate) const POOL_HISTOGRAMS: [HistogramOf<PoolSeries>; 2] = [
    (
        "soiree_pool_job_wait",
        "From the submission of a job to its start",
        |series| &series.wait,
    ),
    (
        "soiree_pool_job_run",
        "From the start of a job to its end",
        |series| &series.run,
    ),
];

pub(crate) const EMISSION_COUNTERS: [CounterOf<EventPoolMetrics>; 6] = [
    (
        "soiree_emissions_accepted",
        "Emissions accepted",
        |metrics| &metrics.emissions.accepted,
    ),
    (
        "soiree_emissions_aborted",
        "Emissions that a listener aborted",
        |metrics| &metrics.emissions.aborted,
    ),
    (
        "soiree_emissions_discarded",
        "Accepted emissions that were dropped before they ran",
        |metrics| &metrics.emissions.discarded,
    ),
    (
        "soiree_emissions_failed",
        "Emissions with errors that the error handler did not swallow",
        |metrics| &metrics.emissions.failed,
    ),
    (
        "soiree_emissions_unheard",
        "Emissions that called no listener and were not aborted",
        |metrics| &metrics.emissions.unheard_events,
    ),
    (
        "soiree_dead_letters",
        "Events that a listener with retries gave up on",
        |metrics| &metrics.emissions.dead_letters,
    ),
];

pub(crate) const LISTENER_COUNTERS: [CounterOf<ListenerSeries>; 8] = [
    (
        "soiree_listener_delivered",
        "Events that the listener was called for, without retries",
        |series| &series.delivered,
    ),
    (
        "soiree_listener_failed",
        "Runs that returned an error; each attempt is a run",
        |series| &series.failed,
    ),
    (
        "soiree_listener_panicked",
        "Runs that panicked; each attempt is a run",
        |series| &series.panicked,
    ),
    (
        "soiree_listener_timed_out",
        "Runs that took longer than the listener's timeout",
        |series| &series.timed_out,
    ),
    (
        "soiree_listener_cancelled",
        "Runs of an async listener that were dropped before their end",
        |series| &series.cancelled,
    ),
    (
        "soiree_listener_retried",
        "Further attempts after a failure",
        |series| &series.retried,
    ),
    (
        "soiree_listener_not_called",
        "Events that the pool of the listener rejected or discarded",
        |series| &series.not_called,
    ),
    (
        "soiree_listener_slow",
        "Runs that crossed the threshold for slow listeners",
        |series| &series.slow,
    ),
];

pub(crate) const LISTENER_HISTOGRAMS: [HistogramOf<ListenerSeries>; 1] = [(
    "soiree_listener_run",
    "How long the listener ran; each attempt is a run",
    |series| &series.run,
)];

pub(crate) const INBOX_GAUGES: [Value<InboxSums>; 6] = [
    ("soiree_inboxes", "Inboxes", |sums| sums.inboxes),
    (
        "soiree_inbox_capacity",
        "Events that the inboxes hold at most",
        |sums| sums.capacity,
    ),
    (
        "soiree_inbox_events",
        "Events that the inboxes hold",
        |sums| sums.waiting,
    ),
    (
        "soiree_inbox_blocked",
        "Emissions that wait for room in the inboxes",
        |sums| sums.blocked,
    ),
    (
        "soiree_inbox_received",
        "Events that were received from the inboxes that exist",
        |sums| sums.received,
    ),
    (
        "soiree_inbox_missed",
        "Events that the inboxes that exist had no room for",
        |sums| sums.missed,
    ),
];

type Cause = (&'static str, fn(&WaitingStats) -> usize);

/// The values of the label `cause` of `soiree_emissions_waiting`, and where the number is.
pub(crate) const WAITING_CAUSES: [Cause; 6] = [
    ("blocked", |waiting| waiting.blocked),
    ("key", |waiting| waiting.key),
    ("place", |waiting| waiting.place),
    ("queue", |waiting| waiting.queue),
    ("retry", |waiting| waiting.retry),
    ("turn", |waiting| waiting.turn),
];

/// The values of the label `state` of `soiree_outbox_state`.
pub(crate) const OUTBOX_STATES: [(&str, OutboxState); 4] = [
    ("ok", OutboxState::Ok),
    ("failing", OutboxState::Failing),
    ("unreadable", OutboxState::Unreadable),
    ("failed", OutboxState::Failed),
];

pub(crate) const OUTBOX_GAUGES: [Value<OutboxFigures>; 4] = [
    ("soiree_outbox_events", "Events in the store", |figures| {
        figures.events
    }),
    (
        "soiree_outbox_queue_events",
        "Events that wait to be committed",
        |figures| figures.queued,
    ),
    (
        "soiree_outbox_store_bytes",
        "Bytes of the store",
        |figures| figures.store_bytes,
    ),
    (
        "soiree_outbox_wal_bytes",
        "Bytes of the write-ahead log of the store",
        |figures| figures.wal_bytes,
    ),
];

pub(crate) const OUTBOX_COUNTERS: [Value<OutboxFigures>; 2] = [
    ("soiree_outbox_stored", "Events stored", |figures| {
        figures.stored
    }),
    (
        "soiree_outbox_duplicates",
        "Events that were stored before, with the same ID",
        |figures| figures.duplicates,
    ),
];

type Rejected = (&'static str, fn(&RejectedFigures) -> u64);

/// The values of the label `reason` of `soiree_outbox_rejected`.
pub(crate) const OUTBOX_REJECTIONS: [Rejected; 9] = [
    ("closed", |rejected| rejected.closed),
    ("conflict", |rejected| rejected.conflict),
    ("encode", |rejected| rejected.encode),
    ("full", |rejected| rejected.full),
    ("no_codec", |rejected| rejected.no_codec),
    ("no_listener", |rejected| rejected.no_listener),
    ("queue_full", |rejected| rejected.queue_full),
    ("store", |rejected| rejected.store),
    ("too_large", |rejected| rejected.too_large),
];

/// Known of orphans too.
pub(crate) const DURABLE_FLAGS: [Value<DurableFigures>; 3] = [
    (
        "soiree_durable_held",
        "Whether this process delivers to the listener",
        |figures| figures.is_held.into(),
    ),
    (
        "soiree_durable_orphan",
        "Whether the store knows the listener, and it is not subscribed here",
        |figures| figures.is_orphan.into(),
    ),
    (
        "soiree_durable_waiting",
        "Events of the log that the listener has not come to",
        |figures| figures.waiting,
    ),
];

pub(crate) const DURABLE_GAUGES: [Value<DurableFigures>; 1] = [(
    "soiree_durable_in_flight",
    "Events that run, or wait in memory for one of their key",
    |figures| figures.in_flight,
)];

type Part = (&'static str, fn(&DurableFigures) -> u64);

/// The values of the label `state` of `soiree_durable_parked`. The first two are known of orphans too; `retry` is all that is not dead then.
pub(crate) const PARKED_STATES: [Part; 4] = [
    ("dead", |figures| figures.dead_letters),
    ("retry", |figures| figures.retrying),
    ("behind", |figures| figures.behind),
    ("suspect", |figures| figures.suspects),
];

/// The values of the label `outcome` of `soiree_durable_outcomes`.
pub(crate) const DURABLE_OUTCOMES: [Part; 4] = [
    ("done", |figures| figures.done),
    ("skipped", |figures| figures.skipped),
    ("failed", |figures| figures.failed),
    ("dead", |figures| figures.given_up),
];

/// The values of the label `reason` of `soiree_durable_redelivered`.
pub(crate) const REDELIVERIES: [Part; 3] = [
    ("retry", |figures| figures.retried),
    ("redriven", |figures| figures.redriven),
    ("crash", |figures| figures.after_crashes),
];
