//! The store: its options, and the connections that it keeps.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use soiree_core::EventId;
use soiree_core::store::{NewRecord, StoreError};

use crate::connection::{self, Failed, Purpose, transact};
use crate::lock_file::LockFile;
use crate::options::{MOST_PAYLOAD, Options};
use crate::problem::{Outcome, Problem, Step};
use crate::sql::Sql;
use crate::turns::Turns;

/// Why the writer gets no turn.
const EFFECT_RUNS: &str =
    "a listener in a transaction of the store has not returned; keep such listeners short";
/// Pages that appends leave for the progress of listeners, so that a full store can still become empty.
const PAGES_FOR_MARKS: i64 = 64;

/// A store of durable events in an SQLite file.
///
/// Opened by [`Store::open`](soiree_core::store::Store::open), which makes the file if there is none. Its methods block for as long as
/// the disk takes. An fsync is part of every commit.
///
/// Several stores, in one process or in several on one machine, may use one file. Each listener is claimed by one of them at a time.
///
/// ```
/// use soiree_core::store::{Batch, Limit, Millis, NewRecord, Position, Store};
/// use soiree_core::{EventId, Properties};
/// use soiree_sqlite::SqliteStore;
///
/// let folder = tempfile::tempdir()?;
/// let store = SqliteStore::at(folder.path().join("events.db")).max_bytes(1 << 30);
/// store.open()?;
/// let event = NewRecord {
///     id: EventId::new(),
///     topic: "invoice.paid".into(),
///     codec: "json".into(),
///     payload: b"{\"number\":7}".to_vec(),
///     properties: Properties::new(),
///     emitted_at: Millis::now(),
/// };
/// store.commit(&Batch { appends: &[event.clone()], marks: &[] })?; // on the disk when this returns
///
/// let mut read = Vec::new();
/// store.read(Position::START, Limit { records: 10, bytes: 1 << 20 }, &mut read)?;
/// assert_eq!(read[0].event, event);
/// # store.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    pub(crate) options: Options,
    /// `None` while the store is not open.
    writer: Mutex<Option<Writer>>,
    readers: Connections,
    /// For effects, which do not share the writer's: code of users runs in their transactions.
    effects: Connections,
    pub(crate) turns: Turns,
    /// `None` while the store is not open. Replaced by each `open`, so that connections of before are not used again.
    place: Mutex<Option<Arc<Place>>>,
    /// The claims of this store, by listener.
    pub(crate) locks: Mutex<HashMap<Arc<str>, LockFile>>,
    pub(crate) cursor: Mutex<Cursor>,
    /// A commit failed in a way that leaves open what is on the disk.
    pub(crate) in_doubt: AtomicBool,
}

/// Where the store is.
#[derive(Debug)]
pub(crate) struct Place {
    /// Without links.
    pub(crate) path: PathBuf,
    pub(crate) id: EventId,
    /// The directory of the locks.
    pub(crate) locks: PathBuf,
}

/// How far sweeps have come. A hint: forgetting it costs time only.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// Events up to here are swept, or were parked.
    pub(crate) head: i64,
    /// Events up to here were looked at again.
    pub(crate) patrol: i64,
}

type Connections = Mutex<Vec<Connection>>;

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    /// The most pages of the file, if it is limited.
    most_pages: Option<i64>,
    /// What `PRAGMA max_page_count` is set to.
    set_pages: Option<i64>,
    pub(crate) data_version: i64,
}

/// What a transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Events: limited by `max_bytes`.
    Events,
    /// The progress of listeners: a little more room.
    Marks,
}

