//! The command line.

use crate::result::Result;

pub(crate) const USAGE: &str = "\
usage: growth [OPTIONS]
       growth point <growth> <size>

Measures how costs grow with the size of a program, and prints them as a chapter.

  --quick      sizes up to 10,000, measured once and shortly
  --only WORD  only what has this word in its name
  --plots DIR  draws a plot of each growth into this folder
  --help       prints this

point        prints what every operation costs at one size, in nanoseconds";

/// The options on the command line.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) only: Option<String>,
    pub(crate) plots: Option<String>,
    /// Only this growth at this size.
    pub(crate) point: Option<(String, u64)>,
}

impl Options {
    /// Reads the command line. Returns `None` if it asks for help.
    pub(crate) fn from_args() -> Result<Option<Self>> {
        use lexopt::prelude::*;

        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("quick") => options.quick = true,
                Long("only") => options.only = Some(parser.value()?.string()?),
                Long("plots") => options.plots = Some(parser.value()?.string()?),
                Value(word) if word == "point" => {
                    let growth = parser.value()?.string()?;
                    options.point = Some((growth, parser.value()?.parse()?));
                }
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        Ok(Some(options))
    }
}
