//! The promises L1 to L9 and E1 to E6, and that the faults of older designs are absent.

mod bulkheads;
mod closing;
mod closing_here;
mod common;
mod delivery;
mod elsewhere;
mod emissions;
mod faults;
mod handing_over;
mod introspection;
mod key_order;
mod listeners;
mod moving;
mod observed;
mod observed_figures;
mod observers;
mod odd_pools;
mod options;
mod original;
mod registered;
mod retries;
mod slow;
mod subscriptions;
mod timeouts;
mod timeouts_elsewhere;
