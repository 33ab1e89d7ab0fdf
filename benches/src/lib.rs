//! Benchmarks of soiree, versus other crates that do the same work.
//!
//! A [`Case`] is one workload, run by one subject: soiree, another crate, or a minimal implementation. Four programs use the
//! cases:
//!
//! - `subject` runs one case.
//! - `bench-report` runs all cases in alternation and writes `BENCHMARKS.md`.
//! - The criterion benchmarks in `benches/` measure a few cases more closely.
//! - `memory` measures how much memory listeners, jobs and pools retain; see [`MemoryCase`].

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
