//! Soaks the project's own pools, and shows how to soak another.
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
Does random things to a pool from many threads, and accounts for every job.

Usage: soak [OPTIONS]

Options:
  --pool NAME    worker, failing-threads (a WorkerPool whose threads often fail to start), pond, rayon, tokio, or all for each
                 in turn [all]
  --seconds N    for how long, each pool [10]
  --threads N    how many threads submit at once [4]
  --seed N       what decides the operations; a random one unless given
  --round N      the round of the seed to begin with [0]
  --stall-timeout N
                 seconds in which nothing happens before that counts as a hang [60]
  --help         prints this

The seed decides which operations are done, not how threads interleave: a failure may need more than one run to show again.

Exit codes: 0 all is well; 1 a pool broke a promise; 2 wrong usage.
";

/// What is soaked. A new pool needs one line here and one function below.
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

/// A `WorkerPool` on a system that starts no more than every third thread it is asked for.
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
        PondPool::with_options(options(spec)).expect("the limits of a soak are sound")
    })
}

fn rayon(soak: Soak) -> Result<SoakReport, SoakFailure> {
    soak.run(|spec: &SoakSpec| {
        RayonPool::with_options(options(spec)).expect("the limits of a soak are sound")
    })
}

fn tokio(soak: Soak) -> Result<SoakReport, SoakFailure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(1)
        .build()
        .expect("a runtime can be made");
    let handle = runtime.handle().clone();
    soak.run(move |spec: &SoakSpec| {
        TokioPool::with_options(handle.clone(), options(spec))
            .expect("the limits of a soak are sound")
    })
}

fn worker_pool(spec: &SoakSpec) -> WorkerPoolBuilder {
    let builder = WorkerPool::builder()
        .max_workers(spec.max_workers)
        .min_workers(spec.min_workers)
        .capacity(spec.capacity)
        .idle_timeout(spec.idle_timeout)
        .overflow(spec.overflow);
    // The spec does not know of strategies, so its limits choose one.
    match (spec.max_workers + spec.capacity) % 3 {
        0 => builder.strategy(Eager),
        1 => builder.strategy(Balanced),
        _ => builder.strategy(Lazy),
    }
}

fn build(builder: WorkerPoolBuilder) -> WorkerPool {
    builder.build().expect("the limits of a soak are sound")
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
                    "again: --pool {name} --seed {} --round {} --threads {}",
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
                    "{name}: {:>4} s {:>8} rounds {:>11} jobs accepted {:>11} refused",
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
        return Err("--threads 0: at least 1 is needed".into());
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
            "--pool {name}: no such pool; there are {} and all",
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
