//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser};

pub(crate) const HELP: &str = "\
Shows what bulkheads are for: offers requests of 1 ms, webhooks of 20 ms and uploads of 500 ms in
bursts. First the requests alone, then all kinds on one shared pool, then each kind on its own pool.
The number of workers is always the same. On a busy machine, any thread may be late.

Usage: bulkheads [OPTIONS]

Options:
  --seconds S      how long events are offered in each arrangement [5]
  --seed N         the same seed makes the same bursts [42]
  --workers N      workers of all pools together, 6 to 1000 [12]
  --webhooks FILE  reads the webhooks from JSON lines {\"topic\": ..., \"payload\": ...}
  --speed N        divides all times by N, 1 to 100 [1]
  --plain          prints lines instead of a live table; without a terminal it always does
  --help           prints this

Exit codes: 0 every event is accounted for; 1 some are not; 2 wrong usage, or FILE cannot be read.
";

pub(crate) struct Options {
    pub(crate) length: Duration,
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) webhooks: Option<PathBuf>,
    pub(crate) speed: u32,
    pub(crate) plain: bool,
}

pub(crate) enum Command {
    Run(Options),
    Help,
}

impl Command {
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut options = Options {
            length: Duration::from_secs(5),
            seed: 42,
            workers: 12,
            webhooks: None,
            speed: 1,
            plain: false,
        };
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("seconds") => {
                    let wanted = "a number of seconds above 0 and up to 3600";
                    let fits = |seconds: &f64| *seconds > 0.0 && *seconds <= 3600.0;
                    let seconds = value(&mut parser, "--seconds", wanted, fits)?;
                    options.length = Duration::from_secs_f64(seconds);
                }
                Arg::Long("seed") => {
                    let wanted = "a whole number below 2^64";
                    options.seed = value(&mut parser, "--seed", wanted, |_| true)?;
                }
                Arg::Long("workers") => {
                    let wanted = "a whole number from 6 to 1000";
                    let fits = |workers: &usize| (6..=1000).contains(workers);
                    options.workers = value(&mut parser, "--workers", wanted, fits)?;
                }
                Arg::Long("speed") => {
                    let wanted = "a whole number from 1 to 100";
                    let fits = |speed: &u32| (1..=100).contains(speed);
                    options.speed = value(&mut parser, "--speed", wanted, fits)?;
                }
                Arg::Long("webhooks") => options.webhooks = Some(parser.value()?.into()),
                Arg::Long("plain") => options.plain = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Self::Run(options))
    }
}

fn value<V: FromStr<Err: Display>>(
    parser: &mut Parser,
    option: &str,
    wanted: &str,
    fits: impl Fn(&V) -> bool,
) -> Result<V, Box<dyn Error>> {
    let text = parser.value()?;
    let parsed = text.to_str().and_then(|text| text.parse().ok());
    let fitting = parsed.filter(fits);
    fitting.ok_or_else(|| format!("{option} {}: {wanted} is needed", text.to_string_lossy()).into())
}
