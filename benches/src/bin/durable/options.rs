//! The command line.

use std::path::PathBuf;

use crate::result::Result;

pub(crate) const USAGE: &str = "\
usage: durable [OPTIONS]

Measures durable events and their peers in alternation, on the file system of the current directory. Prints a table in Markdown.

  --quick          one short round
  --rounds N       runs N rounds (3)
  --events N       emits about N events in a workload (4,000)
  --backlog N      opens a file with N waiting events (1,000,000), once
  --only WORD      runs only the workloads with this word in their name: emit, latency, pass, idle, backlog, queue,
                   nats (with the feature `nats`, and a nats-server on the PATH or in NATS_SERVER)
  --chapter        prints the chapter of BENCHMARKS.md, with the table in it
  --queues         compares with job queues too: builds the programs in benches/queues
  --help           prints this";

/// What the program is asked to do.
pub(crate) enum Command {
    Help,
    Measure(Options),
    /// Part of a workload, in a process of its own.
    Part(Part, PathBuf),
}

/// A part of a workload.
pub(crate) enum Part {
    /// Counts the events of a file.
    Count,
    /// Opens a file, until the first event is delivered.
    Open,
    /// Opens a file, until so many events are handled.
    Handle(u64),
}

pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) events: u64,
    pub(crate) backlog: u64,
    pub(crate) queues: bool,
    pub(crate) chapter: bool,
    only: Option<String>,
}

impl Options {
    pub(crate) fn runs(&self, workload: &str) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|word| workload.contains(word))
    }
}

impl Command {
    pub(crate) fn from_args() -> Result<Self> {
        use lexopt::prelude::*;

        let (mut quick, mut queues, mut chapter, mut only) = (false, false, false, None);
        let (mut rounds, mut events, mut backlog) = (None, None, None);
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("quick") => quick = true,
                Long("queues") => queues = true,
                Long("chapter") => chapter = true,
                Long("rounds") => rounds = Some(parser.value()?.parse()?),
                Long("events") => events = Some(parser.value()?.parse()?),
                Long("backlog") => backlog = Some(parser.value()?.parse()?),
                Long("only") => only = Some(parser.value()?.string()?),
                Long("help") | Short('h') => return Ok(Self::Help),
                Value(part) => {
                    let part = match &*part.to_string_lossy() {
                        "count" => Part::Count,
                        "open" => Part::Open,
                        "handle" => Part::Handle(parser.value()?.parse()?),
                        _ => return Err(Value(part).unexpected().into()),
                    };
                    return Ok(Self::Part(part, parser.value()?.into()));
                }
                _ => return Err(argument.unexpected().into()),
            }
        }
        let default = |quick_value, value| if quick { quick_value } else { value };
        Ok(Self::Measure(Options {
            quick,
            rounds: rounds.unwrap_or(if quick { 1 } else { 3 }),
            events: events.unwrap_or(default(1_000, 4_000)),
            backlog: backlog.unwrap_or(default(50_000, 1_000_000)),
            queues,
            chapter,
            only,
        }))
    }
}