impl SqliteStore {
    /// A store in this file. Nothing is touched before it is opened.
    ///
    /// Next to the file are its write-ahead log (`-wal`, `-shm`) and a directory with the locks of listeners (`.soiree`). Move or copy
    /// all of them only while no process has the store open.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            options: Options::new(path.into()),
            writer: Mutex::default(),
            readers: Mutex::default(),
            effects: Mutex::default(),
            turns: Turns::default(),
            place: Mutex::default(),
            locks: Mutex::default(),
            cursor: Mutex::default(),
            in_doubt: AtomicBool::new(false),
        }
    }

    /// Limits the size of the database to this many bytes; 256 KiB more are kept for the progress of listeners. Events that find no
    /// room are [`Full`](StoreError::Full), until others were handled and swept. The write-ahead log is not counted. No limit by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.options.max_bytes = Some(bytes);
        self
    }

    /// Whether other processes, or other stores and connections of this process, append events too. Then
    /// [`changed`](soiree_core::store::Store::changed) looks for them. `false` by default.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.options.shared = shared;
        self
    }

    /// How the names of the tables start; `soiree` by default. A prefix that is no identifier is an error of `open`.
    #[must_use]
    pub fn table_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.options.prefix);
        if self.options.prefix_error().is_none() {
            self.options.sql = Sql::new(prefix);
        }
        self
    }

    /// How long to wait for other connections that write; 5 seconds by default. Then the error is [`Busy`](StoreError::Busy).
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        // SQLite counts milliseconds in 31 bits, and more would be a panic.
        self.options.busy_timeout = timeout.min(Duration::from_millis(i32::MAX as u64));
        self
    }

    /// Whether to go on where events are not safe: on a network file system, with a version of SQLite that may damage write-ahead logs, or
    /// in a transaction of a connection with less than `synchronous = FULL`. `false` by default: these are errors.
    #[must_use]
    pub fn allow_unsafe(mut self, allow: bool) -> Self {
        self.options.allow_unsafe = allow;
        self
    }

    /// The most bytes of a payload; 16 MiB by default, and at most 900,000,000. A larger one is [`TooLarge`](StoreError::TooLarge).
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.options.max_payload = bytes.min(MOST_PAYLOAD);
        self
    }

    pub(crate) fn label(&self) -> String {
        if self.options.path.as_os_str().is_empty() {
            return String::from("an SQLite store without a path");
        }
        self.options.path.display().to_string()
    }

    pub(crate) fn sql(&self) -> &Sql {
        &self.options.sql
    }

    pub(crate) fn error(&self, problem: Problem) -> StoreError {
        problem.of(&self.label(), Step::Work)
    }

    /// An error, after which the store is closed if it leaves open what is on the disk.
    pub(crate) fn failed(&self, (problem, step): Failed) -> StoreError {
        if problem.is_unknown(step) {
            self.in_doubt.store(true, Ordering::Relaxed);
            *locked(&self.writer) = None;
            self.forget();
        }
        problem.of(&self.label(), step)
    }

    pub(crate) fn not_open(&self) -> StoreError {
        StoreError::NotOpen {
            store: self.label(),
        }
    }

    pub(crate) fn place(&self) -> Result<Arc<Place>, StoreError> {
        let place = locked(&self.place).clone();
        place.ok_or_else(|| self.not_open())
    }

    pub(crate) fn check_size(&self, record: &NewRecord) -> Result<(), StoreError> {
        let (bytes, limit) = (record.payload.len(), self.options.max_payload);
        if bytes <= limit {
            return Ok(());
        }
        Err(StoreError::TooLarge {
            store: self.label(),
            bytes,
            limit,
        })
    }

    /// Takes over the connections of a store that was opened.
    pub(crate) fn adopt(&self, place: Place, writer: Writer) {
        let mut current = locked(&self.writer);
        self.forget();
        *locked(&self.place) = Some(Arc::new(place));
        *locked(&self.cursor) = Cursor::default();
        *current = Some(writer);
    }

    /// Drops all connections but the writer's. Those in use are dropped when they come back.
    fn forget(&self) {
        *locked(&self.place) = None;
        for connections in [&self.readers, &self.effects] {
            let dropped = std::mem::take(&mut *locked(connections));
            drop(dropped);
        }
    }

    /// Drops all connections and returns the writer's.
    pub(crate) fn take_writer(&self) -> Option<Writer> {
        let writer = locked(&self.writer).take();
        self.forget();
        writer
    }

    /// Reads on a connection of its own, in a transaction: all that `work` reads is of one moment.
    pub(crate) fn read<R>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<R>,
    ) -> Result<R, StoreError> {
        self.connected(&self.readers, Purpose::Read, |connection| {
            let moment = connection.unchecked_transaction()?;
            let result = work(&moment)?;
            moment.finish()?;
            Ok(result)
        })
        .map_err(|problem| self.error(problem))
    }

    /// Gives `work` a connection for an effect. It is kept for the next one unless `work` fails or panics.
    pub(crate) fn with_effects<R>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<R>,
    ) -> Outcome<R> {
        self.connected(&self.effects, Purpose::Write, work)
    }

    fn connected<R>(
        &self,
        connections: &Connections,
        purpose: Purpose,
        work: impl FnOnce(&Connection) -> Outcome<R>,
    ) -> Outcome<R> {
        let Some(place) = locked(&self.place).clone() else {
            return Err(Problem::NotOpen);
        };
        let idle = locked(connections).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::open(&place.path, &self.options, purpose)?,
        };
        let result = work(&connection)?;
        let current = locked(&self.place);
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, &place))
        {
            locked(connections).push(connection);
        }
        Ok(result)
    }

    /// Writes in a transaction.
    pub(crate) fn write<R>(
        &self,
        writes: Writes,
        work: impl FnOnce(&Connection) -> Outcome<R>,
    ) -> Result<R, StoreError> {
        let result = {
            let mut writer = locked(&self.writer);
            let writer = writer.as_mut().ok_or_else(|| self.not_open())?;
            match self.turns.for_writer(self.options.busy_timeout) {
                Some(_turn) => match writer.limit(writes) {
                    Ok(()) => transact(&writer.connection, work),
                    Err(problem) => Err((problem, Step::Work)),
                },
                None => Err((Problem::Busy(EFFECT_RUNS.into()), Step::Work)),
            }
        };
        result.map_err(|failed| self.failed(failed))
    }

    /// Uses the writer's connection outside of a transaction.
    pub(crate) fn with_writer<R>(
        &self,
        work: impl FnOnce(&mut Writer) -> Outcome<R>,
    ) -> Result<R, StoreError> {
        let result = {
            let mut writer = locked(&self.writer);
            work(writer.as_mut().ok_or_else(|| self.not_open())?)
        };
        result.map_err(|problem| self.failed((problem, Step::Work)))
    }
}

