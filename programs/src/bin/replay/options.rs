//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::source::Source;

pub(crate) const HELP: &str = "\
Replays events from JSON lines through two bounded pools, and prints a summary.

Usage: replay [FILE|-] [OPTIONS]

Reads FILE, standard input with `-`, or else a bundled sample. Each line is an object:
  {\"topic\": \"acme.ann.invoice.paid\", \"payload\": ANY, \"properties\": {\"source\": \"import\"}}

Options:
  --workers N    workers that handle events [one for each core]
  --capacity N   events that may wait, for handling and for the slow sink each [1024]
  --repeat N     replays the input N times; not with standard input [1]
  --strict       stops at the first bad line
  --slow MILLIS  time the slow sink takes for each event [0]
  --shed         does not wait for the slow sink: it misses events while its queue is full
  --help         prints this

The slow sink has a pool of one worker. While its queue is full, handling waits. With --shed,
handling goes on; the summary counts missed events as `sink rejected`, which is no failure.
Bad lines are reported in the first round, and counted in every round.

Exit codes: 0 success; 1 bad lines, or rejected or failed events; 2 wrong usage, or the input
cannot be read; 3 stopped by --strict.
";

pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) workers: usize,
    pub(crate) capacity: usize,
    pub(crate) repeat: u64,
    pub(crate) strict: bool,
    pub(crate) slow: Duration,
    pub(crate) shed: bool,
}

pub(crate) enum Command {
    Replay(Options),
    Help,
}

impl Command {
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut source = None;
        let mut options = Options {
            source: Source::Sample,
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            capacity: 1024,
            repeat: 1,
            strict: false,
            slow: Duration::ZERO,
            shed: false,
        };
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("workers") => options.workers = number(&mut parser, "--workers")?,
                Arg::Long("capacity") => options.capacity = number(&mut parser, "--capacity")?,
                Arg::Long("repeat") => {
                    options.repeat = number::<NonZeroU64>(&mut parser, "--repeat")?.get();
                }
                Arg::Long("slow") => {
                    options.slow = Duration::from_millis(number(&mut parser, "--slow")?);
                }
                Arg::Long("shed") => options.shed = true,
                Arg::Long("strict") => options.strict = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                Arg::Value(name) if source.is_none() => source = Some(Source::named(name)),
                other => return Err(other.unexpected().into()),
            }
        }
        options.source = source.unwrap_or(Source::Sample);
        if options.repeat > 1 && matches!(options.source, Source::Stdin) {
            let repeat = options.repeat;
            return Err(format!("--repeat {repeat}: standard input can be read only once").into());
        }
        Ok(Self::Replay(options))
    }
}

fn number<N>(parser: &mut Parser, option: &str) -> Result<N, Box<dyn Error>>
where
    N: FromStr<Err: Into<Box<dyn Error + Send + Sync>>>,
{
    let value = parser.value()?;
    value
        .parse()
        .map_err(|error| format!("{option}: {error}").into())
}
