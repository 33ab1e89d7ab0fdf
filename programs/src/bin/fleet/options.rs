//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::{Arg, Parser, ValueExt};

use crate::outcome::Outcome;

pub(crate) const HELP: &str = "\
Starts a NATS server and three processes that share work through it. Each takes orders in over HTTP, keeps them in an outbox of its
own, and publishes them to one stream. All three handle the orders of the stream as one group: each order once, and those of an
account one after another, whatever process took them in.

Usage: fleet [OPTIONS]
       fleet --prove [--kills N] [--seconds S] [OPTIONS]

Options:
  --rate N             orders that are placed each second, so that there is something to see; 0 for none [20]
  --data FOLDER        where the files of the processes and of the server are kept [a temporary folder]
  --nats-server PATH   the server [the variable NATS_SERVER, or nats-server on the PATH]
  --help               prints this

To prove that nothing is lost: --prove places orders from 24 connections, kills a process or, one time in four, the server, N times
[20] at random moments, restarts it, waits until all is done, and counts. It goes on for S seconds [2 for each kill].

Runs until SIGTERM or Ctrl-C. Exit codes: 0 success; 1 something was lost, out of order, or did not end in order; 2 wrong usage,
or it cannot run.
";

const MOST_SECONDS: u64 = 86_400;

#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) data: Option<PathBuf>,
    pub(crate) nats_server: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct DemoOptions {
    pub(crate) common: Common,
    pub(crate) rate: u64,
}

#[derive(Debug)]
pub(crate) struct ProveOptions {
    pub(crate) common: Common,
    pub(crate) kills: usize,
    pub(crate) seconds: Option<u64>,
}

/// One process of the group. Set by the program that starts it.
#[derive(Debug)]
pub(crate) struct MemberOptions {
    pub(crate) index: usize,
    pub(crate) nats: String,
    pub(crate) data: PathBuf,
}

pub(crate) enum Command {
    Demo(DemoOptions),
    Prove(ProveOptions),
    Member(MemberOptions),
    Help,
}

impl Command {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Outcome<Self> {
        let mut parser = Parser::from_args(arguments);
        let mut common = Common::default();
        let (mut prove, mut kills, mut seconds, mut rate) = (false, None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(name) if name == "member" => return member(&mut parser),
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                Arg::Long("prove") => prove = true,
                Arg::Long("kills") => kills = Some(number(&mut parser, "--kills", 0, 10_000)?),
                Arg::Long("seconds") => {
                    seconds = Some(number(&mut parser, "--seconds", 1, MOST_SECONDS)?);
                }
                Arg::Long("rate") => rate = Some(number(&mut parser, "--rate", 0, 1_000)?),
                Arg::Long("data") => common.data = Some(parser.value()?.into()),
                Arg::Long("nats-server") => common.nats_server = Some(parser.value()?.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        match prove {
            true if rate.is_some() => Err("--rate is not for --prove".into()),
            true => Ok(Self::Prove(ProveOptions {
                common,
                kills: kills.unwrap_or(20),
                seconds,
            })),
            false if kills.is_some() || seconds.is_some() => {
                Err("--kills and --seconds are for --prove".into())
            }
            false => Ok(Self::Demo(DemoOptions {
                common,
                rate: rate.unwrap_or(20),
            })),
        }
    }
}

fn member(parser: &mut Parser) -> Outcome<Command> {
    let mut value = || parser.value();
    Ok(Command::Member(MemberOptions {
        index: value()?.string()?.parse()?,
        nats: value()?.string()?,
        data: value()?.into(),
    }))
}

fn number<V>(parser: &mut Parser, option: &str, least: V, most: V) -> Outcome<V>
where
    V: FromStr<Err: std::fmt::Display> + PartialOrd + std::fmt::Display,
{
    let given = parser.value()?.string()?;
    let parsed: Result<V, _> = given.parse();
    let number = parsed.map_err(|error| format!("{option} {given}: {error}"))?;
    if number < least || number > most {
        return Err(format!("{option} {given}: it is from {least} to {most}").into());
    }
    Ok(number)
}
