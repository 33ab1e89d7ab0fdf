//! Appending events.

use std::io::ErrorKind;

use rusqlite::{Connection, OptionalExtension as _};
use soiree_core::store::{Appended, NewRecord, Position};

use crate::problem::{Outcome, Problem};
use crate::rows::{Columns, to_unsigned};
use crate::sql::Sql;

/// Appends events, but for those whose ID there is. Part of a transaction of the caller.
pub(crate) fn append(
    connection: &Connection,
    sql: &Sql,
    records: &[NewRecord],
) -> Outcome<Vec<Appended>> {
    let mut appending = Appending {
        connection,
        sql,
        new: Vec::new(),
        bytes: 0,
        appended: Vec::with_capacity(records.len()),
    };
    for record in records {
        appending.add(record)?;
    }
    appending.insert()?;
    Ok(appending.appended)
}

/// The most bytes of payloads in one statement, which copies them, but for a single larger one.
const MOST_BYTES: usize = 1 << 20;

struct Appending<'a> {
    connection: &'a Connection,
    sql: &'a Sql,
    /// Events that are not inserted yet. Several rows in one statement take much less time.
    new: Vec<(&'a NewRecord, Columns)>,
    /// The bytes of their payloads.
    bytes: usize,
    appended: Vec<Appended>,
}

impl<'a> Appending<'a> {
    fn add(&mut self, record: &'a NewRecord) -> Outcome<()> {
        let columns = Columns::of(record);
        if self.new.iter().any(|(_, new)| new.id == columns.id) {
            // It is found once it is in the table.
            self.insert()?;
        }
        // Looked for first: an insert that conflicts would use up a position.
        match existing(self.connection, self.sql, record, &columns)? {
            Some(appended) => {
                self.insert()?;
                self.appended.push(appended);
            }
            None => {
                if self.bytes + record.payload.len() > MOST_BYTES {
                    self.insert()?;
                }
                self.bytes += record.payload.len();
                self.new.push((record, columns));
                if self.new.len() == self.sql.append_rows[0].0 {
                    self.insert()?;
                }
            }
        }
        Ok(())
    }

    /// Inserts what is new.
    fn insert(&mut self) -> Outcome<()> {
        let mut rest = &self.new[..];
        while let Some((rows, text)) = self.sql.append_for(rest.len()) {
            let (now, later) = rest.split_at(rows);
            rest = later;
            let before = self.connection.total_changes();
            let mut statement = self.connection.prepare_cached(text)?;
            let mut parameter = 1;
            let mut bind = |value: &dyn rusqlite::ToSql| {
                let bound = statement.raw_bind_parameter(parameter, value);
                parameter += 1;
                bound
            };
            for (record, columns) in now {
                bind(&&columns.id[..])?;
                bind(&&*record.topic)?;
                bind(&&*record.codec)?;
                bind(&record.emitted_at.0)?;
                bind(&columns.crc)?;
                bind(&columns.properties)?;
                bind(&&record.payload[..])?;
            }
            if statement.raw_execute()? != rows {
                let why = "a trigger of the table of events does not let all of them in";
                return Err(Problem::explained(ErrorKind::InvalidData, why));
            }
            if self.connection.total_changes() - before == rows as u64 {
                // The transaction holds others off, so the rows have numbers without a gap.
                let last = position(self.connection.last_insert_rowid())?.0;
                let first = last + 1 - rows as u64;
                let positions = (first..=last).map(|seq| Appended::New(Position(seq)));
                self.appended.extend(positions);
            } else {
                // A trigger has written as well, perhaps events between these.
                for (record, columns) in now {
                    let found = existing(self.connection, self.sql, record, columns)?;
                    let found = found.ok_or_else(|| {
                        let why = "a trigger of the table of events has removed one of them";
                        Problem::explained(ErrorKind::InvalidData, why)
                    })?;
                    self.appended.push(Appended::New(found.position()));
                }
            }
        }
        self.new.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The event that has this ID already.
fn existing(
    connection: &Connection,
    sql: &Sql,
    record: &NewRecord,
    columns: &Columns,
) -> Outcome<Option<Appended>> {
    let existing = connection
        .prepare_cached(&sql.same_event)?
        .query_row(
            (
                &columns.id[..],
                &*record.topic,
                &*record.codec,
                &record.payload[..],
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(match existing {
        Some((seq, true)) => Some(Appended::Duplicate(position(seq)?)),
        Some((seq, false)) => Some(Appended::Conflict(position(seq)?)),
        None => None,
    })
}

fn position(seq: i64) -> Outcome<Position> {
    Ok(Position(to_unsigned(seq, "the position of an event")?))
}