impl Writer {
    pub(crate) fn new(connection: Connection, max_bytes: Option<u64>) -> Outcome<Self> {
        let bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let data_version = data_version(&connection)?;
        Ok(Self {
            connection,
            most_pages: max_bytes
                .map(|most| i64::try_from(most).unwrap_or(i64::MAX) / bytes.max(1)),
            set_pages: None,
            data_version,
        })
    }

    /// Limits the file to what may be used for these writes.
    fn limit(&mut self, writes: Writes) -> Outcome<()> {
        let Some(most) = self.most_pages else {
            return Ok(());
        };
        let pages = match writes {
            Writes::Events => most.max(1),
            Writes::Marks => most.saturating_add(PAGES_FOR_MARKS),
        };
        if self.set_pages != Some(pages) {
            let pragma = format!("PRAGMA max_page_count = {pages}");
            self.connection.query_row(&pragma, (), |_| Ok(()))?;
            self.set_pages = Some(pages);
        }
        Ok(())
    }
}

/// A number that changes when another connection commits.
pub(crate) fn data_version(connection: &Connection) -> Outcome<i64> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row((), |row| row.get(0))?)
}

/// A panic while it was locked changes nothing: what it guards is valid at every moment.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SqliteStore");
        shown
            .field("path", &self.options.path)
            .finish_non_exhaustive()
    }
}
