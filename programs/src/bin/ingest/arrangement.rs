//! The event pool with its bulkheads, and the outbox around it.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use soiree::codec::Raw;
use soiree::metrics::{self, Metrics};
use soiree::sqlite::rusqlite::Connection;
use soiree::{EventPool, Outbox, SqliteStore, TaskPool, WorkerPool};
use tokio::runtime::Handle;

use crate::draft::EVERY;
use crate::folder;
use crate::gate::Gate;
use crate::listeners;
use crate::options::{Limit, Options};
use crate::outcomes::Outcomes;

/// Inside the folder of the data.
pub(crate) const EVENTS_FILE: &str = "events.db";

pub(crate) struct Arrangement {
    pub(crate) soiree: EventPool,
    pub(crate) outbox: Outbox,
    pub(crate) metrics: Metrics,
    pub(crate) outcomes: Outcomes,
    /// In front of the receiver of `forward`.
    pub(crate) gate: Arc<Gate>,
    /// The folder is locked as long as it is open.
    pub(crate) _lock: File,
}

/// Builds and starts everything. What waited since the last run is handled from now on.
pub(crate) fn build(options: &Options, forward_to: &str) -> Result<Arrangement, Box<dyn Error>> {
    let data = &options.data;
    let lock = folder::lock(data)?;
    let path = data.join(EVENTS_FILE);

    let outcomes = Outcomes::default();
    let soiree = EventPool::builder()
        .observer(outcomes.clone())
        // For what is no durable listener: the live stream of the page.
        .pool(WorkerPool::new(1, 1_024)?)
        .bulkhead("index", workers("--index", options.index)?)
        .bulkhead("forward", tasks("--forward", options.forward)?)
        .bulkhead("export", workers("--export", options.export)?)
        .bulkhead("mail", workers("--mail", options.mail)?)
        // The outbox keeps the error, and the page shows it.
        .error_handler(|_, error| Some(error))
        .build()?;
    let outbox = Outbox::builder(SqliteStore::at(&path))
        .codec(EVERY, Raw)
        .max_events(options.max_events)
        .max_payload(options.max_body)
        .keep(options.keep)
        .build(soiree.clone())?;
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "ingest")?;
    metrics::add_outbox(&metrics, &outbox, "ingest")?;

    let gate = Arc::new(Gate::new(options.forward_rate));
    if options.has_listeners {
        // The outbox has made the file; the tables of `index` are in it too.
        let connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        listeners::create_tables(&connection)?;
        listeners::subscribe(&outbox, options, forward_to, &gate)?;
    }
    let report = outbox.start()?;
    if !report.orphans.is_empty() {
        tracing::warn!("{}: {report}", path.display());
    }
    Ok(Arrangement {
        soiree,
        outbox,
        metrics,
        outcomes,
        gate,
        _lock: lock,
    })
}

fn workers(option: &str, limit: Limit) -> Result<WorkerPool, String> {
    let pool = WorkerPool::new(limit.at_once, limit.queue);
    pool.map_err(|error| format!("{option} {}/{}: {error}", limit.at_once, limit.queue))
}

fn tasks(option: &str, limit: Limit) -> Result<TaskPool, String> {
    let pool = TaskPool::new(Handle::current(), limit.at_once, limit.queue);
    pool.map_err(|error| format!("{option} {}/{}: {error}", limit.at_once, limit.queue))
}
