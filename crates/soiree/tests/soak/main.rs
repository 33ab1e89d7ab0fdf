//! Everything of an `EventPool` at once, from many threads: rounds of random operations, after which every figure has to add up.
//!
//! `cargo xtask soak events` runs it for longer.

mod changer;
mod check;
mod client;
mod ledger;
mod listeners;
mod options;
mod pools;
mod readers;
mod round;
mod values;
mod watchdog;

use std::alloc::System;
use std::time::Instant;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use self::options::Options;
use self::round::Round;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Rounds in which tables of the process grow to their size.
const WARM_UP: u64 = 10;
/// What those tables may grow by afterwards, if more threads meet than before.
const SLACK: isize = 256 << 10;

/// The bytes that are allocated now.
fn allocated() -> isize {
    let stats = COUNTED.stats();
    // Both include what was reallocated.
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// E1, E2, E4, E5, E6, E7, E8, L3, L4, L5, L8, L10, P1, A1, A4, W5: whatever comes and goes, each accepted emission has one report, all
/// sums are exact, and no memory and no thread is left.
#[test]
fn everything_at_once_adds_up() {
    let options = Options::from_environment();
    println!("soak: {options}");
    let (begin, mut number) = (Instant::now(), options.round);
    let mut emissions = 0;
    let mut baseline = None;
    while begin.elapsed() < options.duration {
        let report = Round::new(&options, number).run();
        emissions += report.unwrap_or_else(|failure| {
            panic!("seed {}, round {number}: {failure}", options.seed);
        });
        number += 1;
        if number - options.round == WARM_UP {
            baseline = Some(allocated());
        }
    }
    let rounds = number - options.round;
    let grown = baseline.map_or(0, |baseline| allocated() - baseline);
    println!(
        "soak: {rounds} rounds, {emissions} emissions, {grown} bytes more than after {WARM_UP} rounds"
    );
    assert!(
        grown <= SLACK,
        "seed {}: {grown} bytes were left by {rounds} rounds",
        options.seed
    );
}
