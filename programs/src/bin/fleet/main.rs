//! Three processes that share work over NATS JetStream, and the server between them. For options, run `fleet --help`.

mod broker;
mod demo;
mod journal;
mod member;
mod options;
mod order;
mod outcome;
mod process;
mod prove;

use std::io::{self, Write};
use std::process::ExitCode;

use soiree_programs::output::say;
use soiree_programs::stop::StopSignal;
use tokio::runtime::{Builder, Runtime};

use crate::options::{Command, HELP};
use crate::outcome::Outcome;

const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fleet: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run() -> Outcome<ExitCode> {
    match Command::parse(std::env::args_os().skip(1))? {
        Command::Member(options) => runtime()?.block_on(member::run(&options)),
        Command::Demo(options) => runtime()?.block_on(demo::run(&options)),
        Command::Prove(options) => runtime()?.block_on(async {
            let mut stop = StopSignal::new()?;
            // What it has started ends with it.
            tokio::select! {
                proved = prove::run(&options) => proved,
                () = stop.received() => Err("stopped before the end".into()),
            }
        }),
        Command::Help => {
            say(HELP);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}
