//! Appending events.

use rusqlite::{Connection, OptionalExtension as _, ffi};
use soiree_core::store::{Appended, NewRecord, Position};

use crate::problem::{Outcome, Problem};
use crate::rows::{Columns, to_unsigned};
use crate::sql::Sql;

/// The most bytes of payloads in one statement, which copies them, but for a single larger one.
const MOST_BYTES: usize = 1 << 20;

/// Appends events, but for those whose ID there is. Part of a transaction of the caller.
///
/// One statement for several rows takes much less time than one for each. Their IDs are not looked for first: almost all are new.
pub(crate) fn append(
    connection: &Connection,
    sql: &Sql,
    records: &[NewRecord],
) -> Outcome<Vec<Appended>> {
    let mut appended = Vec::with_capacity(records.len());
    let mut rest = records;
    while let Some((rows, text)) = sql.append_for(fitting(rest)) {
        let (now, later) = rest.split_at(rows);
        rest = later;
        let before = connection.total_changes();
        match insert(connection, sql, text, now) {
            Ok(positions) => appended.extend(positions),
            // The statement was undone, and used up no positions.
            Err(Problem::Sqlite(error))
                if is_duplicate(&error) && is_in_transaction_since(connection, before) =>
            {
                for record in now {
                    appended.push(append_one(connection, sql, record)?);
                }
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(appended)
}

/// How many of the first events fit into one statement.
fn fitting(records: &[NewRecord]) -> usize {
    let mut bytes = 0_usize;
    let fits = |record: &&NewRecord| {
        bytes = bytes.saturating_add(record.payload.len());
        bytes <= MOST_BYTES
    };
    let fitting = records.iter().take_while(fits).count();
    fitting.max(1).min(records.len())
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// Whether nothing was changed since, and the transaction goes on. A trigger may leave a part of its statement, with `OR FAIL`, or end the
/// transaction, with `OR ROLLBACK`.
fn is_in_transaction_since(connection: &Connection, changes: u64) -> bool {
    connection.total_changes() == changes && !connection.is_autocommit()
}

/// Appends an event, unless its ID is there.
fn append_one(connection: &Connection, sql: &Sql, record: &NewRecord) -> Outcome<Appended> {
    if let Some(existing) = existing(connection, sql, record)? {
        return Ok(existing);
    }
    let [.., (_, one_row)] = &sql.append_rows;
    let one = std::slice::from_ref(record);
    Ok(insert(connection, sql, one_row, one)?[0])
}

/// Inserts events with a statement for as many. They are all new.
fn insert(
    connection: &Connection,
    sql: &Sql,
    text: &str,
    records: &[NewRecord],
) -> Outcome<Vec<Appended>> {
    let before = connection.total_changes();
    let mut statement = connection.prepare_cached(text)?;
    let mut parameter = 1;
    let mut bind = |value: &dyn rusqlite::ToSql| {
        let bound = statement.raw_bind_parameter(parameter, value);
        parameter += 1;
        bound
    };
    for record in records {
        let columns = Columns::of(record);
        bind(&&columns.id[..])?;
        bind(&&*record.topic)?;
        bind(&&*record.codec)?;
        bind(&record.emitted_at.0)?;
        bind(&columns.crc)?;
        bind(&columns.properties)?;
        bind(&&record.payload[..])?;
    }
    let rows = records.len();
    if statement.raw_execute()? != rows {
        let why = "a trigger of the table of events does not let it in";
        return Err(Problem::Rejected(why.into()));
    }
    if connection.total_changes() - before == rows as u64 {
        // The transaction holds others off, so the rows have numbers without a gap.
        let last = position(connection.last_insert_rowid())?.0;
        let first = last + 1 - rows as u64;
        let positions = (first..=last).map(|seq| Appended::New(Position(seq)));
        return Ok(positions.collect());
    }
    // A trigger has written as well, perhaps events between these.
    let found = records.iter().map(|record| {
        let found = existing(connection, sql, record)?;
        let found = found.ok_or_else(|| removed(record))?;
        Ok(Appended::New(found.position()))
    });
    found.collect()
}

fn removed(record: &NewRecord) -> Problem {
    let id = record.id;
    Problem::Rejected(format!(
        "a trigger of the table of events has removed the event {id}"
    ))
}

/// The event that has this ID already.
fn existing(connection: &Connection, sql: &Sql, record: &NewRecord) -> Outcome<Option<Appended>> {
    let id = u128::from(record.id).to_be_bytes();
    let existing = connection
        .prepare_cached(&sql.same_event)?
        .query_row(
            (&id[..], &*record.topic, &*record.codec, &record.payload[..]),
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
