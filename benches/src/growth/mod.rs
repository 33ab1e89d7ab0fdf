//! How costs grow with the size of a program.

mod event_pool;
mod grown;
mod settings;
mod subscriptions;
mod threads;

pub use self::grown::{Grown, Growth, Law, Operation};

/// All ways in which a program can grow that are measured.
pub fn growths() -> Vec<Growth> {
    vec![
        subscriptions::LISTENERS,
        subscriptions::PATTERNS,
        subscriptions::TOPICS,
        threads::RESTING,
        threads::EMITTING,
        settings::KEYS,
        settings::BULKHEADS,
        settings::ROUTES,
    ]
}
