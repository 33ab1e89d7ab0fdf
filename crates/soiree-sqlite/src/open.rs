//! Opening and closing.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use rusqlite::Connection;
use soiree_core::EventId;
use soiree_core::store::{Opened, Position, StoreError, StoredListener};

use crate::claims::stored_listeners;
use crate::connection::{self, Failed, Purpose, checkpoint, transact};
use crate::file;
use crate::lock_file;
use crate::problem::{Outcome, Problem, Step};
use crate::rows::to_unsigned;
use crate::schema;
use crate::sql::Sql;
use crate::store::{Place, SqliteStore, Writer, data_version, locked};

impl SqliteStore {
    pub(crate) fn open_store(&self) -> Result<Opened, StoreError> {
        drop(self.take_writer());
        self.try_open().map_err(|failed| self.failed(failed))
    }

    fn try_open(&self) -> Result<Opened, Failed> {
        let early = |problem: Problem| (problem, Step::Work);
        let options = &self.options;
        if let Some(error) = options.prefix_error() {
            return Err(early(Problem::explained(ErrorKind::InvalidInput, error)));
        }
        connection::check_version(options.allow_unsafe).map_err(early)?;
        let found = file::find(&options.path, options.allow_unsafe).map_err(early)?;
        let connection = if found.is_new {
            connection::create(&found.path, options)
        } else {
            connection::open(&found.path, options, Purpose::Write)
        };
        let connection = connection.map_err(early)?;
        let version = schema::version(&connection, &options.prefix).map_err(early)?;
        if version.is_none() && !found.is_new {
            connection::settle_mode(&connection).map_err(early)?;
        }
        if version != Some(schema::SCHEMA_VERSION) {
            transact(&connection, |connection| {
                schema::migrate(connection, &options.prefix)
            })?;
        }
        let locks = lock_file::folder(&found.path, &options.prefix);
        let contents = || -> Outcome<(Opened, Writer)> {
            lock_file::make_folder(&locks)?;
            check_statements(&connection, self.sql())?;
            self.empty_log(&connection)?;
            let opened = read_contents(&connection, self.sql())?;
            Ok((opened, Writer::new(connection, options.max_bytes)?))
        };
        let (opened, writer) = contents().map_err(early)?;
        let place = Place {
            path: found.path,
            id: opened.id,
            locks,
        };
        self.adopt(place, writer);
        self.in_doubt.store(false, Ordering::Relaxed);
        Ok(opened)
    }

    /// Makes sure that what is read is on the disk.
    ///
    /// After a failed fsync, in this process or in one that ended since, the system may show a log that is not on the disk. What is
    /// appended to it would be lost with it. The copy in the database, which is synced, is safe.
    fn empty_log(&self, connection: &Connection) -> Outcome<()> {
        if checkpoint(connection)? || !self.in_doubt.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Problem::Busy(String::from(
            "another connection reads, and what is on the disk cannot be found out until it has ended",
        )))
    }

    /// Writes the log back and closes all connections, and ends all claims.
    pub(crate) fn close_store(&self) -> Result<(), StoreError> {
        let written = match self.take_writer() {
            Some(writer) => checkpoint(&writer.connection).map(|_| ()),
            None => Ok(()),
        };
        locked(&self.locks).clear();
        match written.map_err(|problem| self.error(problem)) {
            // The log stays, and the next process reads it.
            Ok(()) | Err(StoreError::Busy { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn has_changed(&self) -> Result<bool, StoreError> {
        if !self.options.shared {
            return Ok(false);
        }
        self.with_writer(|writer| {
            let now = data_version(&writer.connection)?;
            Ok(std::mem::replace(&mut writer.data_version, now) != now)
        })
    }
}

/// Tables of this version that miss something are found now, and not when an event is at stake.
fn check_statements(connection: &Connection, sql: &Sql) -> Outcome<()> {
    for (name, text) in sql.all() {
        if let Err(error) = connection.prepare(text) {
            return Err(match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::Unknown) | None => Problem::Corrupt(format!(
                    "its tables are not those of schema version {}: {error} (in {name})",
                    schema::SCHEMA_VERSION
                )),
                Some(_) => error.into(),
            });
        }
    }
    Ok(())
}

fn read_contents(connection: &Connection, sql: &Sql) -> Outcome<Opened> {
    let id: rusqlite::types::Value =
        connection.query_row(&sql.meta, ["store"], |row| row.get(0))?;
    let id: Option<EventId> = match &id {
        rusqlite::types::Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    let last = last(connection, sql)?;
    let listeners: Vec<StoredListener> = stored_listeners(connection, sql)?;
    for listener in &listeners {
        // Events to come would be below the floor, and never be handled.
        if listener.floor > last {
            return Err(Problem::Corrupt(format!(
                "the listener {:?} has come to {}, and the last event is at {last}",
                listener.name, listener.floor
            )));
        }
    }
    Ok(Opened {
        id: id.ok_or_else(|| Problem::Corrupt(String::from("the ID of the store is no ID")))?,
        last,
        listeners,
    })
}

pub(crate) fn last(connection: &Connection, sql: &Sql) -> Outcome<Position> {
    let last: i64 = connection.query_row(&sql.last, (), |row| row.get(0))?;
    Ok(Position(to_unsigned(last, "the last position")?))
}
