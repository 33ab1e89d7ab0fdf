//! The tables, which are a contract: programs may insert into them and read them.

use rusqlite::{Connection, OptionalExtension as _};
use soiree_core::EventId;

use crate::problem::{Outcome, Problem};

/// The version of the schema that this crate writes.
pub const SCHEMA_VERSION: i64 = 1;

/// The tables of version 1. `{p}` is the prefix.
const TABLES: &str = "
CREATE TABLE {p}_meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE {p}_event(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
    topic TEXT NOT NULL, codec TEXT NOT NULL, emitted_at INTEGER NOT NULL, crc INTEGER NOT NULL,
    properties TEXT, payload BLOB NOT NULL);
CREATE TABLE {p}_listener(
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, pattern TEXT NOT NULL,
    floor INTEGER NOT NULL, started INTEGER NOT NULL, clean INTEGER NOT NULL, term INTEGER NOT NULL,
    crc INTEGER NOT NULL, owner TEXT, seen_at INTEGER);
CREATE TABLE {p}_done(
    listener INTEGER NOT NULL, seq INTEGER NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY(listener, seq)) WITHOUT ROWID;
CREATE TABLE {p}_parked(
    listener INTEGER NOT NULL, seq INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL, due INTEGER NOT NULL, ordering BLOB, error TEXT, crc INTEGER NOT NULL,
    PRIMARY KEY(listener, seq)) WITHOUT ROWID;
CREATE INDEX {p}_parked_state ON {p}_parked(listener, state);
";

/// A step to the next version. `STEPS[n]` leads from version `n + 1` to `n + 2`.
type Migration = &'static str;

const STEPS: &[Migration] = &[];

/// The version of the tables with this prefix. `None` if there are none.
pub(crate) fn version(connection: &Connection, prefix: &str) -> Outcome<Option<i64>> {
    let known =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)";
    let tables: i64 = connection.query_row(known, [format!("{prefix}_meta")], |row| row.get(0))?;
    if tables == 0 {
        return Ok(None);
    }
    let schema = format!("SELECT value FROM {prefix}_meta WHERE name = 'schema'");
    let found: Option<rusqlite::types::Value> = connection
        .query_row(&schema, (), |row| row.get(0))
        .optional()
        .map_err(|error| unreadable(prefix, &error))?;
    match found {
        Some(rusqlite::types::Value::Integer(version)) if version > SCHEMA_VERSION => {
            Err(Problem::Newer(version, SCHEMA_VERSION))
        }
        Some(rusqlite::types::Value::Integer(version)) if version >= 1 => Ok(Some(version)),
        _ => Err(Problem::Corrupt(format!(
            "the table {prefix}_meta has no version of the schema"
        ))),
    }
}

/// Makes the tables, or brings them up to date. Part of a transaction of the caller.
pub(crate) fn migrate(connection: &Connection, prefix: &str) -> Outcome<()> {
    match version(connection, prefix)? {
        None => {
            foreign_tables(connection, prefix)?;
            connection.execute_batch(&TABLES.replace("{p}", prefix))?;
            let insert = format!("INSERT INTO {prefix}_meta(name, value) VALUES (?1, ?2)");
            connection.execute(&insert, ("schema", SCHEMA_VERSION))?;
            connection.execute(&insert, ("store", EventId::new().to_string()))?;
        }
        Some(found) => {
            let done = usize::try_from(found - 1).unwrap_or(usize::MAX);
            for step in STEPS.iter().skip(done) {
                connection.execute_batch(&step.replace("{p}", prefix))?;
            }
            if found < SCHEMA_VERSION {
                let update = format!("UPDATE {prefix}_meta SET value = ?1 WHERE name = 'schema'");
                connection.execute(&update, [SCHEMA_VERSION])?;
            }
        }
    }
    Ok(())
}

fn foreign_tables(connection: &Connection, prefix: &str) -> Outcome<()> {
    for table in ["event", "listener", "done", "parked", "parked_state"] {
        let name = format!("{prefix}_{table}");
        let known = "SELECT count(*) FROM sqlite_schema WHERE lower(name) = lower(?1)";
        let tables: i64 = connection.query_row(known, [&name], |row| row.get(0))?;
        if tables != 0 {
            return Err(Problem::explained(
                std::io::ErrorKind::AlreadyExists,
                format!(
                    "it contains a table {name} of another program; choose another table prefix"
                ),
            ));
        }
    }
    Ok(())
}

fn unreadable(prefix: &str, error: &rusqlite::Error) -> Problem {
    Problem::Corrupt(format!("the table {prefix}_meta cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D16: each older version has a step to the next one.
    #[test]
    fn every_version_has_a_step() {
        assert_eq!(i64::try_from(STEPS.len()).unwrap() + 1, SCHEMA_VERSION);
    }
}
