//! The promises L1 to L7 and E1 to E6, and that the faults of older designs are absent.

mod bulkheads;
mod closing;
mod common;
mod elsewhere;
mod emissions;
mod faults;
mod introspection;
mod listeners;
mod observed;
mod observed_figures;
mod observers;
mod odd_pools;
mod original;
mod registered;
mod retries;
mod subscriptions;
