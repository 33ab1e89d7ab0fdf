//! Serves `/metrics` and a page that shows pools and listeners live. For options, run `metrics --help`.

mod board;
mod bridge;
mod durable;
mod listeners;
mod load;
mod options;
mod recent;
mod server;
mod work;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use soiree::metrics::Metrics;
use soiree_programs::output::say;
use tokio::net::TcpListener;

use crate::board::Board;
use crate::load::Load;
use crate::options::{Command, HELP, Options};
use crate::server::Server;

const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "metrics: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match Command::parse(std::env::args_os().skip(1))? {
        Command::Serve(options) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(serve(&options)),
        Command::Help => {
            say(HELP);
            Ok(())
        }
    }
}

async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let bind = options.bind;
    let listener = TcpListener::bind(bind)
        .await
        .map_err(|error| format!("--bind {bind}: {error}"))?;
    let metrics = Metrics::new();
    let board = Arc::new(Board::new());
    let (soiree, stall) = work::build(&metrics, &board, options)?;
    let folder = tempfile::tempdir()?;
    let outbox = durable::build(soiree.clone(), folder.path(), &metrics)?;
    let nats = options.nats.as_deref();
    let nats = nats.map(|url| bridge::build(url, &soiree, &outbox, &metrics));
    let nats = nats.transpose()?;
    let load = Load::start(&outbox, options.load);

    say(&format!(
        "http://{}/\n\
         shows: pools, listeners and durable listeners under a bursty load, live; /metrics is for Prometheus\n\
         why: what waits, fails or is rejected shows before users notice\n",
        listener.local_addr()?
    ));
    let server = Server {
        soiree: soiree.clone(),
        outbox: outbox.clone(),
        nats: nats.clone(),
        metrics,
        board,
    };
    axum::serve(listener, server.router())
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;

    drop((load, stall));
    if let Some(nats) = nats {
        nats.close_async().await?;
    }
    // It does not wait for a backlog, which goes with its file.
    outbox.close_async().await?;
    Ok(())
}
