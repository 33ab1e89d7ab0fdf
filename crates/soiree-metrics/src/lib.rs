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
//! // What a handler of `GET /metrics` answers, with this content type:
//! let (text, content_type) = (metrics.encode(), soiree::metrics::CONTENT_TYPE);
//! let delivered = r#"soiree_listener_delivered_total{event_pool="main",listener="welcome",pattern="user.*"} 1"#;
//! assert!(text.contains(delivered));
//! # assert!(content_type.starts_with("text/plain"));
//! # soiree.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The facade's feature `metrics` has this crate as `soiree::metrics`, and `EventPool::add_metrics`, which puts together what
//! is here: an [`EventPoolMetrics`] is an [`Observer`](soiree_core::Observer) that counts what it is told, and is given a
//! [place to read](EventPoolMetrics::read_pools) the figures of pools.
//!
//! A program that has metrics of its own in a [`Registry`](prometheus_client::registry::Registry)
//! [registers](Metrics::register) these with it. The client is [`prometheus_client`], Prometheus's own.
//!
//! # The metrics
//! Every metric has the label `event_pool`, the name given to `add_metrics`. Times are in seconds.
//!
//! By `pool`, read from the pools at each scrape; bulkheads by their names, and `default`:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_pool_workers_running`, `_idle`, `_max`, `_min` | gauge | workers alive; those without a job; the limits |
//! | `soiree_pool_jobs_active` | gauge | jobs that have started and not ended |
//! | `soiree_pool_jobs_waiting` | gauge | jobs that are accepted and have not started |
//! | `soiree_pool_capacity` | gauge | jobs that may wait at once |
//! | `soiree_pool_jobs_submitted_total` | counter | jobs accepted |
//! | `soiree_pool_jobs_rejected_total` | counter | jobs refused |
//! | `soiree_pool_jobs_successful_total`, `_failed_total`, `_completed_total` | counter | jobs that ran; that panicked; both |
//! | `soiree_pool_jobs_expired_total`, `_discarded_total` | counter | jobs dropped unrun: too late, or for another reason |
//!
//! By `pool`, of the jobs that the `EventPool` itself hands over:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_pool_job_wait_seconds` | histogram | from handing over to the start, waiting for a place in the queue included |
//! | `soiree_pool_job_run_seconds` | histogram | from the start to the end; to the cancellation, where futures are cancelled |
//!
//! Of emissions:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_emissions_accepted_total` | counter | accepted |
//! | `soiree_emissions_refused_total` | counter | refused, by `reason`: `closed`, `full`, `invalid_topic`, `no_worker`, `timed_out`, `too_deep`, `other` |
//! | `soiree_emissions_aborted_total` | counter | aborted by a listener |
//! | `soiree_emissions_discarded_total` | counter | accepted, and dropped before they ran |
//! | `soiree_dead_events_total` | counter | without a listener |
//! | `soiree_dead_letters_total` | counter | given up by a listener with retries |
//!
//! By `listener`, the name that it was given, and `pattern`, what it is subscribed to:
//!
//! | metric | type | |
//! |---|---|---|
//! | `soiree_listener_delivered_total` | counter | events that it was called for, as in reports: retries are not among them |
//! | `soiree_listener_failed_total` | counter | runs that returned an error |
//! | `soiree_listener_panicked_total` | counter | runs that panicked |
//! | `soiree_listener_timed_out_total` | counter | runs that took longer than the listener's timeout |
//! | `soiree_listener_cancelled_total` | counter | runs of an async listener that were dropped before their end |
//! | `soiree_listener_retried_total` | counter | further runs after one that failed |
//! | `soiree_listener_not_called_total` | counter | events that a pool of its own refused or dropped |
//! | `soiree_listener_slow_total` | counter | runs that crossed the threshold for slow listeners |
//! | `soiree_listener_run_seconds` | histogram | how long each run took |
//!
//! Each run counts by itself: a listener that fails twice and is well the third time is delivered 1, failed 2, retried 2, and
//! has three runs in the histogram.
//!
//! # How many series there are
//! Each combination of label values is a series that Prometheus keeps in memory, for as long as it remembers. So nothing is a
//! label that grows with traffic: **never the topic that was emitted**, as topics have IDs in them, nor the listener's ID.
//! Names and patterns stand in the program's text, so there are as many as somebody wrote.
//!
//! - A listener without a name has the label [`UNNAMED`]; those on one pattern share it. Give listeners names.
//! - Patterns that are made while the program runs (`session.<id>.*`) are told apart up to a limit of pairs of listener and
//!   pattern, 500 unless [`max_label_sets`](MetricsBuilder::max_label_sets) says otherwise. Later ones are counted together as
//!   [`OTHER`], so sums stay true, and `soiree_metrics_overflowed_total` counts how often that happened, by `of`: `listener` or
//!   `pool`. There is no place for others until the program ends, also if listeners are taken off: subscribe those that stay
//!   before those that come and go.
//! - The limit holds for pools in histograms as well. Their own figures are there for each pool that is.
//!
//! A listener has some 25 series with the default buckets, so 500 of them have 12,500.
//!
//! # What is not there
//! - What happened before the metrics were added; pools count from their making.
//! - Figures of a bulkhead that was drained: they go with it, and what it did since the last scrape is not seen. Its histograms
//!   stay.
//! - Anything of an `EventPool` that is gone, unless its [`EventPoolMetrics`] are kept.
//! - Jobs that others hand to the same pool, in the histograms. The pool's own figures count them.
//!
//! # Names of the Go original
//! Its collector registers seven metrics for each pool, with the pool's name in front of the metric's; `p` below is the pool's
//! name. Here that is the label `pool`.
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

mod bounded;
mod builder;
mod event_pool;
mod exposition;
mod figures;
mod metrics;
mod observe;
mod options;

pub use prometheus_client;

pub use crate::bounded::OTHER;
pub use crate::builder::MetricsBuilder;
pub use crate::event_pool::EventPoolMetrics;
pub use crate::metrics::{CONTENT_TYPE, Metrics, NameError, RegisterError};
pub use crate::observe::UNNAMED;
pub use crate::options::BuildError;
