//! The program that runs one case, once or on request.

use std::env::current_exe;
use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;

use crate::case::Case;
use crate::catalog::{cases, find};
use crate::instructions::per_op;
use crate::measure::process_cpu;

const USAGE: &str = "\
usage: subject list
       subject once <workload> <subject> <ops>
       subject serve <workload> <subject>
       subject instructions <workload> <subject>

list    prints every case: workload, subject, and `fresh` if each run needs a process of its own, else `same`
once    runs a case with this number of operations and prints the result
serve   prepares a case and prints `ready`. Then reads numbers of operations from standard input, one per line. Runs the case with
        each number and prints the result, with the CPU time that the process used since the previous result as `busy`.
instructions
        prints how many instructions one operation takes, which valgrind counts";

/// The program `subject`, with the arguments of this process. Programs that are built otherwise run it too.
pub fn run_subject() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = match args.as_slice() {
        ["list"] => {
            list();
            Ok(())
        }
        ["once", workload, subject, ops] => once(workload, subject, ops),
        ["serve", workload, subject] => serve(workload, subject),
        ["instructions", workload, subject] => instructions(workload, subject),
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

fn instructions(workload: &str, subject: &str) -> Result<(), Box<dyn Error>> {
    case(workload, subject)?;
    println!("{}", per_op(&current_exe()?, workload, subject)?);
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
    // Returning would drop the case, which waits for its pools to stop.
    std::process::exit(0)
}
