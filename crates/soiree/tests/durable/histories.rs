use soiree::SqliteStore;
use soiree::store::Store;
use tempfile::TempDir;

use super::machine::{Medium, run_histories};

struct OnDisk(TempDir);

impl Medium for OnDisk {
    type Store = SqliteStore;

    fn create() -> Self {
        // In memory where that is possible: nothing here depends on the disk, and it is several times as fast.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self(folder.unwrap())
    }

    fn process(&self) -> SqliteStore {
        SqliteStore::at(self.0.path().join("events.db"))
    }

    /// Frees the locks, as the end of a process does. It marks nothing.
    fn kill(store: &SqliteStore) {
        store.close().unwrap();
    }
}

/// D1, D2, D3, D4, D5, D6, D7, D8, D9, D13, D15, D18, D19: over random emits, failures, kills, closes, clocks and repairs, each event
/// comes to the end for each listener that it must come to, and so it is in the file.
#[test]
fn random_histories_end_as_a_naive_map_says() {
    run_histories::<OnDisk>(24);
}
