//! Stores for tests, and the promises of a `Store` as test cases.

mod conformance;
mod content;
mod fault;
mod faulty;
mod memory;
mod plan;
mod progress;

pub use self::conformance::{StoreCase, StoreConformance, StoreContent};
pub use self::fault::{StoreFault, StoreMethod};
pub use self::faulty::FaultyStore;
pub use self::memory::MemoryStore;
pub use self::plan::StoreGate;
