//! Measures soiree beside others, and writes down what came out. See `--help`.

mod chapters;
mod host;
mod markdown;
mod plots;
mod process;
mod rows;
mod run;
mod statistics;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
usage: cargo xtask bench-report [OPTIONS]

Measures soiree beside others, who take turns, and writes BENCHMARKS.md and its plots.

  --quick          3 short rounds, and what was found goes to standard output instead
  --rounds N       rounds of each workload (9); more are added where other processes disturbed them
  --minutes N      about how long to take at most (14)
  --only WORD      only workloads with this word in their name; to standard output
  --help           this";

/// What was asked for.
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) limit: Duration,
    pub(crate) only: Option<String>,
}

impl Options {
    fn from_args() -> Result<Option<Self>> {
        use lexopt::prelude::*;

        let mut options = Self {
            quick: false,
            rounds: 9,
            limit: Duration::from_secs(14 * 60),
            only: None,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("quick") => {
                    options.quick = true;
                    options.rounds = 3;
                }
                Long("rounds") => options.rounds = parser.value()?.parse()?,
                Long("minutes") => {
                    options.limit = Duration::from_secs(60 * parser.value()?.parse::<u64>()?);
                }
                Long("only") => options.only = Some(parser.value()?.string()?),
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds 0 would measure nothing".into());
        }
        Ok(Some(options))
    }

    /// Whether the report is one to keep.
    fn is_full(&self) -> bool {
        !self.quick && self.only.is_none()
    }
}

fn main() -> ExitCode {
    match report() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn report() -> Result {
    let Some(options) = Options::from_args()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let started = Instant::now();
    let host = host::Host::look()?;
    let programs = process::Programs::beside_this()?;
    let measured = run::all(&programs, &options)?;
    let full = options.is_full();
    let weights = if options.only.is_none() {
        programs.weigh()?
    } else {
        Vec::new()
    };
    let took = started.elapsed();
    let text = markdown::write(&host, &options, &measured, &weights, took);
    if !full {
        println!("{text}");
        return Ok(());
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    plots::draw(&measured, &root.join("benches/plots"))?;
    std::fs::write(root.join("BENCHMARKS.md"), text)?;
    eprintln!("wrote BENCHMARKS.md in {} s", took.as_secs());
    Ok(())
}
