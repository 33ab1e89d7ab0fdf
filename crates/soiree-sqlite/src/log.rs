//! Reading the log.

use std::fs;

use soiree_core::EventId;
use soiree_core::store::{Limit, Position, Record, Size, StoreError};

use crate::file::with_suffix;
use crate::problem::Problem;
use crate::rows::{self, to_integer, to_limit, to_unsigned};
use crate::store::SqliteStore;

impl SqliteStore {
    pub(crate) fn read_log(
        &self,
        after: Position,
        limit: Limit,
        into: &mut Vec<Record>,
    ) -> Result<(), StoreError> {
        let start = into.len();
        let result = self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql().read_events)?;
            let most = to_limit(limit.records.max(1));
            let mut rows = statement.query((to_integer(after), most))?;
            let (mut last, mut bytes) = (after, 0_usize);
            while let Some(row) = rows.next()? {
                let record = rows::record(row)?;
                if record.position <= last {
                    return Err(out_of_order(record.position, last));
                }
                bytes = bytes.saturating_add(record.event.payload.len());
                if bytes > limit.bytes && into.len() > start {
                    break;
                }
                last = record.position;
                into.push(record);
            }
            Ok(())
        });
        match result {
            // What is before the damage is not damaged. The next read starts there, and reports it.
            Err(StoreError::Corrupt { .. }) if into.len() > start => Ok(()),
            result => result,
        }
    }

    pub(crate) fn fetch_records(
        &self,
        at: &[Position],
        into: &mut Vec<Record>,
    ) -> Result<(), StoreError> {
        let mut at = at.to_vec();
        at.sort_unstable();
        at.dedup();
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql().fetch_event)?;
            for position in at {
                let mut rows = statement.query([to_integer(position)])?;
                if let Some(row) = rows.next()? {
                    into.push(rows::record(row)?);
                }
            }
            Ok(())
        })
    }

    pub(crate) fn find_record(&self, id: EventId) -> Result<Option<Record>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql().find_event)?;
            let mut rows = statement.query([&u128::from(id).to_be_bytes()[..]])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let record = rows::record(row)?;
            if record.event.id != id && record.damage.is_none() {
                return Err(Problem::Corrupt(format!(
                    "the index has the event {id} at {}, where another one is",
                    record.position
                )));
            }
            Ok(Some(record))
        })
    }

    pub(crate) fn measure(&self) -> Result<Size, StoreError> {
        let place = self.place()?;
        let events: i64 = self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql().count_events)?;
            Ok(statement.query_row((), |row| row.get(0))?)
        })?;
        let length = |path| fs::metadata(path).map_or(0, |found| found.len());
        Ok(Size {
            events: to_unsigned(events, "the number of events")
                .map_err(|problem| self.error(problem))?,
            bytes: length(place.path.clone()),
            wal_bytes: length(with_suffix(&place.path, "-wal")),
        })
    }
}

fn out_of_order(found: Position, last: Position) -> Problem {
    Problem::Corrupt(format!("the event at {found} comes after that at {last}"))
}
