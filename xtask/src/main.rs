//! The project's own checks: `cargo xtask ci` and the commands that `cargo xtask help` lists.

mod arrows;
mod benches;
mod ci;
mod instructions;
mod model;
mod mutants;
mod promises;
mod result;
mod size;
mod soak;
mod source;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  ci [--no-tests]  every check, and the tests last
  model [--schedules N] [NAME...]
                   the worker pool under a model checker
  arrows [--list [CRATE...]]
                   which crate may depend on which, and which module may import from which; --list prints the imports
  tidy             rules of style that no compiler knows
  promises         how many tests cite each promise, and how many tests each crate has
  soak [OPTIONS]   random operations on the pools from many threads; --help lists the options
  asan [OPTIONS]   soak, with a nightly sanitizer that finds leaks and bad memory
  bench-report [OPTIONS]  soiree beside others, into BENCHMARKS.md; --help lists the options
  instructions     how many instructions an emit takes, under valgrind, against a bound
  size             what one more payload type adds to a program
  mutants [core|engine|bounded|pool] [ARGS]
                   whether tests notice changes of the code; ARGS are cargo-mutants' own";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["ci"] => ci::run(true),
        ["ci", "--no-tests"] => ci::run(false),
        ["model", args @ ..] => model::run(args),
        ["arrows"] => arrows::run(),
        ["arrows", "--list", crates @ ..] => arrows::list(crates),
        ["tidy"] => tidy::run(),
        ["promises"] => promises::run(),
        ["soak", options @ ..] => soak::run(options),
        ["asan", options @ ..] => soak::run_asan(options),
        ["bench-report", options @ ..] => benches::report(options),
        ["instructions"] => instructions::run(),
        ["size"] => size::run(),
        ["mutants", args @ ..] => mutants::run(args),
        ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
