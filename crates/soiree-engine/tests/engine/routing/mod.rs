//! Routes from topics to bulkheads.

mod changes;
mod full_bulkhead;
mod routes;
