//! Looks into a file of durable events, and mends what failed: `cargo run --features sqlite --example outbox -- events.db`.
//!
//! It works on the store itself, and needs no codecs: payloads stay bytes. A service may have the file open meanwhile.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};
use soiree::sqlite::rusqlite::{Connection, OpenFlags};
use soiree::store::{
    ListenerState, Millis, Parked, ParkedState, Position, Record, Store, StoredListener,
};
use soiree::{EventId, SqliteStore};

const HELP: &str = "\
Looks into a file of durable events, and mends what failed.

Usage: outbox FILE [COMMAND]

Commands:
  list                     the listeners, and what waits for each [the default]
  show ID                  an event with its payload, and how it stands with each listener
  dead LISTENER            the dead events of a listener, with their last errors
  redrive LISTENER ID...   makes dead events due again, with no attempt counted
  redrive LISTENER --all   makes all dead events of the listener due again
  discard LISTENER ID...   ends dead events without handling them

A service that has the file open handles redriven events within about a second if its outbox is built
with shared(true), and after its next start otherwise.

Exit codes: 0 success; 1 an error, or an event that is not dead; 2 wrong usage.
";

/// How many dead events are read at once.
const PAGE: usize = 500;

type Outcome<T> = Result<T, Box<dyn Error>>;

enum Command {
    List,
    Show(EventId),
    Dead(String),
    Redrive(String, Chosen),
    Discard(String, Vec<EventId>),
}

enum Chosen {
    All,
    These(Vec<EventId>),
}

fn main() -> ExitCode {
    let (path, command) = match parse(Parser::from_env()) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("outbox: {error}; `outbox --help` lists the commands");
            return ExitCode::from(2);
        }
    };
    match run(&path, &command, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("outbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut parser: Parser) -> Outcome<Option<(PathBuf, Command)>> {
    let mut words = Vec::new();
    let mut path = None;
    let mut all = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("all") => all = true,
            Arg::Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            Arg::Value(value) => words.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let path = path.ok_or("no file given")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = match words[..] {
        [] | ["list"] => Command::List,
        ["show", id] => Command::Show(event_id(id)?),
        ["dead", listener] => Command::Dead(listener.into()),
        ["redrive", listener] if all => Command::Redrive(listener.into(), Chosen::All),
        ["redrive", listener, ref ids @ ..] if !all && !ids.is_empty() => {
            Command::Redrive(listener.into(), Chosen::These(event_ids(ids)?))
        }
        ["discard", listener, ref ids @ ..] if !ids.is_empty() => {
            Command::Discard(listener.into(), event_ids(ids)?)
        }
        ["redrive", ..] => return Err("redrive takes a listener, and either IDs or --all".into()),
        ["discard", ..] => return Err("discard takes a listener and IDs".into()),
        ["show", ..] => return Err("show takes one ID".into()),
        ["dead", ..] => return Err("dead takes one listener".into()),
        ["list", extra, ..] => return Err(format!("unexpected argument {extra:?}").into()),
        [unknown, ..] => return Err(format!("unknown command {unknown:?}").into()),
    };
    if all && !matches!(command, Command::Redrive(..)) {
        return Err("--all is for redrive".into());
    }
    Ok(Some((path, command)))
}

fn event_id(text: &str) -> Outcome<EventId> {
    let id = text.parse();
    id.map_err(|error| format!("{text:?} is no event ID: {error}").into())
}

fn event_ids(texts: &[&str]) -> Outcome<Vec<EventId>> {
    texts.iter().map(|text| event_id(text)).collect()
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
