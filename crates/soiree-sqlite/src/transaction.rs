//! Events in a transaction of the program.

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use soiree_core::store::{Appended, NewRecord, StoreError};

use crate::append::append;
use crate::connection::{check_synchronous, check_version};
use crate::problem::{Outcome, Problem, Step};
use crate::schema;
use crate::statement::Statement;
use crate::store::SqliteStore;

impl SqliteStore {
    /// Appends an event in a transaction of the program, on a connection of its own to the same file: both are committed, or neither.
    ///
    /// The connection must have `synchronous = FULL`, which is the default of SQLite. `max_bytes` is not checked. Let the outbox look for
    /// the event after the commit; nothing else notifies it.
    ///
    /// ```
    /// # use soiree_core::store::{Millis, NewRecord, Store};
    /// # use soiree_core::{EventId, Properties};
    /// use soiree_sqlite::{SqliteStore, rusqlite};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("events.db");
    /// # let event = NewRecord { id: EventId::new(), topic: "invoice.paid".into(), codec: "json".into(),
    /// #     payload: b"7".to_vec(), properties: Properties::new(), emitted_at: Millis::now() };
    /// let store = SqliteStore::at(&path);
    /// store.open()?;
    /// let mut db = rusqlite::Connection::open(&path)?;
    /// db.execute("CREATE TABLE invoice(number INTEGER)", ())?;
    ///
    /// let tx = db.transaction()?;
    /// tx.execute("INSERT INTO invoice VALUES (7)", ())?;
    /// store.append_in(&tx, &event)?;
    /// tx.commit()?;
    /// # assert!(store.find(event.id)?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the event cannot be appended, is too large, or would not be safe; if the connection is one to another database. The transaction
    /// is still open then, without the event, unless a trigger or SQLite itself has rolled it back.
    pub fn append_in(
        &self,
        tx: &Transaction<'_>,
        record: &NewRecord,
    ) -> Result<Appended, StoreError> {
        self.check_size(record)?;
        let id = self.id()?.to_string();
        let appended = || -> Outcome<Appended> {
            if !self.options.allow_unsafe {
                check_version(false)?;
                check_synchronous(tx)?;
            }
            if self.id_in(tx)?.as_deref() != Some(&*id) {
                return Err(Problem::explained(
                    std::io::ErrorKind::InvalidInput,
                    "the transaction is one of another database",
                ));
            }
            undone_on_error(tx, || {
                Ok(append(tx, self.sql(), std::slice::from_ref(record))?[0])
            })
        };
        appended().map_err(|problem| problem.of(&self.label(), Step::Work))
    }

    /// The ID of the store in the database of a transaction, if one is there.
    fn id_in(&self, tx: &Transaction<'_>) -> Outcome<Option<String>> {
        let mut statement = match tx.prepare_cached(&self.sql().meta) {
            Ok(statement) => statement,
            Err(error) => {
                // No such table, or something worse.
                schema::version(tx, &self.options.prefix)?;
                return match error.sqlite_error_code() {
                    Some(rusqlite::ErrorCode::Unknown) => Ok(None),
                    _ => Err(error.into()),
                };
            }
        };
        Ok(statement
            .query_row(["store"], |row| row.get(0))
            .optional()?)
    }

    /// The statement that appends an event, for a program that uses another driver of SQLite. Run it in a transaction of a connection with
    /// `synchronous = FULL`.
    ///
    /// It inserts nothing if there is an event with this ID. Nothing checks the driver's version of SQLite, or the size of the payload.
    pub fn statement(&self, record: &NewRecord) -> Statement {
        Statement::insert(self.sql(), record)
    }
}

/// Takes back what is left of a statement that failed: a trigger may say that nothing is undone.
fn undone_on_error<R>(tx: &Connection, work: impl FnOnce() -> Outcome<R>) -> Outcome<R> {
    let run = |sql: &str| tx.prepare_cached(sql)?.execute(());
    run("SAVEPOINT soiree_append")?;
    let result = work();
    if result.is_err() {
        // There is none if the transaction was rolled back.
        let _ = run("ROLLBACK TO soiree_append");
    }
    if !tx.is_autocommit() {
        run("RELEASE soiree_append")?;
    }
    result
}
