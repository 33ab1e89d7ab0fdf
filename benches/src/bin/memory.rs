//! Measures retained memory: bytes that were allocated and not freed, without the stacks of threads.

use std::alloc::System;

use soiree_benches::{growths, memory_cases};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// With the index of a case as argument, prints its name, its subject, and the bytes of one value, separated by tabs. With `growth`, a
/// name and a size, prints `memory`, and what a program of that size retains. Without an argument, prints the number of cases.
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["growth", name, size] => print_growth(name, size),
        [number] => print_case(number),
        _ => println!("{}", memory_cases().len()),
    }
    // Not dropped: some jobs never end, and dropping could wait for them.
    std::process::exit(0);
}

fn print_growth(name: &str, size: &str) {
    let growths = growths();
    let growth = growths.iter().find(|growth| growth.name == name);
    let growth = growth.expect("the name is that of a growth");
    let size = size.parse().expect("the size is a number");
    let before = allocated();
    let grown = (growth.prepare)(size);
    println!("memory\t{}", allocated() - before);
    std::mem::forget(grown);
}

fn print_case(number: &str) {
    let cases = memory_cases();
    let case = number.parse::<usize>().ok();
    let case = case.and_then(|number| cases.get(number));
    let case = case.expect("the argument is the index of a case");
    let [without, with] = [false, true].map(|full| {
        let before = allocated();
        let retained = (case.allocate)(full);
        let after = allocated();
        std::mem::forget(retained);
        after - before
    });
    let each = (with - without) as f64 / case.count as f64;
    println!("{}\t{}\t{each:.1}", case.name, case.subject);
}

fn allocated() -> i64 {
    let stats = COUNTED.stats();
    // These include what reallocations added or freed.
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}
