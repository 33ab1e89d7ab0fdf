//! Runs one case: as often as is asked on standard input, or once.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;

use soiree_benches::{Case, cases, find, process_cpu};

const USAGE: &str = "\
usage: subject list     (workload, subject, and whether a process should run it once only)
       subject once <workload> <subject> <ops>
       subject serve <workload> <subject>

`serve` prepares the case and prints `ready`; for each line of standard input, the number of operations, it prints what they
took, and the CPU time of the process since it last printed, as `busy`.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = match args.as_slice() {
        ["list"] => {
            list();
            Ok(())
        }
        ["once", workload, subject, ops] => once(workload, subject, ops),
        ["serve", workload, subject] => serve(workload, subject),
        _ => Err(USAGE.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    for case in cases() {
        let process = if case.threaded { "fresh" } else { "same" };
        println!("{}\t{}\t{process}", case.workload, case.subject);
    }
}

fn case(workload: &str, subject: &str) -> Result<Case, Box<dyn Error>> {
    find(workload, subject)
        .ok_or_else(|| format!("no case {workload:?} of {subject:?}; see subject list").into())
}

fn number(text: &str) -> Result<u64, Box<dyn Error>> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("not a number of operations: {text:?}").into()),
    }
}

fn once(workload: &str, subject: &str, ops: &str) -> Result<(), Box<dyn Error>> {
    let ops = number(ops)?;
    println!("{}", case(workload, subject)?.prepare().run(ops));
    Ok(())
}

fn serve(workload: &str, subject: &str) -> Result<(), Box<dyn Error>> {
    let mut bench = case(workload, subject)?.prepare();
    println!("ready");
    stdout().flush()?;
    let mut counted = process_cpu();
    for line in stdin().lock().lines() {
        let sample = bench.run(number(&line?)?);
        let cpu = process_cpu();
        println!("{sample} busy={}", (cpu - counted).as_nanos());
        stdout().flush()?;
        counted = cpu;
    }
    // What threads still hold on to is no business of the measurement.
    std::process::exit(0)
}
