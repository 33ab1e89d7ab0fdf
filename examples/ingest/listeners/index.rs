//! `index`: counts events by topic. Its rows are in the file of the events, so each event counts exactly once.

use soiree::sqlite::rusqlite::{self, Connection, Transaction};
use soiree::{Event, Outbox, SqliteOutbox, SubscribeError};

use super::{durable, log};
use crate::draft::EVERY;

/// The topics with the most events.
pub(crate) const TOPICS: &str =
    "SELECT topic, events FROM ingest_topic ORDER BY events DESC, topic LIMIT 20";

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS ingest_topic(topic TEXT PRIMARY KEY, events INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ingest_event(id TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;";

const COUNT: &str = "INSERT INTO ingest_topic(topic, events) VALUES (?1, 1)
ON CONFLICT(topic) DO UPDATE SET events = events + 1";
/// Kept for `--prove`, which looks for an event that was counted twice.
const NOTE: &str = "INSERT INTO ingest_event(id, times) VALUES (?1, 1)
ON CONFLICT(id) DO UPDATE SET times = times + 1";

pub(crate) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

pub(super) fn subscribe(outbox: &Outbox) -> Result<(), SubscribeError> {
    outbox.on_tx_with(EVERY, durable("index"), count)?;
    Ok(())
}

fn count(event: &dyn Event, tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.prepare_cached(COUNT)?.execute([event.topic()])?;
    tx.prepare_cached(NOTE)?.execute([event.id().to_string()])?;
    log("index", event);
    Ok(())
}
