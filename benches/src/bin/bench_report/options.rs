//! The command line.

use std::time::Duration;

use crate::result::Result;

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench-report [OPTIONS]

Measures soiree and other crates in alternation, and writes BENCHMARKS.md and its plots.

  --quick          runs 3 short rounds, and prints the report instead
  --rounds N       runs N rounds of each workload (9), and more if other processes disturb them
  --minutes N      takes about N minutes at most for workloads of several subjects (15)
  --dependencies   only counts crates and measures builds, and replaces that chapter of BENCHMARKS.md; give no other option
  --features       only measures what features cost, and replaces that chapter; prints it instead with --quick
  --growth         only measures how costs grow, and replaces that chapter; prints it instead with --quick or --only WORD
  --durable        only measures durable events, and replaces that chapter; give no other option
  --only WORD      runs only workloads with this word in their name, and prints the report instead
  --help           prints this";

/// The options on the command line.
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) limit: Duration,
    pub(crate) only: Option<String>,
    /// Only the chapter on what features cost.
    pub(crate) features: bool,
}

impl Options {
    /// Reads the command line. Returns `None` if it asks for help.
    pub(crate) fn from_args() -> Result<Option<Self>> {
        use lexopt::prelude::*;

        let mut options = Self {
            quick: false,
            rounds: 9,
            limit: Duration::from_secs(15 * 60),
            only: None,
            features: false,
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
                Long("features") => options.features = true,
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds 0 would measure nothing".into());
        }
        Ok(Some(options))
    }

    /// Whether the report is complete, so that it replaces BENCHMARKS.md.
    pub(crate) fn is_full(&self) -> bool {
        !self.quick && self.only.is_none()
    }
}
