//! The command line, and what the environment says.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = include_str!("help.txt");

const MOST_MILLIS: u64 = 3_600_000;
const MOST_SECONDS: u64 = 365 * 86_400;
pub(crate) const MOST_KEPT: u32 = 1_000_000_000;
/// All others are options of the service.
const OF_MODES: [&str; 6] = [
    "--prove",
    "--bench",
    "--kills",
    "--seconds",
    "--rate",
    "--webhooks",
];
const SECRETS: &str = "INGEST_SECRET_";

/// How much of its work a listener does at once, and how much waits for it.
/// The most requests a second that a measurement sends.
pub(crate) const MAX_RATE: u64 = 100_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) at_once: usize,
    pub(crate) queue: usize,
}

/// How much stays of what the listeners write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) topics: u32,
    pub(crate) counted: u32,
    pub(crate) mails: usize,
    pub(crate) files: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) bind: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) forward_to: Option<String>,
    pub(crate) latency: Duration,
    pub(crate) flaky: u8,
    /// Calls a second.
    pub(crate) forward_rate: Option<u32>,
    pub(crate) attempts: u32,
    pub(crate) export_delay: Duration,
    pub(crate) index: Limit,
    pub(crate) forward: Limit,
    pub(crate) export: Limit,
    pub(crate) mail: Limit,
    pub(crate) connections: usize,
    pub(crate) intake: usize,
    pub(crate) max_body: usize,
    pub(crate) max_events: u64,
    pub(crate) keep: Duration,
    pub(crate) kept: Kept,
    pub(crate) drain: Duration,
    pub(crate) has_listeners: bool,
    pub(crate) verbose: bool,
    pub(crate) secrets: Secrets,
}

/// The secrets of sources, by the end of the name of their variable.
#[derive(Clone, Default)]
pub(crate) struct Secrets(BTreeMap<String, Vec<u8>>);

#[derive(Debug)]
pub(crate) struct ProveOptions {
    pub(crate) kills: usize,
    pub(crate) seconds: Option<u64>,
    pub(crate) webhooks: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct BenchOptions {
    pub(crate) seconds: u64,
    pub(crate) rate: Option<u64>,
    pub(crate) webhooks: Option<PathBuf>,
}

pub(crate) enum Command {
    Serve(Box<Options>),
    Prove(ProveOptions),
    Bench(BenchOptions),
    Help,
}

#[derive(Default)]
struct Modes {
    prove: bool,
    bench: bool,
    expose: bool,
    kills: Option<usize>,
    seconds: Option<u64>,
    rate: Option<u64>,
    webhooks: Option<PathBuf>,
    /// An option of the service.
    service: Option<String>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

impl Command {
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Outcome<Self> {
        let mut options = Options::default();
        let mut modes = Modes::default();
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let option = match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                Arg::Long(name) => format!("--{name}"),
                other => return Err(other.unexpected().into()),
            };
            modes.take(&mut options, &option, &mut parser)?;
            if !OF_MODES.contains(&&*option) {
                modes.service = Some(option);
            }
        }
        if modes.prove && modes.bench {
            return Err("--prove and --bench exclude each other".into());
        }
        if let (Some(option), true) = (&modes.service, modes.prove || modes.bench) {
            let why = "--prove and --bench start the service with options of their own";
            return Err(format!("{option} cannot be chosen: {why}").into());
        }
        if let (Some(_), false) = (modes.kills, modes.prove) {
            return Err("--kills is for --prove".into());
        }
        if let (Some(_), false) = (modes.rate, modes.bench) {
            return Err("--rate is for --bench".into());
        }
        let is_service = !modes.prove && !modes.bench;
        if is_service && (modes.seconds.is_some() || modes.webhooks.is_some()) {
            return Err("--seconds and --webhooks are for --prove and --bench".into());
        }
        if modes.prove {
            return Ok(Self::Prove(ProveOptions {
                kills: modes.kills.unwrap_or(20),
                seconds: modes.seconds,
                webhooks: modes.webhooks,
            }));
        }
        if modes.bench {
            return Ok(Self::Bench(BenchOptions {
                seconds: modes.seconds.unwrap_or(30).max(6),
                rate: modes.rate,
                webhooks: modes.webhooks,
            }));
        }
        options.check(modes.expose)?;
        options.secrets = Secrets::read(environment)?;
        Ok(Self::Serve(Box::new(options)))
    }
}

