//! The progress of listeners.

use rusqlite::{Connection, OptionalExtension as _};
use soiree_core::store::{Appended, Batch, Marks, Parked, Position, StoreError, Term};

use crate::append::append;
use crate::problem::{Outcome, Problem};
use crate::rows::{self, ListenerRow, ParkedColumns, check_done, done_checksum, to_integer};
use crate::sql::Sql;
use crate::store::{SqliteStore, Writes};

impl SqliteStore {
    pub(crate) fn commit_batch(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        for record in batch.appends {
            self.check_size(record)?;
        }
        let writes = match (batch.appends, batch.marks) {
            ([], []) => {
                self.place()?;
                return Ok(Vec::new());
            }
            ([], _) => Writes::Marks,
            _ => Writes::Events,
        };
        let sql = self.sql();
        self.write(writes, |connection| {
            let appended = append(connection, sql, batch.appends)?;
            for marks in batch.marks {
                mark(connection, sql, marks)?;
            }
            Ok(appended)
        })
    }
}

fn mark(connection: &Connection, sql: &Sql, marks: &Marks) -> Outcome<()> {
    let mut listener = claimed(connection, sql, &marks.term)?;
    let id = listener.id;
    for parked in &marks.parked {
        let at = parked.position;
        // An effect of an attempt that was given up has ended the event since.
        let has_ended = parked_at(connection, sql, id, at)?.is_none()
            && has_ended(connection, sql, &listener, at)?;
        if !has_ended {
            put_parked(connection, sql, id, parked)?;
        }
    }
    let before = listener.floor;
    listener.floor = marks.floor.map_or(before, |floor| floor.max(before));
    for position in &marks.ended {
        end(connection, sql, &listener, *position)?;
    }
    if listener.floor > before {
        connection
            .prepare_cached(&sql.fold_done)?
            .execute((id, to_integer(listener.floor)))?;
    }
    if let Some(started) = marks.begun {
        listener.started = started.max(listener.started);
    }
    if let Some(clean) = marks.clean {
        listener.clean = clean;
    }
    update(connection, sql, &listener)
}

/// The listener, if this claim of it still holds.
pub(crate) fn claimed(connection: &Connection, sql: &Sql, term: &Term) -> Outcome<ListenerRow> {
    match listener(connection, sql, &term.listener)? {
        Some(listener) if listener.term == term.number => Ok(listener),
        _ => Err(Problem::Fenced(term.listener.to_string())),
    }
}

pub(crate) fn listener(
    connection: &Connection,
    sql: &Sql,
    name: &str,
) -> Outcome<Option<ListenerRow>> {
    let mut statement = connection.prepare_cached(&sql.listener)?;
    let mut rows = statement.query([name])?;
    match rows.next()? {
        Some(row) => Ok(Some(ListenerRow::read(row)?)),
        None => Ok(None),
    }
}

pub(crate) fn update(connection: &Connection, sql: &Sql, listener: &ListenerRow) -> Outcome<()> {
    connection.prepare_cached(&sql.update_listener)?.execute((
        listener.id,
        &*listener.name,
        &*listener.pattern,
        to_integer(listener.floor),
        to_integer(listener.started),
        listener.clean,
        listener.term_integer(),
        listener.checksum(),
    ))?;
    Ok(())
}

pub(crate) fn put_parked(
    connection: &Connection,
    sql: &Sql,
    listener: i64,
    parked: &Parked,
) -> Outcome<()> {
    let columns = ParkedColumns::of(listener, parked);
    connection.prepare_cached(&sql.put_parked)?.execute((
        listener,
        to_integer(parked.position),
        parked.state.as_str(),
        parked.attempts,
        parked.crashes,
        parked.due.0,
        columns.ordering,
        parked.error.as_deref(),
        columns.crc,
    ))?;
    Ok(())
}

/// The event is parked no longer, and is remembered if the floor does not say that it has ended.
pub(crate) fn end(
    connection: &Connection,
    sql: &Sql,
    listener: &ListenerRow,
    position: Position,
) -> Outcome<()> {
    let (id, seq) = (listener.id, to_integer(position));
    connection
        .prepare_cached(&sql.delete_parked)?
        .execute((id, seq))?;
    if position > listener.floor {
        connection
            .prepare_cached(&sql.insert_done)?
            .execute((id, seq, done_checksum(id, seq)))?;
    }
    Ok(())
}

/// How the event is parked, if it is.
pub(crate) fn parked_at(
    connection: &Connection,
    sql: &Sql,
    listener: i64,
    position: Position,
) -> Outcome<Option<Parked>> {
    let mut statement = connection.prepare_cached(&sql.parked_one)?;
    let mut rows = statement.query((listener, to_integer(position)))?;
    match rows.next()? {
        Some(row) => Ok(Some(rows::parked(listener, row)?)),
        None => Ok(None),
    }
}

/// Whether an event that is not parked has ended.
pub(crate) fn has_ended(
    connection: &Connection,
    sql: &Sql,
    listener: &ListenerRow,
    position: Position,
) -> Outcome<bool> {
    if position <= listener.floor {
        return Ok(true);
    }
    let seq = to_integer(position);
    let crc: Option<i64> = connection
        .prepare_cached(&sql.done_one)?
        .query_row((listener.id, seq), |row| row.get(0))
        .optional()?;
    match crc {
        Some(crc) => check_done(listener.id, seq, crc).map(|()| true),
        None => Ok(false),
    }
}
