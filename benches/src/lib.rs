//! What soiree costs, beside others that do the same work.
//!
//! A [`Case`] is one workload done by one contender. The `contender` program runs one; `bench-report` runs them alternately and
//! writes `BENCHMARKS.md`; the criterion benchmarks under `benches/` are for a closer look at one; `weigh` weighs what stays in
//! memory. All of them take the work from here.

mod case;
mod catalog;
mod churn;
mod dispatch;
mod emit;
mod emit_loop;
mod jobs;
mod listening;
mod matchers;
mod matching;
mod meter;
mod pools;
mod port;
pub mod weights;
mod wildcard;

pub use self::case::Case;
pub use self::catalog::{cases, find};
pub use self::meter::{Bench, Sample, process_cpu};
