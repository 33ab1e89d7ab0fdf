//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
Serves the metrics of an event pool with four pools under a bursty load, and a page that shows them live. Some
listeners are durable; their events are kept in a temporary file.

Usage: metrics [OPTIONS]

  /             the page
  /metrics      for Prometheus
  /status.json  the data of the page

Options:
  --bind IP:PORT   where to listen; port 0 picks a free port [127.0.0.1:9184]
  --load FACTOR    the load, from 0 to 100; the pools can just handle 1 [1]
  --listener NAME  adds a listener with this name to every topic; may be repeated
  --nats URL       publishes the orders to this NATS server, and consumes them; it need not run yet
  --stalled NAME   adds a listener with this name to every topic, on a pool that does not get to it
  --help           prints this

Runs until Ctrl-C. Everybody who can reach the address sees statistics and the names of pools, listeners
and patterns. Payloads are never shown.

Exit codes: 0 stopped; 2 wrong usage, or the address cannot be used.
";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) bind: SocketAddr,
    pub(crate) load: f64,
    pub(crate) listeners: Vec<String>,
    pub(crate) stalled: Option<String>,
    pub(crate) nats: Option<String>,
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
            bind: (Ipv4Addr::LOCALHOST, 9184).into(),
            load: 1.0,
            listeners: Vec::new(),
            stalled: None,
            nats: None,
        };
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("bind") => options.bind = value(&mut parser, "--bind")?,
                Arg::Long("load") => options.load = value(&mut parser, "--load")?,
                Arg::Long("listener") => {
                    options.listeners.push(value(&mut parser, "--listener")?);
                }
                Arg::Long("nats") => options.nats = Some(parser.value()?.string()?),
                Arg::Long("stalled") => options.stalled = Some(parser.value()?.string()?),
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        let load = options.load;
        if !(0.0..=100.0).contains(&load) {
            return Err(format!("--load {load}: it is from 0 to 100").into());
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
