//! What can go wrong on the way, before it is known which store it is.

use std::io;

use rusqlite::ErrorCode;
use rusqlite::ffi;
use soiree_core::store::StoreError;

/// The step of a transaction that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before the end of the transaction: nothing of it is stored.
    Work,
    /// `COMMIT` itself.
    Commit,
}

/// An error without the name of the store.
#[derive(Debug)]
pub(crate) enum Problem {
    Sqlite(rusqlite::Error),
    Io(io::Error),
    /// What is damaged.
    Corrupt(String),
    /// The listener that another process has claimed since.
    Fenced(String),
    /// Why nothing would be safe, and what to do.
    Unsafe(String),
    /// Who holds what is needed.
    Busy(String),
    /// What keeps an event out.
    Rejected(String),
    NotOpen,
    /// The version of the schema, and the newest that is known.
    Newer(i64, i64),
}

pub(crate) type Outcome<T> = Result<T, Problem>;

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Problem {
    /// Something that the user can change, in words.
    pub(crate) fn explained(kind: io::ErrorKind, text: impl Into<String>) -> Self {
        Self::Io(io::Error::new(kind, text.into()))
    }

    /// Whether it leaves open what is on the disk.
    pub(crate) fn is_unknown(&self, step: Step) -> bool {
        match self {
            Self::Sqlite(error) => outcome_is_unknown(error, step),
            _ => false,
        }
    }

    /// The error of this store.
    pub(crate) fn of(self, store: &str, step: Step) -> StoreError {
        let store = store.to_owned();
        match self {
            Self::Sqlite(error) => of_sqlite(error, store, step),
            Self::Io(error) if is_full(&error) => StoreError::Full {
                store,
                reason: error.to_string(),
            },
            Self::Io(error) => StoreError::Io {
                store,
                source: error.into(),
            },
            Self::Corrupt(place) => StoreError::Corrupt { store, place },
            Self::Fenced(listener) => StoreError::Fenced { store, listener },
            Self::Unsafe(why) => StoreError::Unsafe { store, why },
            Self::Busy(reason) => StoreError::Busy { store, reason },
            Self::Rejected(reason) => StoreError::Rejected { store, reason },
            Self::NotOpen => StoreError::NotOpen { store },
            Self::Newer(found, known) => StoreError::NewerSchema {
                store,
                found,
                known,
            },
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// SQLite goes on after a failed fsync as if the pages were still to be written. The system may have dropped them.
fn outcome_is_unknown(error: &rusqlite::Error, step: Step) -> bool {
    let fsync_failed = error.sqlite_error().is_some_and(|error| {
        matches!(
            error.extended_code,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC
        )
    });
    // Without the room or the lock for it, or with a constraint that is checked then and does not hold, the mark of the commit was not written.
    let is_undone = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::ConstraintViolation
        )
    );
    fsync_failed || (step == Step::Commit && !is_undone)
}

fn of_sqlite(error: rusqlite::Error, store: String, step: Step) -> StoreError {
    if outcome_is_unknown(&error, step) {
        let source = error.into();
        return StoreError::Unknown { store, source };
    }
    match &error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreError::Full {
                store,
                reason: format!("{error}; make room on its disk, or raise SqliteStore::max_bytes"),
            },
            ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                StoreError::Io {
                    store,
                    source: format!(
                        "{error}; the process must be able to write the file, and its directory, where SQLite keeps the log of the file"
                    )
                    .into(),
                }
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy {
                store,
                reason: format!(
                    "another connection has the file ({error}); let it end its transaction, or raise SqliteStore::busy_timeout"
                ),
            },
            ErrorCode::ConstraintViolation => StoreError::Rejected {
                store,
                reason: error.to_string(),
            },
            ErrorCode::DatabaseCorrupt => StoreError::Corrupt {
                store,
                place: error.to_string(),
            },
            ErrorCode::NotADatabase => StoreError::Corrupt {
                store,
                place: format!("{error}: it is damaged, or a file of another kind"),
            },
            _ => StoreError::Io {
                store,
                source: error.into(),
            },
        },
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => StoreError::Corrupt {
            store,
            place: error.to_string(),
        },
        _ => StoreError::Io {
            store,
            source: error.into(),
        },
    }
}
