//! Measures soiree and other crates in alternation, and writes the report. See `--help`.

mod build;
mod case_id;
mod chapters;
mod comparison;
mod features;
mod format;
mod host;
mod markdown;
mod options;
mod plots;
mod process;
mod result;
mod rounds;
mod runs;
mod statistics;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use self::options::{Options, USAGE};
use self::result::Result;

fn main() -> ExitCode {
    match report() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn report() -> Result {
    let Some(options) = Options::from_args()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let started = Instant::now();
    let host = host::Host::detect()?;
    let programs = process::Programs::next_to_this()?;
    if options.features {
        print!("{}", features::chapter(&programs, &options)?);
        return Ok(());
    }
    let measured = rounds::all(&programs, &options)?;
    let full = options.is_full();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let plots = root.join("benches/plots");
    let memory_uses = if options.only.is_none() {
        programs.measure_memory()?
    } else {
        Vec::new()
    };
    let further = if options.only.is_none() {
        [
            features::chapter(&programs, &options)?,
            programs.measure_growth(options.quick, full.then_some(&*plots))?,
            programs.measure_durable(options.quick)?,
        ]
    } else {
        Default::default()
    };
    let took = started.elapsed();
    let text = markdown::write(&host, &options, &measured, &memory_uses, &further, took);
    if !full {
        println!("{text}");
        return Ok(());
    }
    plots::draw(&measured, &plots)?;
    std::fs::write(root.join("BENCHMARKS.md"), text)?;
    eprintln!("wrote BENCHMARKS.md in {} s", took.as_secs());
    Ok(())
}
