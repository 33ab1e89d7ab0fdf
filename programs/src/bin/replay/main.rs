//! Replays events from JSON lines through two bounded pools. For options, run `replay --help`.

mod feed;
mod listeners;
mod options;
mod source;
mod summary;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use soiree::{Builder, EventPool, ListenerOptions, Overflow, SubscribeError, WorkerPool};

use crate::listeners::{Forward, Prefixes, RollingDigest};
use crate::options::{Command, HELP, Options};
use crate::summary::Summary;

const SOME_FAILED: u8 = 1;
const CANNOT_RUN: u8 = 2;
const STOPPED: u8 = 3;
const SHOWN_PREFIXES: usize = 20;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "replay: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let options = match Command::parse(std::env::args_os().skip(1))? {
        Command::Replay(options) => options,
        Command::Help => {
            print(|out| out.write_all(HELP.as_bytes()))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let summary = replay(&options)?;
    print(|out| summary.write(out))?;
    Ok(match &summary {
        summary if summary.fed.stopped => ExitCode::from(STOPPED),
        summary if summary.is_clean() => ExitCode::SUCCESS,
        _ => ExitCode::from(SOME_FAILED),
    })
}

fn replay(options: &Options) -> Result<Summary, Box<dyn Error>> {
    let failed = Arc::new(AtomicU64::new(0));
    let failures = Arc::clone(&failed);
    let soiree = Builder::with_pool(pool(options, "replay", options.workers, Overflow::Block)?)
        .error_handler(move |_, error| {
            failures.fetch_add(1, Ordering::Relaxed);
            Some(error)
        })
        .build()?;
    let (sink, sink_handled) = slow_sink(options)?;
    let listeners = Listeners::subscribe(&soiree, &sink)?;

    let start = Instant::now();
    let fed = feed::feed(options, &soiree);
    // In this order: until the first is closed, its listeners emit events on the second.
    soiree.close()?;
    sink.close()?;
    let elapsed = start.elapsed();

    Ok(Summary {
        fed: fed.map_err(|error| format!("{}: {error}", options.source.name()))?,
        handled: listeners.digest.events(),
        failed: failed.load(Ordering::Relaxed),
        digest: listeners.digest.hex(),
        elapsed,
        sink_handled: sink_handled.load(Ordering::Relaxed),
        sink_rejected: listeners.forward.rejected(),
        main_pool: soiree.pool_stats(),
        sink_pool: sink.pool_stats(),
        prefixes: listeners.prefixes.top(SHOWN_PREFIXES),
    })
}

struct Listeners {
    prefixes: Arc<Prefixes>,
    digest: Arc<RollingDigest>,
    forward: Arc<Forward>,
}

impl Listeners {
    fn subscribe(soiree: &EventPool, sink: &EventPool) -> Result<Self, SubscribeError> {
        let named = |name: &str| ListenerOptions::new().name(name);
        let prefixes = Arc::new(Prefixes::default());
        let digest = Arc::new(RollingDigest::default());
        let forward = Arc::new(Forward::new(sink.clone()));

        let listener = Arc::clone(&prefixes);
        soiree.on_with("**", named("prefixes"), move |event| listener.add(event))?;
        let listener = Arc::clone(&digest);
        soiree.on_with("**", named("digest"), move |event| listener.add(event))?;
        let listener = Arc::clone(&forward);
        soiree.on_with("**", named("forward"), move |event| listener.add(event))?;
        Ok(Self {
            prefixes,
            digest,
            forward,
        })
    }
}

/// A bulkhead: however slow it is, it occupies only its own worker and its own queue.
fn slow_sink(options: &Options) -> Result<(EventPool, Arc<AtomicU64>), Box<dyn Error>> {
    let overflow = if options.shed {
        Overflow::Reject
    } else {
        Overflow::Block
    };
    let sink = EventPool::with_pool(pool(options, "sink", 1, overflow)?);
    let handled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handled);
    let slow = options.slow;
    sink.on("**", move |_| {
        std::thread::sleep(slow);
        count.fetch_add(1, Ordering::Relaxed);
    })?;
    Ok((sink, handled))
}

fn pool(
    options: &Options,
    name: &str,
    workers: usize,
    overflow: Overflow,
) -> Result<WorkerPool, Box<dyn Error>> {
    let capacity = options.capacity;
    WorkerPool::builder()
        .name(name)
        .max_workers(workers)
        .capacity(capacity)
        .overflow(overflow)
        .build()
        .map_err(|error| format!("--workers {workers} --capacity {capacity}: {error}").into())
}

/// Writes to stdout. That nobody reads it is no error.
fn print(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
