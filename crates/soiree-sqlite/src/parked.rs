//! Events that are parked, and how events stand with listeners.

use rusqlite::Connection;
use soiree_core::store::{ListenerState, Millis, Parked, ParkedState, Position, StoreError};

use crate::claims::listener_rows;
use crate::marks::{end, has_ended, listener, parked_at, put_parked};
use crate::problem::Outcome;
use crate::rows::{self, ListenerRow, to_integer, to_limit};
use crate::sql::Sql;
use crate::store::{SqliteStore, Writes, locked};

impl SqliteStore {
    pub(crate) fn parked_page(
        &self,
        name: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let sql = self.sql();
        self.read(|connection| {
            let Some(listener) = listener(connection, sql, name)? else {
                return Ok(Vec::new());
            };
            let (id, after, limit) = (listener.id, to_integer(after), to_limit(limit));
            let mut statement = connection.prepare_cached(match state {
                None => &sql.parked,
                Some(_) => &sql.parked_in,
            })?;
            let mut rows = match state {
                None => statement.query((id, after, limit))?,
                Some(state) => statement.query((id, after, limit, state.as_str()))?,
            };
            let mut page = Vec::new();
            while let Some(row) = rows.next()? {
                page.push(rows::parked(id, row)?);
            }
            Ok(page)
        })
    }

    pub(crate) fn states_at(
        &self,
        at: Position,
    ) -> Result<Vec<(String, ListenerState)>, StoreError> {
        let sql = self.sql();
        self.read(|connection| {
            let mut states = Vec::new();
            for listener in listener_rows(connection, sql)? {
                let state = match parked_at(connection, sql, listener.id, at)? {
                    Some(parked) => ListenerState::Parked(parked),
                    None if has_ended(connection, sql, &listener, at)? => ListenerState::Ended,
                    None => ListenerState::Waiting,
                };
                states.push((listener.name.to_string(), state));
            }
            Ok(states)
        })
    }

    pub(crate) fn redrive_dead(
        &self,
        name: &str,
        at: &[Position],
        now: Millis,
    ) -> Result<Vec<Position>, StoreError> {
        self.for_dead(name, at, |connection, listener, parked| {
            let parked = Parked {
                state: ParkedState::Retry,
                attempts: 0,
                crashes: 0,
                due: now,
                ..parked
            };
            put_parked(connection, self.sql(), listener.id, &parked)
        })
    }

    pub(crate) fn discard_dead(
        &self,
        name: &str,
        at: &[Position],
    ) -> Result<Vec<Position>, StoreError> {
        let discarded = self.for_dead(name, at, |connection, listener, parked| {
            end(connection, self.sql(), listener, parked.position)
        })?;
        if let Some(first) = discarded.first() {
            // The next sweep finds them: the first pass has left them behind.
            locked(&self.cursor).patrol = to_integer(*first) - 1;
        }
        Ok(discarded)
    }

    /// Does something with each of the events that is dead. Returns which these are.
    fn for_dead(
        &self,
        name: &str,
        at: &[Position],
        mut act: impl FnMut(&Connection, &ListenerRow, Parked) -> Outcome<()>,
    ) -> Result<Vec<Position>, StoreError> {
        let mut at = at.to_vec();
        at.sort_unstable();
        at.dedup();
        let sql: &Sql = self.sql();
        self.write(Writes::Marks, |connection| {
            let mut dead = Vec::new();
            let Some(listener) = listener(connection, sql, name)? else {
                return Ok(dead);
            };
            for position in at {
                match parked_at(connection, sql, listener.id, position)? {
                    Some(parked) if parked.state == ParkedState::Dead => {
                        act(connection, &listener, parked)?;
                        dead.push(position);
                    }
                    _ => {}
                }
            }
            Ok(dead)
        })
    }
}
