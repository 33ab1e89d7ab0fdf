//! Weighs what stays in memory: bytes that were asked for and not given back, without the stacks of threads.

use std::alloc::System;

use soiree_benches::memory_cases;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Given a number, prints one line: what is weighed, whose it is, and the bytes of one. Without, how many numbers there are.
fn main() {
    let cases = memory_cases();
    let asked = std::env::args().nth(1);
    let Some(case) = asked.and_then(|number| cases.get(number.parse::<usize>().ok()?)) else {
        println!("{}", cases.len());
        return;
    };
    let [without, with] = [false, true].map(|full| {
        let before = allocated();
        let retained = (case.allocate)(full);
        let after = allocated();
        // Some of it waits for ever.
        std::mem::forget(retained);
        after - before
    });
    let each = (with - without) as f64 / case.count as f64;
    println!("{}\t{}\t{each:.1}", case.name, case.subject);
    std::process::exit(0);
}

fn allocated() -> i64 {
    let stats = COUNTED.stats();
    // What a reallocation changed is counted there as well.
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}
