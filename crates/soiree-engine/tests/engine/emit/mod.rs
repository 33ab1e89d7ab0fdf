//! Emissions from their acceptance to their report.

mod acceptance;
mod async_limit;
mod discarded;
mod dropped_values;
mod finished;
mod kept_payload;
mod last_handle;
mod load;
mod report;
mod unhandled;
mod waiting;
