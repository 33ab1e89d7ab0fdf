use soiree_testkit::MemoryStore;

use super::machine::{Medium, run_histories};

struct InMemory(MemoryStore);

impl Medium for InMemory {
    type Store = MemoryStore;

    fn create() -> Self {
        Self(MemoryStore::new())
    }

    fn process(&self) -> MemoryStore {
        self.0.another_process()
    }

    fn kill(store: &MemoryStore) {
        store.crash();
    }
}

/// D1, D2, D3, D4, D5, D6, D7, D8, D9, D13, D15, D18, D19: over random emits, failures, kills, closes, clocks and repairs, each event
/// comes to the end for each listener that it must come to.
#[test]
fn random_histories_end_as_a_naive_map_says() {
    run_histories::<InMemory>(100);
}
