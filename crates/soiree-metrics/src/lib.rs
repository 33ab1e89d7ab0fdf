//! Prometheus metrics of soiree: what every pool, emission and listener is doing.
//!
//! ```
//! use soiree::metrics::Metrics;
//! use soiree::{EventPool, ListenerOptions, WorkerPool};
//!
//! let soiree = EventPool::builder()
//!     .bulkhead("mail", WorkerPool::new(4, 100)?)
//!     .build()?;
//! let metrics = Metrics::new();
//! soiree.add_metrics(&metrics, "main")?;
//!
//! soiree.on_with("user.*", ListenerOptions::new().name("welcome"), |_| ())?;
//! soiree.emit("user.created", "Matty Ice")?.wait();
//!
//! // A handler of `GET /metrics` answers with this text and this content type:
//! let (text, content_type) = (metrics.encode(), soiree::metrics::CONTENT_TYPE);
//! let delivered = r#"soiree_listener_delivered_total{event_pool="main",listener="welcome",pattern="user.*"} 1"#;
//! assert!(text.contains(delivered));
//! # assert!(content_type.starts_with("text/plain"));
//! # soiree.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `metrics`, the facade re-exports this crate as `soiree::metrics` and has `EventPool::add_metrics`. That
//! method connects the parts: an [`EventPoolMetrics`] is an [`Observer`](soiree_core::Observer) that counts what it is notified
//! of, and it [reads](EventPoolMetrics::read_stats) the statistics at each scrape.
//!
//! A program that has its own metrics in a [`Registry`](prometheus_client::registry::Registry) can
//! [register](Metrics::register) these there too. The client library is [`prometheus_client`], the official one.
//!
//! # The metrics
//! Every metric has the label `event_pool`, the name given to `add_metrics`. It is empty for a pool that belongs to none:
//! [`Metrics::add_pool`]. Times are in seconds.
//!
//! By `pool`, read from the pools at each scrape. The value is the name of a bulkhead, or `default`:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_pool_workers_running`, `_idle`, `_max`, `_min` | gauge | live workers; those without a job; the limits |
//! | `soiree_pool_jobs_active` | gauge | jobs that have started and not ended |
//! | `soiree_pool_jobs_waiting` | gauge | jobs that are accepted and have not started |
//! | `soiree_pool_workers_peak`, `soiree_pool_jobs_waiting_peak` | gauge | the most live workers and waiting jobs since the pool was made; 0 if the pool does not record it |
//! | `soiree_pool_jobs_requeued` | gauge | accepted jobs that wait for a place among those; they are not submitted yet |
//! | `soiree_pool_submitters_blocked` | gauge | submitters that are blocked until there is a place |
//! | `soiree_pool_places_reserved` | gauge | places that are kept for jobs to come |
//! | `soiree_pool_capacity` | gauge | jobs that may wait at once |
//! | `soiree_pool_jobs_submitted_total` | counter | jobs accepted |
//! | `soiree_pool_jobs_rejected_total` | counter | jobs rejected |
//! | `soiree_pool_jobs_successful_total`, `_failed_total`, `_completed_total` | counter | jobs that ran to their end; that panicked; both |
//! | `soiree_pool_jobs_expired_total`, `_discarded_total` | counter | jobs dropped before they ran: past their deadline; for another reason |
//!
//! By `pool`, only for jobs that the `EventPool` itself submits:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_pool_job_wait_seconds` | histogram | from the submission to the start, including the wait for room in the queue |
//! | `soiree_pool_job_run_seconds` | histogram | from the start to the end, or to the cancellation of a future |
//!
//! Emissions:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_emissions_in_flight` | gauge | started and not ended |
//! | `soiree_emissions_waiting` | gauge | waiting, by `cause`: `blocked`, `key`, `place`, `queue`, `retry`, `turn` |
//! | `soiree_emissions_accepted_total` | counter | accepted |
//! | `soiree_emissions_rejected_total` | counter | rejected, by `reason`: see below |
//! | `soiree_emissions_aborted_total` | counter | aborted by a listener |
//! | `soiree_emissions_discarded_total` | counter | accepted, and dropped before they ran |
//! | `soiree_emissions_failed_total` | counter | ended with errors that the error handler did not swallow |
//! | `soiree_emissions_unheard_total` | counter | called no listener, and were not aborted |
//! | `soiree_dead_letters_total` | counter | given up by a listener with retries |
//!
//! | `cause` of `soiree_emissions_waiting` | what it counts, as [`WaitingStats`](soiree_core::WaitingStats) does |
//! |---|---|
//! | `blocked` | emits that are blocked until there is a place in a pool, or room behind a key |
//! | `key` | events behind others of their key |
//! | `place` | accepted work that waits for a place in its pool |
//! | `queue` | work in the queues of the pools |
//! | `retry` | retries that wait to be due |
//! | `turn` | calls that wait for their turn, of listeners with `max_concurrent` |
//!
//! An emission whose listeners run apart, on pools of their own or in retries, counts once for each. Otherwise the emissions in
//! flight are those that wait and the active jobs: `soiree_emissions_in_flight`
//! `== sum(soiree_emissions_waiting) + sum(soiree_pool_jobs_active)`. The `Stats` of the facade say what else can differ.
//!
//! | `reason` of `soiree_emissions_rejected_total` | |
//! |---|---|
//! | `invalid_topic` | the topic is malformed |
//! | `closed` | the `EventPool` or the pool is closed |
//! | `full`, `timed_out` | the queue of the pool is full; it stayed full for as long as an emit may wait |
//! | `key_full` | no more events may wait behind others of their key |
//! | `key_busy` | an emit that must not wait for its turn, and whose key is busy |
//! | `key_panicked` | the key function panicked |
//! | `no_worker` | the pool could not start a thread |
//! | `recursion_limit` | too many jobs or `emit_sync` run inside one another |
//! | `would_block` | a future that would block a thread which polls futures |
//! | `other` | a reason of a pool of your own |
//!
//! By `listener`, its name, and `pattern`, the pattern that it is subscribed to:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_listener_delivered_total` | counter | events that the listener was called for, without retries, as in reports |
//! | `soiree_listener_failed_total` | counter | runs that returned an error |
//! | `soiree_listener_panicked_total` | counter | runs that panicked |
//! | `soiree_listener_timed_out_total` | counter | runs that took longer than the timeout of the listener |
//! | `soiree_listener_cancelled_total` | counter | runs of an async listener that were dropped before their end |
//! | `soiree_listener_retried_total` | counter | runs after a failed one |
//! | `soiree_listener_not_called_total` | counter | events that the listener's own pool rejected or discarded |
//! | `soiree_listener_slow_total` | counter | runs that crossed the threshold for slow listeners |
//! | `soiree_listener_run_seconds` | histogram | how long each run took |
//!
//! Each attempt is a run. A listener that fails twice and succeeds at the third attempt counts as delivered 1, failed 2,
//! retried 2, and has three runs in the histogram.
//!
//! By `listener` and `pattern` too, of the inboxes that exist at the scrape: several may have the same labels.
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_inboxes` | gauge | inboxes |
//! | `soiree_inbox_capacity`, `soiree_inbox_events` | gauge | events that they hold at most, and that they hold |
//! | `soiree_inbox_blocked` | gauge | emissions that wait for room in them |
//! | `soiree_inbox_received`, `soiree_inbox_missed` | gauge | events that were received from them; that they had no room for. No counters: they fall when an inbox is dropped |
//!
//! # Outboxes
//! The metrics of outboxes have the label `outbox` instead, the name given to [`Metrics::add_outbox`]. They are read at each scrape.
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_outbox_state` | gauge | 1 for the current `state` of the store: `ok`, `failing`, `unreadable`, `failed`; 0 for the others |
//! | `soiree_outbox_events` | gauge | events in the store |
//! | `soiree_outbox_queue_events` | gauge | events that wait to be committed |
//! | `soiree_outbox_store_bytes`, `_wal_bytes` | gauge | bytes of the store, and of its write-ahead log |
//! | `soiree_outbox_stored_total`, `_duplicates_total` | counter | events stored; stored before with the same ID |
//! | `soiree_outbox_rejected_total` | counter | events that were not stored, by `reason`: `closed`, `conflict`, `encode`, `full`, `no_codec`, `no_listener`, `queue_full`, `store`, `too_large` |
//! | `soiree_outbox_commit_seconds`, `soiree_outbox_commit_events` | histogram | how long commits took, failed ones included; how many events they had, if any |
//!
//! By `listener`, its durable name. Of an orphan, only the first four, and of those parked `dead`, and all others as `retry`:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_durable_held` | gauge | 1 if this process delivers to the listener |
//! | `soiree_durable_orphan` | gauge | 1 if the store knows the listener, and it is not subscribed here |
//! | `soiree_durable_waiting` | gauge | events of the log that the listener has not come to |
//! | `soiree_durable_parked` | gauge | events that wait, by `state`: `retry`, `behind` one of their key, `suspect`, `dead` |
//! | `soiree_durable_oldest_waiting_seconds` | gauge | how long the oldest event waits that has not ended and is not parked; 0 if there is none |
//! | `soiree_durable_in_flight` | gauge | events that run, and those behind one of their key that runs |
//! | `soiree_durable_outcomes_total` | counter | by `outcome`: events `done`, `skipped` by pattern or filter, or `dead`, and attempts `failed` |
//! | `soiree_durable_redelivered_total` | counter | deliveries that were not the first of their event, by `reason`: `retry`, `redriven`, `crash` |
//!
//! Outcomes and redeliveries count since this process has claimed the listener.
//!
//! # Bridges to NATS
//! They have the label `bridge`, the name given to [`Metrics::add_nats`].
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_nats_connected` | gauge | 1 if the bridge is connected |
//! | `soiree_nats_publishing` | gauge | events that are being published |
//! | `soiree_nats_reconnects_total` | counter | how often the connection was made anew |
//! | `soiree_nats_published_total`, `_duplicates_total` | counter | events that the stream has acknowledged; those that it had already |
//! | `soiree_nats_failed_publishes_total` | counter | attempts to publish that failed |
//! | `soiree_nats_not_published_total` | counter | events that came from the stream |
//!
//! By `consumer`, its name:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_nats_consumer_pulling` | gauge | 1 if the consumer asks for messages |
//! | `soiree_nats_consumer_lag` | gauge | messages of the stream that it has not been given |
//! | `soiree_nats_consumer_in_flight` | gauge | messages that are being handled |
//! | `soiree_nats_consumer_received_total`, `_redelivered_total` | counter | messages received; those that were received before |
//! | `soiree_nats_consumer_acks_total` | counter | by `kind`: confirmed as ended (`ack`), to come `again`, put on the `dead` subject, `unconfirmed` |
//! | `soiree_nats_consumer_skipped_total` | counter | messages that were passed over |
//! | `soiree_nats_consumer_ack_wait_extended_total` | counter | how often the server was asked for more time |
//! | `soiree_nats_consumer_restarts_total` | counter | how often asking for messages was started anew |
//!
//! # A dashboard
//! The file `grafana.json` of this crate is a dashboard for Grafana: pools, emissions, listeners and durable events, each panel with what
//! to look for. Import it there, and choose the data source that scrapes the program.
//!
//! # How many series there are
//! Prometheus keeps a series in memory for each combination of label values. So no label grows with traffic: **the emitted topic
//! is never a label**, because topics contain IDs, and neither is the ID of a listener. Names and patterns usually stand in the
//! source code, so their number is fixed.
//!
//! - A listener without a name has the label [`UNNAMED`]; unnamed listeners of one pattern share a series. So name your
//!   listeners.
//! - For patterns that are made at run time (`session.<id>.*`), the number of pairs of listener and pattern is limited, to 500
//!   unless [`max_label_sets`](MetricsBuilder::max_label_sets) sets another limit. Later pairs share the label [`OTHER`]: sums
//!   stay correct, but these listeners can no longer be distinguished. `soiree_metrics_overflowed_total` counts how often that
//!   happened, by `of`: `listener` or `pool`.
//! - A pair keeps its series until the metrics are dropped, even if its listeners are removed. So subscribe long-lived listeners
//!   before short-lived ones.
//! - The same limit applies to pools in histograms. The series that are read from the pools have no limit.
//!
//! With the default buckets a listener has about 25 series, so 500 listeners have 12,500.
//!
//! # What is not counted
//! - What happened before the metrics were added; the counters of a pool start when the pool is made.
//! - What a bulkhead did between the last scrape and the end of its drain: its counters are lost with it, and only its histograms
//!   stay.
//! - What a pool did that was replaced by another one of its name: the counters of the new one start at 0, which Prometheus takes
//!   for a restart. Otherwise no counter ever decreases.
//! - An `EventPool` that is gone, unless a handle to its [`EventPoolMetrics`] is kept.
//! - In the histograms: jobs that other code submits to the same pool. The statistics of the pool include them.
//!
//! # Names of the Go original
//! Its collector registers seven metrics for each pool and puts the name of the pool, `p` below, before the name of the metric.
//! Here that name is the label `pool`.
//!
//! | Go original | here |
//! |---|---|
//! | `p_workers_running` | `soiree_pool_workers_running` |
//! | `p_workers_idle` | `soiree_pool_workers_idle` |
//! | `p_tasks_submitted_total` | `soiree_pool_jobs_submitted_total` |
//! | `p_tasks_waiting_total` (a gauge) | `soiree_pool_jobs_waiting` |
//! | `p_tasks_successful_total` | `soiree_pool_jobs_successful_total` |
//! | `p_tasks_failed_total` | `soiree_pool_jobs_failed_total` |
//! | `p_tasks_completed_total` | `soiree_pool_jobs_completed_total` |

mod builder;
mod event_pool;
mod exposition;
mod family;
mod inboxes;
mod metrics;
mod names;
mod nats;
mod nats_exposition;
mod observe;
mod options;
mod outbox;
mod series;
mod sources;

pub use prometheus_client;

pub use crate::builder::MetricsBuilder;
pub use crate::event_pool::{EventPoolMetrics, EventPoolStats};
pub use crate::family::{OTHER, UNNAMED};
pub use crate::metrics::{CONTENT_TYPE, Metrics, NameError, RegisterError};
pub use crate::nats::{ConsumerFigures, NatsFigures};
pub use crate::options::BuildError;
pub use crate::outbox::{
    DurableFigures, HistogramFigures, OutboxFigures, OutboxState, RejectedFigures,
};
