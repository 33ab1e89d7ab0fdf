//! Stores for tests, and the promises of a `Store` as test cases.

mod content;
mod memory;
mod progress;

pub use self::memory::MemoryStore;
