//! Emissions from their acceptance to their report.

mod emissions;
mod faults;
mod original;
mod payloads;
