//! Soaks the pools of this project. Copy it to soak your own.
//!
//! `cargo run --release -p soiree-testkit --example soak -- --seconds 60`

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lexopt::{Arg, Parser, ValueExt};
use soiree_core::PoolOptions;
use soiree_pond::PondPool;
use soiree_pool::{Balanced, Eager, Lazy, WorkerPool, WorkerPoolBuilder};
use soiree_rayon::RayonPool;
use soiree_testkit::{Soak, SoakFailure, SoakReport, SoakSpec};
use soiree_tokio::TokioPool;

const HELP: &str = "\
Runs random operations on a pool from many threads, and checks that every job is accounted for.

Usage: soak [OPTIONS]

Options:
  --pool NAME        worker, failing-threads (a WorkerPool whose threads often fail to start), pond, rayon, tokio, or
                     all, one after another [all]
  --seconds N        how long to soak each pool [10]
  --threads N        how many threads submit jobs [4]
  --seed N           the seed of all operations [random]
  --round N          the round of the seed to start with [0]
  --stall-timeout N  after how many seconds without progress a pool counts as hung [60]
  --help             print this

The seed decides the operations, not how threads interleave: a failure may need several runs of its seed to show again.

Exit codes: 0 every pool passed; 1 a pool broke a promise; 2 wrong usage.
";

/// The pools to soak. A new one needs a line here and a function below.
const POOLS: [(&str, SoakPool); 5] = [
    ("worker", worker),
    ("failing-threads", failing_threads),
    ("pond", pond),
    ("rayon", rayon),
    ("tokio", tokio),
];

type SoakPool = fn(Soak) -> Result<SoakReport, SoakFailure>;

fn worker(soak: Soak) -> Result<SoakReport, SoakFailure> {
    soak.run(|spec| build(worker_pool(spec)))
}

/// A `WorkerPool` on a system that starts only every third thread.
fn failing_threads(soak: Soak) -> Result<SoakReport, SoakFailure> {
    let attempts = Arc::new(AtomicUsize::new(0));
    soak.run(move |spec| {
        let attempts = Arc::clone(&attempts);
        build(worker_pool(spec).spawn_handler(move |thread, body| {
            match attempts.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => thread.spawn(body).map(drop),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        }))
    })
}

fn options(spec: &SoakSpec) -> PoolOptions {
    PoolOptions::new(spec.max_workers, spec.capacity).overflow(spec.overflow)
}

fn pond(soak: Soak) -> Result<SoakReport, SoakFailure> {
    soak.run(|spec: &SoakSpec| {
        PondPool::with_options(options(spec)).expect("a soak has valid limits")
    })
}

fn rayon(soak: Soak) -> Result<SoakReport, SoakFailure> {
    soak.run(|spec: &SoakSpec| {
        RayonPool::with_options(options(spec)).expect("a soak has valid limits")
    })
}

fn tokio(soak: Soak) -> Result<SoakReport, SoakFailure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(1)
        .build()
        .expect("Tokio can start a runtime");
    let handle = runtime.handle().clone();
    soak.run(move |spec: &SoakSpec| {
        TokioPool::with_options(handle.clone(), options(spec)).expect("a soak has valid limits")
    })
}

fn worker_pool(spec: &SoakSpec) -> WorkerPoolBuilder {
    let builder = WorkerPool::builder()
        .max_workers(spec.max_workers)
        .min_workers(spec.min_workers)
        .capacity(spec.capacity)
        .idle_timeout(spec.idle_timeout)
        .overflow(spec.overflow);
    // The spec has no strategy, so its limits choose one.
    match (spec.max_workers + spec.capacity) % 3 {
        0 => builder.strategy(Eager),
        1 => builder.strategy(Balanced),
        _ => builder.strategy(Lazy),
    }
}

fn build(builder: WorkerPoolBuilder) -> WorkerPool {
    builder.build().expect("a soak has valid limits")
}

struct Options {
    pools: Vec<(&'static str, SoakPool)>,
    seconds: u64,
    threads: usize,
    seed: u64,
    round: u64,
    stall_timeout: u64,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    for (name, soak_pool) in &options.pools {
        println!("{name}: seed {}", options.seed);
        match soak_pool(soak(name, &options)) {
            Ok(report) => println!("\npool{name:>34}\n{report}\n"),
            Err(failure) => {
                eprintln!("{name}: {failure}");
                eprintln!(
                    "to repeat: --pool {name} --seed {} --round {} --threads {}",
                    failure.seed, failure.round, failure.threads
                );
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn soak(name: &'static str, options: &Options) -> Soak {
    let mut shown = Instant::now();
    Soak::new()
        .duration(Duration::from_secs(options.seconds))
        .threads(options.threads)
        .seed(options.seed)
        .first_round(options.round)
        .stall_timeout(Duration::from_secs(options.stall_timeout))
        .progress(move |report| {
            if shown.elapsed() >= Duration::from_secs(1) {
                shown = Instant::now();
                println!(
                    "{name}: {:>4} s {:>8} rounds {:>11} jobs accepted {:>11} rejected",
                    report.elapsed.as_secs(),
                    report.rounds,
                    report.accepted,
                    report.rejected
                );
            }
        })
}

fn parse() -> Result<Option<Options>, Box<dyn Error>> {
    let mut options = Options {
        pools: POOLS.to_vec(),
        seconds: 10,
        threads: 4,
        seed: fastrand::u64(..),
        round: 0,
        stall_timeout: 60,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("pool") => options.pools = pools(&parser.value()?.string()?)?,
            Arg::Long("seconds") => options.seconds = number(&mut parser, "--seconds")?,
            Arg::Long("threads") => options.threads = number(&mut parser, "--threads")?,
            Arg::Long("seed") => options.seed = number(&mut parser, "--seed")?,
            Arg::Long("round") => options.round = number(&mut parser, "--round")?,
            Arg::Long("stall-timeout") => {
                options.stall_timeout = number(&mut parser, "--stall-timeout")?
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.threads == 0 {
        return Err("--threads 0: the soak needs at least 1".into());
    }
    Ok(Some(options))
}

fn pools(name: &str) -> Result<Vec<(&'static str, SoakPool)>, String> {
    let chosen: Vec<_> = POOLS
        .into_iter()
        .filter(|(known, _)| name == "all" || name == *known)
        .collect();
    if chosen.is_empty() {
        let known: Vec<_> = POOLS.iter().map(|(known, _)| *known).collect();
        return Err(format!(
            "--pool {name}: no such pool; choose {} or all",
            known.join(", ")
        ));
    }
    Ok(chosen)
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
