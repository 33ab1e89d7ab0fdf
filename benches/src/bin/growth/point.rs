//! Measures a program of one size.

use std::time::{Duration, Instant};

use soiree_benches::{Growth, Operation};

/// How long one slice takes. The quickest of them counts: other processes can only slow one down.
const SLICE: Duration = Duration::from_millis(20);
const QUICK_SLICE: Duration = Duration::from_millis(2);
const SLICES: usize = 5;
/// Programs that are made within this time are closed several times.
const QUICKLY_MADE: Duration = Duration::from_millis(100);
const CLOSES: usize = 5;

/// What one of each operation takes, in nanoseconds.
pub(crate) fn measure(growth: &Growth, size: u64, quick: bool) -> Vec<(&'static str, f64)> {
    let slice = if quick { QUICK_SLICE } else { SLICE };
    let started = Instant::now();
    let mut grown = (growth.prepare)(size);
    let took = started.elapsed();
    let operations = grown.operations.iter_mut();
    let mut costs: Vec<(&str, f64)> = operations
        .map(|operation| (operation.name, cost(operation, slice)))
        .collect();
    let mut closed = (grown.close)();
    if took < QUICKLY_MADE {
        for _ in 1..CLOSES {
            closed = closed.min(((growth.prepare)(size).close)());
        }
    }
    if growth.laws.iter().any(|(name, _)| *name == "close") {
        costs.push(("close", closed.as_nanos() as f64));
    }
    costs
}

fn cost(operation: &mut Operation, slice: Duration) -> f64 {
    let mut ops = 1;
    let mut took = (operation.run)(ops);
    while took < slice / 2 {
        ops = (ops * 2).max(ops * (slice.as_nanos() / took.as_nanos().max(1)) as u64 / 2);
        // An operation that was quick for another reason than its cost must not lead to one slice that never ends.
        ops = ops.min(10_000_000);
        took = (operation.run)(ops);
        if ops == 10_000_000 {
            break;
        }
    }
    for _ in 1..SLICES {
        took = took.min((operation.run)(ops));
    }
    took.as_nanos() as f64 / ops as f64
}
