//! `index`: counts events by topic. Its rows are in the file of the events, so each event counts exactly once.

use soiree::sqlite::rusqlite::{self, Connection, Transaction};
use soiree::{Event, Outbox, SqliteOutbox, SubscribeError};

use super::each::{durable, log};
use crate::draft::EVERY;
use crate::options::Kept;

/// The topics with the most events.
pub(crate) const TOPICS: &str =
    "SELECT topic, events FROM ingest_topic ORDER BY events DESC, topic LIMIT 20";

/// `ingest_counted` is kept for `--prove`, which looks for an event that was counted twice.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS ingest_topic(topic TEXT PRIMARY KEY, events INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ingest_counted(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, times INTEGER NOT NULL);";

/// Counts what has no row of its own once there are enough rows. No topic: it has a space in it.
const OTHERS: &str = "other topics";

const COUNT: &str = "UPDATE ingest_topic SET events = events + 1 WHERE topic = ?1";
const HOW_MANY: &str = "SELECT count(*) FROM ingest_topic";
const ADD: &str = "INSERT INTO ingest_topic(topic, events) VALUES (?1, 1)
ON CONFLICT(topic) DO UPDATE SET events = events + 1";
const NOTE: &str = "INSERT INTO ingest_counted(id, times) VALUES (?1, 1)
ON CONFLICT(id) DO UPDATE SET times = times + 1";
const TRIM: &str =
    "DELETE FROM ingest_counted WHERE number <= (SELECT max(number) FROM ingest_counted) - ?1";

pub(crate) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

pub(super) fn subscribe(outbox: &Outbox, kept: Kept) -> Result<(), SubscribeError> {
    let count = move |event: &dyn Event, tx: &Transaction<'_>| count(event, tx, kept);
    outbox.on_tx_with(EVERY, durable("index"), count)?;
    Ok(())
}

fn count(event: &dyn Event, tx: &Transaction<'_>, kept: Kept) -> rusqlite::Result<()> {
    let topic = event.topic();
    if tx.prepare_cached(COUNT)?.execute([topic])? == 0 {
        let rows: u32 = tx
            .prepare_cached(HOW_MANY)?
            .query_row((), |row| row.get(0))?;
        let topic = if rows < kept.topics { topic } else { OTHERS };
        tx.prepare_cached(ADD)?.execute([topic])?;
    }
    tx.prepare_cached(NOTE)?.execute([event.id().to_string()])?;
    tx.prepare_cached(TRIM)?.execute([kept.counted])?;
    log("index", event);
    Ok(())
}
