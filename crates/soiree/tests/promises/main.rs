//! The promises L1 to L5 and E1 to E6, and that the faults of older designs are absent.

mod bulkheads;
mod closing;
mod common;
mod emissions;
mod faults;
mod listeners;
mod original;
mod subscriptions;
