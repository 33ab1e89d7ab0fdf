//! Three processes that share work over NATS JetStream, and the server between them. For options, run `fleet --help`.

mod broker;
#[path = "../ingest/client.rs"]
mod client;
mod demo;
mod journal;
mod member;
mod options;
mod order;
mod process;
mod prove;
#[path = "../../crates/soiree/examples/web_service/stop.rs"]
mod stop;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use crate::options::{Command, HELP};
use crate::stop::StopSignal;

const CANNOT_RUN: u8 = 2;

/// How many processes share the work.
const MEMBERS: usize = 3;

type Outcome<T> = Result<T, Box<dyn Error>>;

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

/// Writes to stdout. That nobody reads it is no error.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
