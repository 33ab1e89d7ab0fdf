//! Work at a constant rate.

use std::thread;
use std::time::{Duration, Instant};

use crate::result::Result;

/// Does something again and again, so often in a second. Returns for each time how long it took from when it was due, in nanoseconds:
/// what is late because the one before took long counts as long itself.
pub(crate) fn paced(
    times: u64,
    per_second: f64,
    mut act: impl FnMut(u64) -> Result,
) -> Result<Vec<f64>> {
    let start = Instant::now();
    let mut took = Vec::new();
    for number in 0..times {
        let due = start + Duration::from_secs_f64(number as f64 / per_second);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        act(number)?;
        took.push(due.elapsed().as_nanos() as f64);
    }
    Ok(took)
}
