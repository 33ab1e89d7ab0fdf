//! Connections, and transactions on them.

use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::file::{make_private, sync_folder};
use crate::options::Options;
use crate::problem::{Outcome, Problem, Step};
use crate::schema;

/// How large the write-ahead log stays after a checkpoint.
const LOG_BYTES: i64 = 16 << 20;
/// More statements than there are.
const CACHED_STATEMENTS: usize = 64;

/// Between two attempts to open.
const PAUSE: Duration = Duration::from_millis(2);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// Rejects an SQLite that may damage a write-ahead log when two connections write and checkpoint.
pub(crate) fn check_version(allow_unsafe: bool) -> Outcome<()> {
    if allow_unsafe || is_safe(rusqlite::version_number()) {
        return Ok(());
    }
    Err(Problem::Unsafe(format!(
        "the program is linked with SQLite {}, which may damage a write-ahead log; link 3.51.3 or later, or 3.50.7 or 3.44.6",
        rusqlite::version()
    )))
}

fn is_safe(version: i32) -> bool {
    matches!(
        version,
        3_051_003..|3_050_007..3_051_000| 3_044_006..3_045_000
    )
}

/// Opens a connection to a file that exists.
pub(crate) fn open(path: &Path, options: &Options, purpose: Purpose) -> Outcome<Connection> {
    patiently(options.busy_timeout, || {
        connect(path, options, purpose, OpenFlags::empty())
    })
}

/// Makes the file and opens a connection to it.
pub(crate) fn create(path: &Path, options: &Options) -> Outcome<Connection> {
    patiently(options.busy_timeout, || {
        connect(path, options, Purpose::Write, OpenFlags::SQLITE_OPEN_CREATE)
    })
}

/// Tries again while another connection does the same. SQLite does not wait for one that starts the write-ahead log.
fn patiently<R>(timeout: Duration, mut open: impl FnMut() -> Outcome<R>) -> Outcome<R> {
    let start = Instant::now();
    loop {
        match open() {
            Err(Problem::Sqlite(error)) if is_busy(&error) && start.elapsed() < timeout => {
                thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn connect(
    path: &Path,
    options: &Options,
    purpose: Purpose,
    more: OpenFlags,
) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags | more)?;
    if connection.is_readonly("main")? {
        return Err(Problem::explained(
            ErrorKind::PermissionDenied,
            "the process may read it, but not write it; change its owner or its mode",
        ));
    }
    if more.contains(OpenFlags::SQLITE_OPEN_CREATE) {
        make_private(path)?;
        sync_folder(path)?;
    }
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Before anything is written: a newer schema stays as it is.
    schema::version(&connection, &options.prefix)?;
    set_up(&connection, purpose)?;
    Ok(connection)
}

/// Makes sure that a file without tables says itself that it has a write-ahead log.
///
/// A power cut while the file was made may leave a journal, as well as the log, that takes the first page back, if the file system writes
/// changes of a directory in any order. Then the first connection would use the log, and the next ones not: they would find the file locked.
pub(crate) fn settle_mode(connection: &Connection) -> Outcome<()> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages > 1 {
        return Ok(());
    }
    for mode in ["DELETE", "WAL"] {
        match connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())) {
            // Another connection uses the log.
            Err(error) if is_busy(&error) => return Ok(()),
            changed => changed?,
        }
    }
    Ok(())
}

fn set_up(connection: &Connection, purpose: Purpose) -> Outcome<()> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Problem::Unsafe(format!(
            "it has no write-ahead log but the journal mode {mode:?}; put the file where SQLite can use one"
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection
        .pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))
        .or_else(no_rows)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    if purpose == Purpose::Read {
        connection.pragma_update(None, "query_only", true)?;
    }
    check_synchronous(connection)
}

/// A build without memory mapping answers nothing.
fn no_rows(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    }
}

/// Rejects a connection whose commits a power cut may take back.
pub(crate) fn check_synchronous(connection: &Connection) -> Outcome<()> {
    let level: i64 = connection
        .prepare_cached("PRAGMA synchronous")?
        .query_row((), |row| row.get(0))?;
    if level >= 2 {
        return Ok(());
    }
    let level = if level == 1 { "NORMAL" } else { "OFF" };
    Err(Problem::Unsafe(format!(
        "the connection has PRAGMA synchronous = {level}, and a power cut may take back what it commits; set FULL, \
         or allow it with SqliteStore::allow_unsafe"
    )))
}

/// What failed, and where in the transaction.
pub(crate) type Failed = (Problem, Step);

/// Runs `work` in a transaction, and rolls it back if `work` fails.
pub(crate) fn transact<R>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Outcome<R>,
) -> Result<R, Failed> {
    roll_back(connection);
    let before = |error: rusqlite::Error| (error.into(), Step::Work);
    run(connection, "BEGIN IMMEDIATE").map_err(before)?;
    match work(connection) {
        Ok(result) => match run(connection, "COMMIT") {
            Ok(()) => Ok(result),
            Err(error) => {
                roll_back(connection);
                Err((error.into(), Step::Commit))
            }
        },
        Err(problem) => {
            roll_back(connection);
            Err((problem, Step::Work))
        }
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}

/// Ends a transaction that is open. If that fails, the next one fails too, with an error of its own.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = run(connection, "ROLLBACK");
    }
}

/// Copies the write-ahead log to the database, syncs both and empties the log. Returns whether all of it was copied: readers of other
/// processes may prevent it.
pub(crate) fn checkpoint(connection: &Connection) -> Outcome<bool> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = connection.query_row(sql, (), |row| row.get(0))?;
    Ok(busy == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D16: builds of SQLite with the fault are known by their numbers.
    #[test]
    fn versions_with_the_fault_are_rejected() {
        for safe in [3_051_003, 3_054_001, 3_050_007, 3_050_009, 3_044_006] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_ in [
            3_051_002, 3_051_000, 3_050_006, 3_044_005, 3_045_000, 3_007_000,
        ] {
            assert!(!is_safe(unsafe_), "{unsafe_}");
        }
        assert!(check_version(false).is_ok(), "{}", rusqlite::version());
    }
}
