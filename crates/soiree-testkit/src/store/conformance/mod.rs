//! The promises of `Store` as test cases that run on any store.
//!
//! [`list`] names all cases. [`suite`] builds a table from that list, and the macro one `#[test]` for each case, which runs
//! the case by its name.

mod cases;
mod content;
mod list;
mod macros;
mod model;
mod operation;
mod promises;
mod suite;
mod tested;

pub use self::content::StoreContent;
pub use self::suite::{StoreCase, StoreConformance};
