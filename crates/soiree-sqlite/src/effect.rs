//! Effects that happen exactly once: they are committed together with the mark that the event has ended.

use rusqlite::{Transaction, TransactionBehavior};
use soiree_core::store::{Position, StoreError, Term};

use crate::connection::Failed;
use crate::marks::{claimed, end, has_ended, parked_at};
use crate::problem::{Problem, Step};
use crate::store::SqliteStore;

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect<R, E> {
    /// It is committed, and the event has ended for the listener.
    Applied(R),
    /// The event had ended before. Nothing was run.
    AlreadyDone,
    /// It returned an error and was rolled back. The event has not ended.
    Failed(E),
}

impl SqliteStore {
    /// Runs `write` in a transaction that also marks the event as ended for the listener: both are committed, or neither.
    ///
    /// The transaction is one of a connection of its own. As long as it is open, no other connection can write, and so no event can be
    /// appended: do in it only what must be in it, and emit nothing.
    ///
    /// ```
    /// # use soiree_core::store::{Batch, Claim, Millis, NewRecord, Position, StartFrom, Store};
    /// # use soiree_core::{EventId, Properties};
    /// use soiree_sqlite::{Effect, SqliteStore, rusqlite};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let event = NewRecord { id: EventId::new(), topic: "invoice.paid".into(), codec: "json".into(),
    /// #     payload: b"7".to_vec(), properties: Properties::new(), emitted_at: Millis::now() };
    /// let store = SqliteStore::at(folder.path().join("events.db"));
    /// store.open()?;
    /// let Claim::Held(term, _) = store.claim("ledger", "invoice.*", StartFrom::Now)? else {
    ///     panic!("another process handles them");
    /// };
    /// let at = store.commit(&Batch { appends: &[event], marks: &[] })?[0].position();
    ///
    /// let book = |tx: &rusqlite::Transaction<'_>| {
    ///     tx.execute_batch("CREATE TABLE IF NOT EXISTS ledger(cents INTEGER); INSERT INTO ledger VALUES (7)")
    /// };
    /// assert!(matches!(store.effect(&term, at, book)?, Effect::Applied(())));
    /// assert!(matches!(store.effect(&term, at, book)?, Effect::AlreadyDone));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the claim does not hold any more, or the store fails. Nothing is committed then, unless the error is
    /// [`Unknown`](StoreError::Unknown).
    ///
    /// # Panics
    /// If `write` does, after everything was rolled back.
    pub fn effect<R, E>(
        &self,
        term: &Term,
        at: Position,
        write: impl FnOnce(&Transaction<'_>) -> Result<R, E>,
    ) -> Result<Effect<R, E>, StoreError> {
        self.place()?;
        let mut step = Step::Work;
        let result = self.with_effects(|connection| {
            let _turn = self.turns.for_effect();
            let behavior = TransactionBehavior::Immediate;
            let tx = Transaction::new_unchecked(connection, behavior)?;
            let sql = self.sql();
            let listener = claimed(&tx, sql, term)?;
            let is_parked = parked_at(&tx, sql, listener.id, at)?.is_some();
            if !is_parked && has_ended(&tx, sql, &listener, at)? {
                tx.rollback()?;
                return Ok(Effect::AlreadyDone);
            }
            let result = match write(&tx) {
                Ok(result) => result,
                Err(error) => {
                    if !tx.is_autocommit() {
                        tx.rollback()?;
                    }
                    return Ok(Effect::Failed(error));
                }
            };
            if tx.is_autocommit() {
                return Err(Problem::explained(
                    std::io::ErrorKind::Other,
                    "the effect has ended its transaction itself, so that it is not committed with the mark of its event",
                ));
            }
            end(&tx, sql, &listener, at)?;
            step = Step::Commit;
            tx.commit().map_err(of_effect)?;
            Ok(Effect::Applied(result))
        });
        result.map_err(|problem| {
            let failed: Failed = (problem, step);
            self.failed(failed)
        })
    }
}

/// A constraint that is checked at the commit is one for what the effect has written: it rejects no event.
fn of_effect(error: rusqlite::Error) -> Problem {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Problem::explained(std::io::ErrorKind::Other, error.to_string())
        }
        _ => error.into(),
    }
}
