//! Looks into a file of durable events, and mends what failed: `cargo run --example outbox -- events.db`.
//!
//! It works on the store itself, and needs no codecs: payloads stay bytes. A service may have the file open meanwhile.

mod demo;
mod options;

use std::error::Error;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use lexopt::Parser;
use soiree::sqlite::rusqlite::{Connection, OpenFlags};
use soiree::store::{
    ListenerState, Millis, Parked, ParkedState, Position, Record, Store, StoredListener,
};
use soiree::{EventId, SqliteStore};

use crate::options::{Asked, Chosen, Command, HELP, parse};

/// How many dead events are read at once.
const PAGE: usize = 500;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let out = &mut io::stdout().lock();
    let done = match parse(Parser::from_env()) {
        Ok(Asked::Of(path, command)) => run(&path, &command, out),
        Ok(Asked::Demo) => demo(out),
        Ok(Asked::Help) => write!(out, "{HELP}").map(|()| true).map_err(Into::into),
        Err(error) => {
            eprintln!("outbox: {error}; `outbox --help` lists the commands");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("outbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Shows the commands on a file with dead events.
fn demo(out: &mut impl Write) -> Outcome<bool> {
    writeln!(out, "{}", demo::WHY)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.db");
    demo::leave_dead_events(&file)?;
    for words in demo::COMMANDS {
        writeln!(out, "\n$ outbox events.db {}", words.join(" "))?;
        let words = words.iter().map(OsStr::new);
        let arguments = [file.as_os_str()].into_iter().chain(words);
        if let Asked::Of(file, command) = parse(Parser::from_args(arguments))? {
            run(&file, &command, out)?;
        }
    }
    Ok(true)
}

/// Returns whether everything that was asked for was done.
fn run(path: &Path, command: &Command, out: &mut impl Write) -> Outcome<bool> {
    check(path)?;
    let store = SqliteStore::at(path);
    let last = store.open()?.last;
    let done = match command {
        Command::List => list(&store, last, out).map(|()| true),
        Command::Show(id) => show(&store, *id, out).map(|()| true),
        Command::Dead(listener) => dead(&store, listener, out).map(|()| true),
        Command::Redrive(listener, Chosen::All) => redrive_all(&store, listener, out),
        Command::Redrive(listener, Chosen::These(ids)) => {
            mend(&store, listener, ids, out, "redriven", |at| {
                store.redrive(listener, at, Millis::now())
            })
        }
        Command::Discard(listener, ids) => mend(&store, listener, ids, out, "discarded", |at| {
            store.discard(listener, at)
        }),
    };
    let closed = store.close();
    let done = done?;
    closed?;
    Ok(done)
}

/// Opening a store makes its file and its tables, and only a service should.
fn check(path: &Path) -> Outcome<()> {
    let shown = path.display();
    if !path.exists() {
        return Err(format!(
            "there is no file {shown}; name the file that the service gives to SqliteStore::at"
        )
        .into());
    }
    if path.is_dir() {
        return Err(format!("{shown} is a directory; name the file in it").into());
    }
    let find = "SELECT count(*) FROM sqlite_master WHERE name = 'soiree_meta'";
    let tables: Result<i64, _> =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|connection| connection.query_row(find, (), |row| row.get(0)));
    match tables {
        Ok(0) => Err(format!(
            "{shown} has no durable events: no service has opened it with SqliteStore::at"
        )
        .into()),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{shown} cannot be read as a database: {error}").into()),
    }
}

fn list(store: &SqliteStore, last: Position, out: &mut impl Write) -> Outcome<()> {
    let size = store.size()?;
    let (name, events, bytes) = (store.name(), size.events, size.bytes);
    writeln!(
        out,
        "{name}: {events} events, the last at {last}, {bytes} bytes"
    )?;
    for listener in store.listeners()? {
        let StoredListener {
            name,
            pattern,
            waiting,
            parked,
            dead,
            ..
        } = listener;
        writeln!(
            out,
            "{} on {}: {waiting} waiting, {parked} parked, {dead} dead",
            name.escape_debug(),
            pattern.escape_debug()
        )?;
    }
    Ok(())
}

fn show(store: &SqliteStore, id: EventId, out: &mut impl Write) -> Outcome<()> {
    let found = store.find(id)?.ok_or_else(|| {
        let name = store.name();
        format!(
            "{name} has no event {id}; one that every listener has ended is removed after a while"
        )
    })?;
    let Record {
        position,
        event,
        damage,
    } = found;
    writeln!(out, "id: {id}")?;
    writeln!(out, "position: {position}")?;
    writeln!(out, "topic: {}", event.topic.escape_debug())?;
    let age = Millis::now().since(event.emitted_at);
    writeln!(out, "emitted: {} s ago", age.as_secs())?;
    for (name, value) in event.properties.iter() {
        writeln!(out, "property {}: {value:?}", name.escape_debug())?;
    }
    if let Some(damage) = damage {
        writeln!(out, "damaged: {}", damage.escape_debug())?;
    }
    for (listener, state) in store.states(position)? {
        let listener = listener.escape_debug();
        writeln!(out, "listener {listener}: {}", in_words(&state))?;
    }
    let (codec, bytes) = (event.codec.escape_debug(), event.payload.len());
    writeln!(out, "payload: {bytes} bytes, written by {codec}")?;
    match std::str::from_utf8(&event.payload) {
        Ok(text) if !text.contains(is_control) => writeln!(out, "{text}")?,
        _ => writeln!(out, "{}", event.payload.escape_ascii())?,
    }
    Ok(())
}

/// A terminal would obey it.
fn is_control(char: char) -> bool {
    char.is_control() && char != '\n' && char != '\t'
}

fn in_words(state: &ListenerState) -> String {
    match state {
        ListenerState::Waiting => "waiting, or being handled".into(),
        ListenerState::Ended => "ended".into(),
        ListenerState::Parked(parked) => parked_in_words(parked),
        _ => "in a state that this program does not know".into(),
    }
}

fn parked_in_words(parked: &Parked) -> String {
    let Parked {
        state,
        attempts,
        crashes,
        error,
        ..
    } = parked;
    let error = error.as_deref().unwrap_or("no error recorded");
    let error = error.escape_debug();
    format!("{state} after {attempts} failed attempts and {crashes} crashes: {error}")
}

/// An error that names the listeners that there are.
fn known(store: &SqliteStore, name: &str) -> Outcome<()> {
    let listeners = store.listeners()?;
    if listeners.iter().any(|listener| *listener.name == *name) {
        return Ok(());
    }
    let names: Vec<String> = listeners
        .iter()
        .map(|listener| format!("{:?}", listener.name))
        .collect();
    let there_are = if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    };
    let store = store.name();
    Err(format!("{store} knows no listener {name:?}; there are: {there_are}").into())
}

fn dead_page(store: &SqliteStore, name: &str, after: Position) -> Outcome<Vec<Parked>> {
    Ok(store.parked(name, Some(ParkedState::Dead), after, PAGE)?)
}

fn dead(store: &SqliteStore, name: &str, out: &mut impl Write) -> Outcome<()> {
    known(store, name)?;
    let mut after = Position::START;
    let mut events = 0;
    loop {
        let page = dead_page(store, name, after)?;
        let Some(last) = page.last() else {
            writeln!(out, "{events} dead events")?;
            if events > 0 {
                let (file, name) = (quoted(&store.name()), quoted(name));
                writeln!(
                    out,
                    "once their cause is mended, redrive them, or some by their IDs:"
                )?;
                writeln!(out, "  outbox {file} redrive {name} --all")?;
                writeln!(out, "  outbox {file} redrive {name} ID...")?;
            }
            return Ok(());
        };
        after = last.position;
        events += page.len();
        let positions: Vec<Position> = page.iter().map(|parked| parked.position).collect();
        let mut records = Vec::new();
        store.fetch(&positions, &mut records)?;
        for parked in page {
            let record = records.iter().find(|r| r.position == parked.position);
            let (id, topic) = match record {
                Some(record) => (record.event.id.to_string(), &*record.event.topic),
                None => ("(the event is gone)".into(), ""),
            };
            let topic = topic.escape_debug();
            writeln!(out, "{id} {topic}: {}", parked_in_words(&parked))?;
        }
    }
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:".contains(char);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into(),
        false => format!(
            "'{}'",
            word.escape_debug().to_string().replace('\'', r"'\''")
        ),
    }
}

