//! A web service that accepts orders, hands them to listeners on bulkheads, and drains when it is to stop. For options, run
//! `web_service --help`.

mod calls;
mod drain;
mod listeners;
mod options;
mod order;
mod provider;
mod server;
mod tally;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use soiree_programs::output::say;
use soiree_programs::stop::StopSignal;
use tokio::net::TcpListener;
use tokio::runtime;
use tracing::Level;

use crate::options::{Command, HELP, Options};
use crate::provider::Provider;
use crate::server::Shop;
use crate::tally::Tally;

const NOT_DRAINED: u8 = 1;
const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "web_service: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    match Command::parse(std::env::args_os().skip(1))? {
        Command::Serve(options) => runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(serve(&options)),
        Command::Help => {
            say(HELP);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn serve(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    // Set for the whole process, because listeners run on other threads.
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
    // Before the address is printed: from then on somebody may send a signal.
    let stop = StopSignal::new()?;
    let bind = options.bind;
    let listener = TcpListener::bind(bind)
        .await
        .map_err(|error| format!("--bind {bind}: {error}"))?;
    let provider = Provider::start(options).await?;
    let tally = Arc::new(Tally::default());
    let soiree = listeners::build(options, provider, &tally)?;
    let shop = Shop::new(&soiree, &tally);

    let address = listener.local_addr()?;
    say(&format!(
        "http://{address}/\n\
         try: curl -i http://{address}/orders -d '{{\"item\": \"tea\", \"cents\": 450}}'\n\
         try: curl -N http://{address}/events\n\
         shows: orders over HTTP, whose listeners call a flaky server; while their pools are full it answers 429\n\
         why: an overloaded service says so at once, and what it has accepted is handled before it stops\n"
    ));
    let drained = drain::serve_until(stop, listener, shop.router(), &soiree, options.drain).await;
    if let Err(left) = &drained {
        say(&format!("not drained: {left}\n"));
    }
    say(&tally.summary());
    Ok(match drained {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(NOT_DRAINED),
    })
}
