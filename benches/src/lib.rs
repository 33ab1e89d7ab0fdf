//! Benchmarks of soiree, versus other crates that do the same work.
//!
//! A [`Case`] is one workload, run by one subject: soiree, another crate, or a minimal implementation. A [`MemoryCase`] is a kind
//! of value, such as a listener or a queued job, whose memory use is measured.
//!
//! - The program `subject` runs one case, and `memory` measures one memory case. `subject-mimalloc` runs one case with the allocator
//!   mimalloc.
//! - `growth` measures how costs grow with the size of a program. Each [`Growth`] is one kind of size.
//! - `durable` measures durable events, which wait for a disk, by workloads of its own.
//! - `bench-report` runs these programs for all cases, and writes `BENCHMARKS.md`.
//! - The criterion benchmarks in `benches/` measure the cases of a few workloads more closely.
//! - `payload-types` is not run: `cargo xtask size` compares its size with one and with thirty payload types.

mod case;
mod catalog;
mod dispatch;
mod emit;
mod emit_async;
mod emit_loop;
mod features;
mod go_port;
mod growth;
mod inbox;
mod instructions;
mod jobs;
mod latch;
mod listener;
mod matching;
mod measure;
mod memory;
mod output;
mod pools;
mod registries;
mod resting_threads;
mod sample;
mod subject;
mod subscribe;
mod wildcard;

pub use self::case::Case;
pub use self::catalog::{cases, find};
pub use self::growth::{Grown, Growth, Law, Operation, growths};
pub use self::measure::{Bench, process_cpu};
pub use self::memory::{MemoryCase, Retained, memory_cases};
pub use self::output::output_lines;
pub use self::sample::Sample;
pub use self::subject::run_subject;