fn redrive_all(store: &SqliteStore, name: &str, out: &mut impl Write) -> Outcome<bool> {
    known(store, name)?;
    let (mut after, mut redriven) = (Position::START, 0);
    loop {
        let page = dead_page(store, name, after)?;
        let Some(last) = page.last() else {
            writeln!(out, "{redriven} redriven")?;
            return Ok(true);
        };
        after = last.position;
        let at: Vec<Position> = page.iter().map(|parked| parked.position).collect();
        redriven += store.redrive(name, &at, Millis::now())?.len();
    }
}

/// Does this with each of the events that is dead, and reports the others.
fn mend<E: Error + 'static>(
    store: &SqliteStore,
    name: &str,
    ids: &[EventId],
    out: &mut impl Write,
    what: &str,
    act: impl Fn(&[Position]) -> Result<Vec<Position>, E>,
) -> Outcome<bool> {
    known(store, name)?;
    let mut all = true;
    for id in ids {
        let Some(record) = store.find(*id)? else {
            eprintln!("outbox: {} has no event {id}", store.name());
            all = false;
            continue;
        };
        let at = record.position;
        if act(&[at])?.contains(&at) {
            writeln!(out, "{id} {what}")?;
            continue;
        }
        let states = store.states(at)?;
        let state = states.iter().find(|(listener, _)| listener == name);
        let state = state.map_or_else(|| "unknown".into(), |(_, state)| in_words(state));
        eprintln!("outbox: {id} is not dead for {name:?}, but {state}");
        all = false;
    }
    Ok(all)
}
