//! One kind of work cannot starve another: requests, webhooks and uploads on one shared pool and on bulkheads.
//! For options, run `bulkheads --help`.

mod arrangement;
mod kinds;
mod live;
mod meter;
mod options;
mod output;
mod report;
mod webhooks;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use soiree::{EmitError, EventPool};

use crate::arrangement::{Arrangement, Trial};
use crate::kinds::{Burst, Kind, Work, stream};
use crate::live::Live;
use crate::options::{Command, HELP, Options};
use crate::output::print;
use crate::webhooks::Delivery;

const UNACCOUNTED: u8 = 1;
const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bulkheads: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let options = match Command::parse(std::env::args_os().skip(1))? {
        Command::Run(options) => options,
        Command::Help => {
            print(HELP)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let deliveries = match &options.webhooks {
        Some(path) => webhooks::read(path)?,
        None => Vec::new(),
    };
    print(&arrangement::legend(&options))?;
    let mut trials = Vec::new();
    for arrangement in Arrangement::ALL {
        trials.push(run_trial(arrangement, &options, &deliveries)?);
    }
    print(&report::text(&trials))?;
    Ok(if trials.iter().all(|trial| trial.faults().is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNACCOUNTED)
    })
}

/// Offers the whole stream, waits until every accepted event is handled, and returns the result.
fn run_trial(
    arrangement: Arrangement,
    options: &Options,
    deliveries: &[Delivery],
) -> Result<Trial, Box<dyn Error>> {
    let soiree = arrangement.event_pool(options)?;
    let trial = Trial::subscribe(arrangement, options, &soiree)?;
    let live = Live::new(arrangement, options);
    let bursts = stream(arrangement.kinds(), options);
    let offered = live.watch(&soiree, || {
        let offered = offer(&trial, &bursts, options, &soiree, deliveries);
        soiree.close()?;
        offered
    });
    offered?;
    Ok(trial.ended(&soiree))
}

/// Emits each burst when it is due. Full pools reject events, so nothing delays the next burst.
fn offer(
    trial: &Trial,
    bursts: &[Burst],
    options: &Options,
    soiree: &EventPool,
    deliveries: &[Delivery],
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut deliveries = deliveries.iter().cycle();
    for burst in bursts {
        let due = start + burst.at / options.speed;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        for _ in 0..burst.size {
            let delivery = match burst.kind {
                Kind::Webhooks => deliveries.next().cloned(),
                Kind::Requests | Kind::Uploads => None,
            };
            emit(trial, burst.kind, delivery, soiree)?;
        }
    }
    let end = start + options.length / options.speed;
    thread::sleep(end.saturating_duration_since(Instant::now()));
    Ok(())
}

fn emit(
    trial: &Trial,
    kind: Kind,
    delivery: Option<Delivery>,
    soiree: &EventPool,
) -> Result<(), EmitError> {
    let topic = match &delivery {
        Some(delivery) => delivery.topic.clone(),
        None => kind.topic().into(),
    };
    let emitted = Instant::now();
    let meter = trial.meter(kind);
    meter.offer();
    match soiree.emit(&topic, Work { emitted, delivery }) {
        Ok(_) => Ok(()),
        // The error holds the payload. A program that must not lose it would keep it.
        Err(EmitError::Rejected { .. }) => {
            meter.reject();
            Ok(())
        }
        Err(other) => Err(other),
    }
}
