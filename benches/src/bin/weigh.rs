//! Weighs what stays in memory: bytes that were asked for and not given back, without the stacks of threads.

use std::alloc::System;

use soiree_benches::weights::weights;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Given a number, prints one line: what is weighed, whose it is, and the bytes of one. Without, how many numbers there are.
fn main() {
    let weights = weights();
    let asked = std::env::args().nth(1);
    let Some(weight) = asked.and_then(|number| weights.get(number.parse::<usize>().ok()?)) else {
        println!("{}", weights.len());
        return;
    };
    let [without, with] = [false, true].map(|full| {
        let before = held();
        let holding = (weight.hold)(full);
        let after = held();
        // Some of it waits for ever.
        std::mem::forget(holding);
        after - before
    });
    let each = (with - without) as f64 / weight.count as f64;
    println!("{}\t{}\t{each:.1}", weight.what, weight.contender);
    std::process::exit(0);
}

fn held() -> i64 {
    let stats = COUNTED.stats();
    // What a reallocation changed is counted there as well.
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}
