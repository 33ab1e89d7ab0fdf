//! What soiree costs, beside others that do the same work.
//!
//! A [`Case`] is one workload done by one subject. The `subject` program runs one; `bench-report` runs them alternately and
//! writes `BENCHMARKS.md`; the criterion benchmarks under `benches/` are for a closer look at one; `weigh` weighs what stays in
//! memory. All of them take the work from here.

mod case;
mod catalog;
mod dispatch;
mod emit;
mod emit_loop;
mod go_port;
mod jobs;
mod latch;
mod listener;
mod matching;
mod measure;
mod memory;
mod pools;
mod registries;
mod sample;
mod subscribe;
mod wildcard;

pub use self::case::Case;
pub use self::catalog::{cases, find};
pub use self::measure::{Bench, process_cpu};
pub use self::memory::{MemoryCase, Retained, memory_cases};
pub use self::sample::Sample;