impl Modes {
    fn take(&mut self, options: &mut Options, option: &str, parser: &mut Parser) -> Outcome<()> {
        match option {
            "--prove" => self.prove = true,
            "--bench" => self.bench = true,
            "--expose" => self.expose = true,
            "--no-listeners" => options.has_listeners = false,
            "--verbose" => options.verbose = true,
            "--kills" => self.kills = Some(number(parser, option, 0, 10_000)?),
            "--seconds" => self.seconds = Some(number(parser, option, 1, 86_400)?),
            "--rate" => self.rate = Some(number(parser, option, 1, MAX_RATE)?),
            "--webhooks" => self.webhooks = Some(parser.value()?.into()),
            "--bind" => options.bind = value(parser, option)?,
            "--data" => options.data = folder(parser, option)?,
            "--forward-to" => options.forward_to = Some(url(parser, option)?),
            "--forward-rate" => options.forward_rate = Some(number(parser, option, 1, 1_000)?),
            "--latency" => options.latency = millis(parser, option)?,
            "--flaky" => options.flaky = number(parser, option, 0, 100)?,
            "--attempts" => options.attempts = number(parser, option, 1, 100)?,
            "--export-delay" => options.export_delay = millis(parser, option)?,
            "--index" => options.index = limit(parser, option)?,
            "--forward" => options.forward = limit(parser, option)?,
            "--export" => options.export = limit(parser, option)?,
            "--mail" => options.mail = limit(parser, option)?,
            "--connections" => options.connections = number(parser, option, 1, 100_000)?,
            "--intake" => options.intake = number(parser, option, 1, 100_000)?,
            "--max-body" => options.max_body = number(parser, option, 1, 16 << 20)?,
            "--max-events" => options.max_events = number(parser, option, 1, u64::MAX)?,
            "--keep" => {
                let seconds = number(parser, option, 1, MOST_SECONDS)?;
                options.keep = Duration::from_secs(seconds);
            }
            "--keep-topics" => options.kept.topics = number(parser, option, 1, MOST_KEPT)?,
            "--keep-counted" => options.kept.counted = number(parser, option, 1, MOST_KEPT)?,
            "--keep-mails" => options.kept.mails = number(parser, option, 1, MOST_KEPT as usize)?,
            "--keep-files" => options.kept.files = number(parser, option, 1, MOST_KEPT as usize)?,
            "--drain" => options.drain = millis(parser, option)?,
            _ => return Err(Arg::Long(&option[2..]).unexpected().into()),
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        let limit = |at_once, queue| Limit { at_once, queue };
        Self {
            bind: (Ipv4Addr::LOCALHOST, 8090).into(),
            data: "ingest-data".into(),
            forward_to: None,
            latency: Duration::from_millis(20),
            flaky: 10,
            forward_rate: None,
            attempts: 6,
            export_delay: Duration::from_millis(2),
            index: limit(1, 16),
            forward: limit(16, 48),
            export: limit(1, 16),
            mail: limit(2, 32),
            connections: 512,
            intake: 256,
            max_body: 1 << 20,
            max_events: 1_000_000,
            keep: Duration::from_secs(86_400),
            kept: Kept {
                topics: 10_000,
                counted: 100_000,
                mails: 100_000,
                files: 1_000,
            },
            drain: Duration::from_secs(10),
            has_listeners: true,
            verbose: false,
            secrets: Secrets::default(),
        }
    }
}

impl Options {
    fn check(&self, expose: bool) -> Outcome<()> {
        let bind = self.bind;
        if !bind.ip().is_loopback() && !expose {
            let why = "others reach this address, and could read payloads and redrive events";
            return Err(format!("--bind {bind}: {why}; add --expose if they may").into());
        }
        Ok(())
    }
}

impl Secrets {
    fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Outcome<Self> {
        let mut secrets = BTreeMap::new();
        for (name, secret) in variables {
            let name = name.to_string_lossy();
            let Some(source) = name.strip_prefix(SECRETS) else {
                continue;
            };
            let can_be = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
            if source.is_empty() || !source.bytes().all(can_be) {
                let name = name.escape_debug();
                let why = "after INGEST_SECRET_ comes the source, of A-Z, 0-9 and _";
                return Err(format!("{name} is for no source: {why}").into());
            }
            if secret.is_empty() {
                return Err(
                    format!("{SECRETS}{source} is empty: unset it, or set a secret").into(),
                );
            }
            secrets.insert(source.to_owned(), secret.into_encoded_bytes());
        }
        Ok(Self(secrets))
    }

    pub(crate) fn of(&self, source: &str) -> Option<&[u8]> {
        let variable = source.to_ascii_uppercase().replace('-', "_");
        self.0.get(&variable).map(Vec::as_slice)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn value<V: FromStr<Err: std::fmt::Display>>(parser: &mut Parser, option: &str) -> Outcome<V> {
    let given = parser.value()?.string()?;
    let parsed = given.parse();
    parsed.map_err(|error| format!("{option} {given}: {error}").into())
}

/// An empty text would be the current folder.
fn folder(parser: &mut Parser, option: &str) -> Outcome<PathBuf> {
    match parser.value()? {
        empty if empty.is_empty() => Err(format!("{option} \"\": name a folder").into()),
        folder => Ok(folder.into()),
    }
}

fn number<V>(parser: &mut Parser, option: &str, least: V, most: V) -> Outcome<V>
where
    V: FromStr<Err: std::fmt::Display> + PartialOrd + std::fmt::Display,
{
    let given: V = value(parser, option)?;
    if given < least || given > most {
        return Err(format!("{option} {given}: it is from {least} to {most}").into());
    }
    Ok(given)
}

fn millis(parser: &mut Parser, option: &str) -> Outcome<Duration> {
    number(parser, option, 0, MOST_MILLIS).map(Duration::from_millis)
}

fn limit(parser: &mut Parser, option: &str) -> Outcome<Limit> {
    let given = parser.value()?.string()?;
    let parts = given.split_once('/');
    let parsed = parts.and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
    match parsed {
        Some((at_once @ 1..=1_000, queue @ 0..=1_000_000)) => Ok(Limit { at_once, queue }),
        _ => {
            let why = "it is N/M, with N from 1 to 1000 and M up to 1000000, such as 2/32";
            Err(format!("{option} {given}: {why}").into())
        }
    }
}

fn url(parser: &mut Parser, option: &str) -> Outcome<String> {
    let given = parser.value()?.string()?;
    match reqwest::Url::parse(&given) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(given),
        Ok(_) => Err(format!("{option} {given}: it starts with http://").into()),
        Err(error) => Err(format!("{option} {given}: {error}").into()),
    }
}
