//! Rows as values, with their checksums.

use std::sync::Arc;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use soiree_core::store::{Millis, NewRecord, Parked, ParkedState, Position, Record};
use soiree_core::{EventId, OrderingKey, Properties};

use crate::checksum::Checksum;
use crate::problem::{Outcome, Problem};

/// A position as SQLite keeps it.
pub(crate) fn to_integer(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// A number of rows as SQLite takes it.
pub(crate) fn to_limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn to_unsigned(value: i64, what: &str) -> Outcome<u64> {
    u64::try_from(value).map_err(|_| Problem::Corrupt(format!("{what} is {value}")))
}

/// The columns of an event that are no numbers given by the store.
pub(crate) struct Columns {
    pub(crate) id: [u8; 16],
    pub(crate) properties: Option<String>,
    pub(crate) crc: i64,
}

impl Columns {
    pub(crate) fn of(record: &NewRecord) -> Self {
        let id = u128::from(record.id).to_be_bytes();
        let properties = &record.properties;
        let properties = (!properties.is_empty()).then(|| properties.to_json());
        let crc = Checksum::new()
            .bytes(&id)
            .bytes(record.topic.as_bytes())
            .bytes(record.codec.as_bytes())
            .integer(record.emitted_at.0)
            .optional(properties.as_deref().map(str::as_bytes))
            .bytes(&record.payload)
            .end();
        Self {
            id,
            properties,
            crc,
        }
    }
}

/// Reads the columns of one row, and remembers the first that is not what it should be.
struct Reader<'a> {
    row: &'a Row<'a>,
    damage: Option<Box<str>>,
}

impl<'a> Reader<'a> {
    fn damaged(&mut self, what: impl FnOnce() -> String) {
        if self.damage.is_none() {
            self.damage = Some(what().into());
        }
    }

    fn bytes(&mut self, column: usize, name: &str) -> rusqlite::Result<&'a [u8]> {
        Ok(match self.row.get_ref(column)? {
            ValueRef::Blob(bytes) => bytes,
            _ => {
                self.damaged(|| format!("the column {name} is no blob"));
                &[]
            }
        })
    }

    fn text(&mut self, column: usize, name: &str) -> rusqlite::Result<&'a str> {
        let ValueRef::Text(bytes) = self.row.get_ref(column)? else {
            self.damaged(|| format!("the column {name} is no text"));
            return Ok("");
        };
        Ok(std::str::from_utf8(bytes).unwrap_or_else(|_| {
            self.damaged(|| format!("the column {name} is no UTF-8"));
            ""
        }))
    }

    fn integer(&mut self, column: usize, name: &str) -> rusqlite::Result<i64> {
        Ok(match self.row.get_ref(column)? {
            ValueRef::Integer(value) => value,
            _ => {
                self.damaged(|| format!("the column {name} is no integer"));
                0
            }
        })
    }
}

/// An event of the log. Its columns: seq, id, topic, codec, emitted_at, crc, properties, payload.
pub(crate) fn record(row: &Row<'_>) -> Outcome<Record> {
    let position = Position(to_unsigned(row.get(0)?, "the position of an event")?);
    let mut reader = Reader { row, damage: None };
    let id = reader.bytes(1, "id")?;
    let topic = reader.text(2, "topic")?;
    let codec = reader.text(3, "codec")?;
    let emitted_at = reader.integer(4, "emitted_at")?;
    let crc = reader.integer(5, "crc")?;
    let properties_text = match row.get_ref(6)? {
        ValueRef::Null => None,
        _ => Some(reader.text(6, "properties")?),
    };
    let payload = reader.bytes(7, "payload")?;
    let found = Checksum::new()
        .bytes(id)
        .bytes(topic.as_bytes())
        .bytes(codec.as_bytes())
        .integer(emitted_at)
        .optional(properties_text.map(str::as_bytes))
        .bytes(payload)
        .end();
    if found != crc {
        reader.damaged(|| format!("its checksum is {found:08x} and should be {crc:08x}"));
    }
    let id = <[u8; 16]>::try_from(id).unwrap_or_else(|_| {
        reader.damaged(|| String::from("the column id is not 16 bytes long"));
        [0; 16]
    });
    let properties = match properties_text.map(Properties::from_json) {
        None => Properties::new(),
        Some(Ok(properties)) => properties,
        Some(Err(error)) => {
            reader.damaged(|| error.to_string());
            Properties::new()
        }
    };
    Ok(Record {
        position,
        event: NewRecord {
            id: EventId::from(u128::from_be_bytes(id)),
            topic: topic.into(),
            codec: codec.into(),
            payload: payload.to_vec(),
            properties,
            emitted_at: Millis(emitted_at),
        },
        damage: reader.damage,
    })
}

