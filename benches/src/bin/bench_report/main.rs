//! Measures soiree and other crates in alternation, and writes the report. See `--help`.

mod build;
mod case_id;
mod chapters;
mod comparison;
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
    let measured = rounds::all(&programs, &options)?;
    let full = options.is_full();
    let memory_uses = if options.only.is_none() {
        programs.measure_memory()?
    } else {
        Vec::new()
    };
    let durable = if options.only.is_none() {
        programs.measure_durable(options.quick)?
    } else {
        String::new()
    };
    let took = started.elapsed();
    let text = markdown::write(&host, &options, &measured, &memory_uses, &durable, took);
    if !full {
        println!("{text}");
        return Ok(());
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    plots::draw(&measured, &root.join("benches/plots"))?;
    std::fs::write(root.join("BENCHMARKS.md"), text)?;
    eprintln!("wrote BENCHMARKS.md in {} s", took.as_secs());
    Ok(())
}
