//! Appending events.

use rusqlite::{Connection, OptionalExtension as _};
use soiree_core::store::{Appended, NewRecord, Position};

use crate::problem::Outcome;
use crate::rows::{Columns, to_unsigned};
use crate::sql::Sql;

/// Appends an event, unless there is one with its ID. Part of a transaction of the caller.
pub(crate) fn append(connection: &Connection, sql: &Sql, record: &NewRecord) -> Outcome<Appended> {
    let columns = Columns::of(record);
    // Looked for first: an insert that conflicts would use up a position.
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
    if let Some((seq, is_same)) = existing {
        return Ok(match is_same {
            true => Appended::Duplicate(position(seq)?),
            false => Appended::Conflict(position(seq)?),
        });
    }
    let seq = connection.prepare_cached(&sql.append_event)?.query_row(
        (
            &columns.id[..],
            &*record.topic,
            &*record.codec,
            record.emitted_at.0,
            columns.crc,
            &columns.properties,
            &record.payload[..],
        ),
        |row| row.get(0),
    )?;
    Ok(Appended::New(position(seq)?))
}

fn position(seq: i64) -> Outcome<Position> {
    Ok(Position(to_unsigned(seq, "the position of an event")?))
}
