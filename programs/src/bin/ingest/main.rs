//! A service that takes webhooks in, keeps them, and hands them to listeners of different speed. For options, run `ingest --help`.

mod arrangement;
mod bench;
mod board;
mod child;
mod corpus;
mod draft;
mod folder;
mod gate;
mod intake;
mod listeners;
mod options;
mod outcomes;
mod prove;
mod receiver;
mod service;
mod signature;
mod trace;
mod web;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use soiree_programs::output::say;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::options::{Command, HELP};

const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "ingest: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    match Command::parse(std::env::args_os().skip(1), std::env::vars_os())? {
        Command::Serve(options) => {
            log_to_stderr(options.verbose);
            runtime()?.block_on(service::run(*options))
        }
        Command::Prove(options) => runtime()?.block_on(prove::run(&options)),
        Command::Bench(options) => runtime()?.block_on(bench::run(&options)),
        Command::Help => {
            say(HELP);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        // They read the store for requests. Each may hold fifty dead events with large bodies meanwhile.
        .max_blocking_threads(8)
        .enable_all()
        .build()
}

/// Set for the whole process, because listeners run on other threads.
fn log_to_stderr(verbose: bool) {
    let level = if verbose { Level::INFO } else { Level::WARN };
    // What fails for a listener is on the page, with its attempts.
    let soiree = if verbose {
        level.into()
    } else {
        LevelFilter::OFF
    };
    let targets = Targets::new().with_default(level);
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(io::stderr)
        .finish()
        .with(targets.with_target("soiree", soiree))
        .init();
}
