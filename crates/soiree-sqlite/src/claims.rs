//! Which store handles the events of a listener.

use std::sync::Arc;

use rusqlite::Connection;
use soiree_core::EventId;
use soiree_core::store::{
    Claim, Millis, ParkedState, Position, Progress, StartFrom, StoreError, StoredListener, Term,
};

use crate::lock_file::LockFile;
use crate::marks::{claimed, listener, update};
use crate::problem::{Outcome, Problem};
use crate::rows::{ListenerRow, check_done, to_integer, to_unsigned};
use crate::sql::Sql;
use crate::store::{Cursor, SqliteStore, Writes, locked};

impl SqliteStore {
    pub(crate) fn claim_listener(
        &self,
        name: &str,
        pattern: &str,
        start: StartFrom,
    ) -> Result<Claim, StoreError> {
        let place = self.place()?;
        let mut locks = locked(&self.locks);
        let taken = if locks.contains_key(name) {
            None
        } else {
            let taken = LockFile::try_take(&place.locks, name);
            match taken.map_err(|problem| self.error(problem))? {
                None => return Ok(Claim::Elsewhere),
                taken => taken,
            }
        };
        let (term, progress) = self.write(Writes::Marks, |connection| {
            claim(connection, self.sql(), name, pattern, start)
        })?;
        if let Some(taken) = taken {
            locks.insert(Arc::clone(&term.listener), taken);
        }
        Ok(Claim::Held(term, progress))
    }

    pub(crate) fn renew_claim(&self, term: &Term) -> Result<bool, StoreError> {
        if !locked(&self.locks).contains_key(&term.listener) {
            return self.place().map(|_| false);
        }
        self.read(|connection| match claimed(connection, self.sql(), term) {
            Ok(_) => Ok(true),
            Err(Problem::Fenced(_)) => Ok(false),
            Err(problem) => Err(problem),
        })
    }

    pub(crate) fn release_claim(&self, term: &Term) -> Result<(), StoreError> {
        let mut locks = locked(&self.locks);
        let held = self.write(Writes::Marks, |connection| {
            match claimed(connection, self.sql(), term) {
                Ok(listener) => {
                    set_owner(connection, self.sql(), listener.id, None)?;
                    Ok(true)
                }
                Err(Problem::Fenced(_)) => Ok(false),
                Err(problem) => Err(problem),
            }
        })?;
        if held {
            locks.remove(&term.listener);
        }
        Ok(())
    }

    pub(crate) fn list_listeners(&self) -> Result<Vec<StoredListener>, StoreError> {
        self.read(|connection| stored_listeners(connection, self.sql()))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let sql = self.sql();
        let removed = self.unclaimed(&[name], |connection| {
            let Some(listener) = listener(connection, sql, name)? else {
                return Ok(false);
            };
            for statement in [
                &sql.delete_done,
                &sql.delete_all_parked,
                &sql.delete_listener,
            ] {
                connection
                    .prepare_cached(statement)?
                    .execute([listener.id])?;
            }
            Ok(true)
        })?;
        if removed {
            // What it alone had parked is swept too.
            *locked(&self.cursor) = Cursor::default();
        }
        Ok(removed)
    }

    pub(crate) fn rename(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        let sql = self.sql();
        self.unclaimed(&[old, new], |connection| {
            let Some(mut found) = listener(connection, sql, old)? else {
                return Ok(false);
            };
            if listener(connection, sql, new)?.is_some() {
                return Ok(false);
            }
            found.name = new.into();
            update(connection, sql, &found)?;
            Ok(true)
        })
    }

    /// Writes while nobody can claim these listeners.
    fn unclaimed<R>(
        &self,
        names: &[&str],
        work: impl FnOnce(&Connection) -> Outcome<R>,
    ) -> Result<R, StoreError> {
        let place = self.place()?;
        let locks = locked(&self.locks);
        let mut taken = Vec::new();
        for (number, name) in names.iter().enumerate() {
            if names[..number].contains(name) {
                continue;
            }
            let lock = match locks.contains_key(*name) {
                true => None,
                false => {
                    LockFile::try_take(&place.locks, name).map_err(|problem| self.error(problem))?
                }
            };
            taken.push(lock.ok_or_else(|| {
                self.error(Problem::Busy(format!(
                    "a process handles the events of the listener {name:?}; close it first"
                )))
            })?);
        }
        self.write(Writes::Marks, work)
    }
}

