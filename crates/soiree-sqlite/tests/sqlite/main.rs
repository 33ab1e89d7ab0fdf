//! What an SQLite store promises.

mod bad_files;
mod claims;
mod damage;
mod effect;
mod facts;
mod faults;
mod full;
mod log;
mod marks;
mod processes;
mod support;
mod transaction;