/// A listener and its progress.
#[derive(Debug, Clone)]
pub(crate) struct ListenerRow {
    pub(crate) id: i64,
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Box<str>,
    pub(crate) floor: Position,
    pub(crate) started: Position,
    pub(crate) clean: bool,
    pub(crate) term: u64,
}

impl ListenerRow {
    /// Its columns: id, name, pattern, floor, started, clean, term, crc.
    pub(crate) fn read(row: &Row<'_>) -> Outcome<Self> {
        let name: Arc<str> = row.get(1)?;
        let number = |column: usize, what: &str| {
            to_unsigned(
                row.get(column)?,
                &format!("{what} of the listener {name:?}"),
            )
        };
        let this = Self {
            id: row.get(0)?,
            pattern: row.get(2)?,
            floor: Position(number(3, "the floor")?),
            started: Position(number(4, "the last start")?),
            clean: row.get(5)?,
            term: number(6, "the term")?,
            name: Arc::clone(&name),
        };
        if row.get::<_, i64>(7)? != this.checksum() {
            return Err(Problem::Corrupt(format!(
                "the checksum of the listener {name:?} does not match"
            )));
        }
        Ok(this)
    }

    pub(crate) fn term_integer(&self) -> i64 {
        i64::try_from(self.term).unwrap_or(i64::MAX)
    }

    pub(crate) fn checksum(&self) -> i64 {
        Checksum::new()
            .bytes(self.name.as_bytes())
            .bytes(self.pattern.as_bytes())
            .integer(to_integer(self.floor))
            .integer(to_integer(self.started))
            .integer(self.clean.into())
            .integer(self.term_integer())
            .end()
    }
}

/// The checksum of an event that has ended above the floor.
pub(crate) fn done_checksum(listener: i64, seq: i64) -> i64 {
    Checksum::new().integer(listener).integer(seq).end()
}

pub(crate) fn check_done(listener: i64, seq: i64, crc: i64) -> Outcome<()> {
    if crc == done_checksum(listener, seq) {
        return Ok(());
    }
    Err(Problem::Corrupt(format!(
        "the checksum of the mark at {seq} of the listener with ID {listener} does not match"
    )))
}

/// The columns of a parked event that are not taken as they are.
pub(crate) struct ParkedColumns {
    pub(crate) ordering: Option<Vec<u8>>,
    pub(crate) crc: i64,
}

impl ParkedColumns {
    pub(crate) fn of(listener: i64, parked: &Parked) -> Self {
        let ordering = parked.key.as_ref().map(OrderingKey::to_bytes);
        let crc = Checksum::new()
            .integer(listener)
            .integer(to_integer(parked.position))
            .bytes(parked.state.as_str().as_bytes())
            .integer(parked.attempts.into())
            .integer(parked.crashes.into())
            .integer(parked.due.0)
            .optional(ordering.as_deref())
            .optional(parked.error.as_deref().map(str::as_bytes))
            .end();
        Self { ordering, crc }
    }
}

/// A parked event. Its columns: seq, state, attempts, crashes, due, ordering, error, crc.
pub(crate) fn parked(listener: i64, row: &Row<'_>) -> Outcome<Parked> {
    let seq: i64 = row.get(0)?;
    let corrupt = |what: &str| {
        Problem::Corrupt(format!(
            "the parked event at {seq} of the listener with ID {listener}: {what}"
        ))
    };
    let state: Box<str> = row.get(1)?;
    let ordering: Option<Vec<u8>> = row.get(5)?;
    let key = match &ordering {
        None => None,
        Some(bytes) => {
            let key = OrderingKey::from_bytes(bytes);
            Some(key.ok_or_else(|| corrupt("the column ordering is no key"))?)
        }
    };
    let this = Parked {
        position: Position(to_unsigned(seq, "the position of a parked event")?),
        state: ParkedState::from_word(&state).ok_or_else(|| corrupt("its state is not known"))?,
        attempts: row.get(2)?,
        crashes: row.get(3)?,
        due: Millis(row.get(4)?),
        key,
        error: row.get(6)?,
    };
    if row.get::<_, i64>(7)? != ParkedColumns::of(listener, &this).crc {
        return Err(corrupt("its checksum does not match"));
    }
    Ok(this)
}
