//! Removing events that every listener has ended.

use rusqlite::Connection;
use soiree_core::store::{Millis, Position, StoreError};

use crate::claims::listener_rows;
use crate::problem::Outcome;
use crate::rows::{to_integer, to_limit};
use crate::sql::Sql;
use crate::store::{Cursor, SqliteStore, Writes, locked};

/// How many events in a row may be too young before the rest is taken to be younger.
const YOUNG: usize = 64;
/// The least number of events to look at in one pass.
const LEAST: usize = 256;
/// Free pages that stay in the file for the next events.
const FREE_PAGES: i64 = 256;

impl SqliteStore {
    /// Events are looked at in order, until some are too young: what is behind them is younger, if the clock was not set.
    /// In case it was, and for parked events that have ended since, a second pass looks at a part of all events each time.
    pub(crate) fn sweep_events(
        &self,
        up_to: Position,
        before: Millis,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let sql = self.sql();
        let mut cursor = locked(&self.cursor);
        let (removed, next) = self.write(Writes::Marks, |connection| {
            let bound = to_integer(up_to).min(ended_up_to(connection, sql)?);
            let mut pass = Pass {
                connection,
                sql,
                bound,
                before,
                limit,
                removed: 0,
            };
            let next = Cursor {
                head: pass.head(cursor.head)?,
                patrol: pass.patrol(cursor.patrol)?,
            };
            if pass.removed > 0 {
                give_back_pages(connection)?;
            }
            Ok((pass.removed, next))
        })?;
        *cursor = next;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}

/// No event behind this one has ended for all listeners.
fn ended_up_to(connection: &Connection, sql: &Sql) -> Outcome<i64> {
    let mut bound = i64::MAX;
    for listener in listener_rows(connection, sql)? {
        let done: Option<i64> = connection
            .prepare_cached(&sql.last_done)?
            .query_row([listener.id], |row| row.get(0))?;
        bound = bound.min(to_integer(listener.floor).max(done.unwrap_or(0)));
    }
    Ok(bound)
}

struct Pass<'a> {
    connection: &'a Connection,
    sql: &'a Sql,
    bound: i64,
    before: Millis,
    limit: usize,
    removed: usize,
}

/// An event, as a sweep sees it.
struct Seen {
    seq: i64,
    is_old: bool,
    is_parked: bool,
    waits: bool,
}

impl Pass<'_> {
    /// Removes from the oldest events on. Returns up to where nothing is left but what was parked.
    fn head(&mut self, from: i64) -> Outcome<i64> {
        let mut young = 0;
        let mut head = from;
        let mut is_head = true;
        let mut after = from;
        while self.removed < self.limit && young < YOUNG {
            let seen = self.look(after, LEAST)?;
            let Some(last) = seen.last() else {
                break;
            };
            after = last.seq;
            let mut removable = Vec::new();
            for event in &seen {
                young = if event.is_old { 0 } else { young + 1 };
                if young == YOUNG || self.removed + removable.len() == self.limit {
                    break;
                }
                let goes = event.is_old && !event.is_parked && !event.waits;
                if goes {
                    removable.push(event.seq);
                }
                is_head = is_head && (goes || event.is_parked);
                if is_head {
                    head = event.seq;
                }
            }
            self.remove(&seen, &removable)?;
        }
        Ok(head)
    }

    /// Looks at the next events, wherever they are, and goes on from the first one behind the last: if they are few, all are looked at.
    /// Returns where to go on.
    fn patrol(&mut self, from: i64) -> Outcome<i64> {
        let most = self.limit.clamp(LEAST, 4 * LEAST);
        let (next, looked_at) = self.patrol_page(from, most)?;
        if looked_at < most && from > 0 {
            return Ok(self.patrol_page(0, most - looked_at)?.0);
        }
        Ok(next)
    }

    /// Returns where to go on, and how many events it has looked at.
    fn patrol_page(&mut self, from: i64, most: usize) -> Outcome<(i64, usize)> {
        if self.removed >= self.limit {
            return Ok((from, most));
        }
        let seen = self.look(from, most)?;
        let removable: Vec<i64> = seen
            .iter()
            .filter(|event| event.is_old && !event.is_parked && !event.waits)
            .take(self.limit - self.removed)
            .map(|event| event.seq)
            .collect();
        self.remove(&seen, &removable)?;
        let next = match seen.last() {
            Some(last) if self.removed < self.limit => last.seq,
            Some(_) => removable.last().copied().unwrap_or(from),
            None => 0,
        };
        Ok((next, seen.len()))
    }

    fn look(&self, after: i64, limit: usize) -> Outcome<Vec<Seen>> {
        let mut statement = self.connection.prepare_cached(&self.sql.sweepable)?;
        let values = (after, self.bound, self.before.0, to_limit(limit));
        let mut rows = statement.query(values)?;
        let mut seen = Vec::new();
        while let Some(row) = rows.next()? {
            seen.push(Seen {
                seq: row.get(0)?,
                is_old: row.get(1)?,
                is_parked: row.get(2)?,
                waits: row.get(3)?,
            });
        }
        Ok(seen)
    }

    /// Removes events in ranges: between two that are removed there is none that is not in `seen`.
    fn remove(&mut self, seen: &[Seen], removable: &[i64]) -> Outcome<()> {
        let mut removable = removable.iter().copied().peekable();
        let mut range: Option<(i64, i64)> = None;
        let mut ranges = Vec::new();
        for event in seen {
            if removable.next_if_eq(&event.seq).is_some() {
                range = Some((range.map_or(event.seq, |(first, _)| first), event.seq));
            } else {
                ranges.extend(range.take());
            }
        }
        ranges.extend(range);
        for range in ranges {
            let mut statement = self.connection.prepare_cached(&self.sql.delete_events)?;
            self.removed += statement.execute(range)?;
        }
        Ok(())
    }
}

/// Makes the file shorter if much of it is free. Does nothing for a file that was not made for it.
fn give_back_pages(connection: &Connection) -> Outcome<()> {
    let free: i64 = connection
        .prepare_cached("PRAGMA freelist_count")?
        .query_row((), |row| row.get(0))?;
    if free > 2 * FREE_PAGES {
        let pragma = format!("PRAGMA incremental_vacuum({FREE_PAGES})");
        let mut statement = connection.prepare(&pragma)?;
        let mut rows = statement.query(())?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}
