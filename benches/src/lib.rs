//! What soiree costs, beside others that do the same work.
//!
//! A [`Case`] is one workload done by one contender. The `contender` program runs one; `bench-report` runs them alternately and
//! writes `BENCHMARKS.md`; the criterion benchmarks under `benches/` are for a closer look at one; `weigh` weighs what stays in
//! memory. All of them take the work from here.

mod among;
mod case;
mod churn;
mod dispatch;
mod emit;
mod listening;
mod matchers;
mod meter;
mod pool;
mod port;
mod stars;
pub mod weights;

pub use self::case::{Case, cases, find};
pub use self::meter::{Bench, Sample, process_cpu};
