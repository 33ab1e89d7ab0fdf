//! Measures retained memory: bytes that were allocated and not freed, without the stacks of threads.

use std::alloc::System;

use soiree_benches::memory_cases;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// With the index of a case as argument, prints its name, its subject, and the bytes of one value, separated by tabs. Without an
/// argument, prints the number of cases.
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
        // Not dropped: some of its jobs never end, and dropping could wait for them.
        std::mem::forget(retained);
        after - before
    });
    let each = (with - without) as f64 / case.count as f64;
    println!("{}\t{}\t{each:.1}", case.name, case.subject);
    std::process::exit(0);
}

fn allocated() -> i64 {
    let stats = COUNTED.stats();
    // These include what reallocations added or freed.
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}
