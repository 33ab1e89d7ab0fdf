//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
A web service that accepts orders and hands them to listeners, which call a flaky server.

Usage: web_service [OPTIONS]

  POST /orders   takes {\"item\": TEXT, \"cents\": NUMBER}. 202: accepted; 429 with Retry-After: no place for it just now;
                 503: the service stops
  GET  /events   accepted orders as they are handled, as server-sent events

Each order is charged, on the pool `payments`, and a partner is notified of it, on the pool `async`. Both call a server that
this program runs itself on another port: it is slow, and fails at random. Such calls are retried. Log lines on stderr name
the request that they belong to: its x-request-id, or a number.

Options:
  --bind IP:PORT    where to listen; port 0 picks a free port [127.0.0.1:8080]
  --queue N         orders that may wait, in each pool [32]
  --workers N       orders that are charged at once [2]
  --latency MILLIS  time that the flaky server takes [20]
  --flaky PERCENT   calls that it fails, or answers too late [30]
  --timeout MILLIS  time limit of each call [500]
  --delay MILLIS    longest pause before a call is retried [1000]
  --drain MILLIS    time for what was accepted, after the signal to stop [5000]
  --help            prints this

Runs until SIGTERM or Ctrl-C. Then it handles what it has accepted, and prints how many orders were handled, and which were not.

Exit codes: 0 all orders came to an end; 1 some did not within --drain; 2 wrong usage, or the address cannot be used.
";

const MOST_MILLIS: u64 = 3_600_000;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) bind: SocketAddr,
    pub(crate) queue: usize,
    pub(crate) workers: usize,
    pub(crate) latency: Duration,
    pub(crate) flaky: u8,
    pub(crate) timeout: Duration,
    pub(crate) delay: Duration,
    pub(crate) drain: Duration,
}

pub(crate) enum Command {
    Serve(Options),
    Help,
}

impl Command {
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut options = Options {
            bind: (Ipv4Addr::LOCALHOST, 8080).into(),
            queue: 32,
            workers: 2,
            latency: Duration::from_millis(20),
            flaky: 30,
            timeout: Duration::from_millis(500),
            delay: Duration::from_secs(1),
            drain: Duration::from_secs(5),
        };
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("bind") => options.bind = value(&mut parser, "--bind")?,
                Arg::Long("queue") => options.queue = value(&mut parser, "--queue")?,
                Arg::Long("workers") => options.workers = value(&mut parser, "--workers")?,
                Arg::Long("latency") => options.latency = millis(&mut parser, "--latency", 0)?,
                Arg::Long("flaky") => options.flaky = value(&mut parser, "--flaky")?,
                Arg::Long("timeout") => options.timeout = millis(&mut parser, "--timeout", 1)?,
                Arg::Long("delay") => options.delay = millis(&mut parser, "--delay", 0)?,
                Arg::Long("drain") => options.drain = millis(&mut parser, "--drain", 0)?,
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        let flaky = options.flaky;
        if flaky > 100 {
            return Err(format!("--flaky {flaky}: it is from 0 to 100").into());
        }
        Ok(Self::Serve(options))
    }
}

fn value<V>(parser: &mut Parser, option: &str) -> Result<V, Box<dyn Error>>
where
    V: FromStr<Err: std::fmt::Display>,
{
    let given = parser.value()?.string()?;
    given
        .parse()
        .map_err(|error| format!("{option} {given}: {error}").into())
}

fn millis(parser: &mut Parser, option: &str, least: u64) -> Result<Duration, Box<dyn Error>> {
    let given = value(parser, option)?;
    if !(least..=MOST_MILLIS).contains(&given) {
        let reason = format!("{option} {given}: it is from {least} to {MOST_MILLIS}");
        return Err(reason.into());
    }
    Ok(Duration::from_millis(given))
}