fn claim(
    connection: &Connection,
    sql: &Sql,
    name: &str,
    pattern: &str,
    start: StartFrom,
) -> Outcome<(Term, Progress)> {
    let found = listener(connection, sql, name)?;
    let is_new = found.is_none();
    let mut row = match found {
        Some(row) => row,
        None => insert(connection, sql, name, start)?,
    };
    let progress = Progress {
        floor: row.floor,
        begun: row.started,
        done: done(connection, sql, row.id)?,
        clean: row.clean,
        is_new,
    };
    row.pattern = pattern.into();
    row.clean = false;
    row.term = row.term.saturating_add(1);
    update(connection, sql, &row)?;
    let owner = format!("{}-{:08x}", std::process::id(), fastrand::u32(..));
    set_owner(connection, sql, row.id, Some(&owner))?;
    let term = Term {
        listener: row.name,
        number: row.term,
    };
    Ok((term, progress))
}

fn insert(
    connection: &Connection,
    sql: &Sql,
    name: &str,
    start: StartFrom,
) -> Outcome<ListenerRow> {
    let from = match start {
        StartFrom::Now => {
            let last: i64 = connection.query_row(&sql.last, (), |row| row.get(0))?;
            Position(to_unsigned(last, "the last position")?)
        }
        StartFrom::Oldest => Position::START,
    };
    let mut row = ListenerRow {
        id: 0,
        name: name.into(),
        pattern: "".into(),
        floor: from,
        started: from,
        clean: true,
        term: 0,
    };
    connection.prepare_cached(&sql.insert_listener)?.execute((
        &*row.name,
        &*row.pattern,
        to_integer(row.floor),
        to_integer(row.started),
        row.clean,
        row.term_integer(),
        row.checksum(),
    ))?;
    row.id = connection.last_insert_rowid();
    Ok(row)
}

fn done(connection: &Connection, sql: &Sql, listener: i64) -> Outcome<Vec<Position>> {
    let mut statement = connection.prepare_cached(&sql.done)?;
    let mut rows = statement.query([listener])?;
    let mut done = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        check_done(listener, seq, row.get(1)?)?;
        done.push(Position(to_unsigned(seq, "the position of a mark")?));
    }
    Ok(done)
}

/// For people who look into the table. No decision depends on it.
fn set_owner(
    connection: &Connection,
    sql: &Sql,
    listener: i64,
    owner: Option<&str>,
) -> Outcome<()> {
    connection
        .prepare_cached(&sql.set_owner)?
        .execute((listener, owner, Millis::now().0))?;
    Ok(())
}

pub(crate) fn listener_rows(connection: &Connection, sql: &Sql) -> Outcome<Vec<ListenerRow>> {
    let mut statement = connection.prepare_cached(&sql.listeners)?;
    let mut rows = statement.query(())?;
    let mut listeners = Vec::new();
    while let Some(row) = rows.next()? {
        listeners.push(ListenerRow::read(row)?);
    }
    Ok(listeners)
}

pub(crate) fn stored_listeners(connection: &Connection, sql: &Sql) -> Outcome<Vec<StoredListener>> {
    let mut listeners = Vec::new();
    let last: i64 = connection.query_row(&sql.last, (), |row| row.get(0))?;
    let last = to_unsigned(last, "the last position")?;
    for row in listener_rows(connection, sql)? {
        let done: i64 = connection
            .prepare_cached(&sql.count_done)?
            .query_row([row.id], |row| row.get(0))?;
        let done = to_unsigned(done, "the number of marks")?;
        let above: i64 = connection
            .prepare_cached(&sql.parked_above)?
            .query_row((row.id, to_integer(row.floor)), |row| row.get(0))?;
        let above = to_unsigned(above, "the number of parked events")?;
        let (mut parked, mut dead) = (0, 0);
        let mut statement = connection.prepare_cached(&sql.count_parked)?;
        let mut states = statement.query([row.id])?;
        while let Some(state) = states.next()? {
            let name: Box<str> = state.get(0)?;
            let count = to_unsigned(state.get(1)?, "the number of parked events")?;
            match ParkedState::from_word(&name) {
                Some(ParkedState::Dead) => dead += count,
                _ => parked += count,
            }
        }
        listeners.push(StoredListener {
            name: row.name,
            pattern: row.pattern,
            floor: row.floor,
            done,
            parked,
            dead,
            waiting: last.saturating_sub(row.floor.0.saturating_add(done + above)),
            term: row.term,
        });
    }
    Ok(listeners)
}

impl SqliteStore {
    /// The ID of the store that is open.
    pub(crate) fn id(&self) -> Result<EventId, StoreError> {
        Ok(self.place()?.id)
    }
}
