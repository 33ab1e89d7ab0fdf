//! The command line.

use std::error::Error;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use soiree::EventId;

pub(crate) const HELP: &str = "\
Looks into a file of durable events, and mends what failed.

Usage: outbox [FILE [COMMAND]]

Without a FILE, it shows its commands on one that it makes.

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

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the command line asks for.
pub(crate) enum Asked {
    Help,
    Demo,
    Of(PathBuf, Command),
}

pub(crate) enum Command {
    List,
    Show(EventId),
    Dead(String),
    Redrive(String, Chosen),
    Discard(String, Vec<EventId>),
}

pub(crate) enum Chosen {
    All,
    These(Vec<EventId>),
}

pub(crate) fn parse(mut parser: Parser) -> Outcome<Asked> {
    let mut words = Vec::new();
    let mut path = None;
    let mut all = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long("all") => all = true,
            Arg::Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            Arg::Value(value) => words.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(path) = path else {
        return match all {
            false => Ok(Asked::Demo),
            true => Err("no file given".into()),
        };
    };
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
    Ok(Asked::Of(path, command))
}

fn event_id(text: &str) -> Outcome<EventId> {
    let id = text.parse();
    id.map_err(|error| format!("{text:?} is no event ID: {error}").into())
}

fn event_ids(texts: &[&str]) -> Outcome<Vec<EventId>> {
    texts.iter().map(|text| event_id(text)).collect()
}
