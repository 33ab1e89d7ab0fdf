//! Random histories of an outbox, compared with a naive map of what must have become of each event for each listener.
//!
//! After each step the outbox comes to rest, and its calls, its tables and its figures are exactly those of the map. After a kill, the map
//! goes on from what the store has, which must be explained by the calls before.

mod adopt;
mod compare;
mod emits;
mod oracle;
mod script;
mod step;
mod steps;
mod world;

use std::env;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use soiree::store::Store;

use self::world::World;

/// Where events are kept while processes come and go.
pub(crate) trait Medium: Sized {
    type Store: Store;

    fn create() -> Self;

    /// A store of a process that has just started.
    fn process(&self) -> Self::Store;

    /// Ends the process of this store. Nothing calls it any more.
    fn kill(store: &Self::Store);
}

/// Runs as many random histories, or as many as `SOIREE_OUTBOX_HISTORIES` says.
pub(crate) fn run_histories<M: Medium>(cases: u32) {
    let cases = env::var("SOIREE_OUTBOX_HISTORIES").map_or(cases, |set| {
        set.parse().expect("SOIREE_OUTBOX_HISTORIES is a number")
    });
    let config = Config {
        cases,
        failure_persistence: None,
        // A history that fails may wait each time until it gives up.
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let seed = env::var("SOIREE_OUTBOX_SEED").map_or_else(
        |_| fastrand::u64(..),
        |set| set.parse().expect("SOIREE_OUTBOX_SEED is a number"),
    );
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let history = runner.run(&step::history(), |(open, steps)| {
        let mut world = World::<M>::new(&open);
        for step in &steps {
            world.step(step);
        }
        world.finish();
        Ok(())
    });
    if let Err(failure) = history {
        panic!("SOIREE_OUTBOX_SEED={seed}: {failure}");
    }
}
