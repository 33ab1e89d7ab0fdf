//! Durable events in an SQLite file.
//!
//! [`SqliteStore`] keeps a log of events and the progress of durable listeners, for `soiree-outbox`. Nothing must be installed: SQLite is
//! part of the program.
//!
//! A commit is on the disk when it returns, as long as the disk does what it says. The store rejects what would break that: a version of
//! SQLite with a known fault, a network file system, a connection of the program that commits without waiting for the disk.
//!
#![doc = include_str!("../docs/schema.md")]

mod append;
mod checksum;
mod claims;
mod connection;
mod contract;
mod effect;
mod file;
mod lock_file;
mod log;
mod marks;
mod open;
mod options;
mod parked;
mod problem;
mod rows;
mod schema;
mod sql;
mod statement;
mod store;
mod sweep;
mod transaction;
mod turns;

pub use rusqlite;

pub use crate::effect::Effect;
pub use crate::schema::SCHEMA_VERSION;
pub use crate::statement::{SqlValue, Statement};
pub use crate::store::SqliteStore;
