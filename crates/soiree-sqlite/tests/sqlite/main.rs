//! What an SQLite store promises.

mod claims;
mod log;
mod marks;
mod support;
