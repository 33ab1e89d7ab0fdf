//! The project's own checks: `cargo xtask ci`, and the commands that `cargo xtask help` lists.

mod arrows;
mod benches;
mod book;
mod ci;
mod instructions;
mod model;
mod mutants;
mod promises;
mod release;
mod result;
mod size;
mod soak;
mod source;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  ci [--no-tests]  runs every check, then the tests
  model [--schedules N] [NAME...]
                   runs the worker pool under a model checker
  arrows [--list [CRATE...]]
                   checks which crate depends on which, and which module imports from which; --list prints every import
  tidy             checks rules of style that no compiler knows
  promises         counts the tests that cite each promise, and the tests of each crate
  soak [OPTIONS]   runs random operations on the pools from many threads; --help lists the options
  soak events [OPTIONS]
                   the same on an EventPool, with everything that it has
  asan [OPTIONS]   runs soak with a nightly sanitizer that finds leaks and invalid memory accesses
  bench-report [OPTIONS]
                   measures soiree and other crates, and writes BENCHMARKS.md; --help lists the options
  instructions     counts the instructions of an emit under valgrind, and compares them with a bound
  book             builds the book of the guides into target/book, and checks its links
  release --dry-run [ARGS]
                   packages every published crate, builds each from its package, and prints the order of publishing;
                   ARGS go to cargo package
  size             measures how many bytes one more payload type adds to a program
  mutants [core|engine|bounded|pool|outbox|sqlite] [--sample COUNT [--seed SEED]] [ARGS]
                   changes the code in one place at a time, and lists the changes that no test notices;
                   --sample makes about COUNT of the changes, at least two in each file; ARGS go to cargo-mutants";

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
        ["soak", "events", options @ ..] => soak::run_events(options),
        ["soak", options @ ..] => soak::run(options),
        ["asan", options @ ..] => soak::run_asan(options),
        ["bench-report", options @ ..] => benches::report(options),
        ["instructions"] => instructions::run(),
        ["book"] => book::run(),
        ["release", "--dry-run", options @ ..] => release::dry_run(options),
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
