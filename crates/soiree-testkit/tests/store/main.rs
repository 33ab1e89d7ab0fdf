//! Stores for tests do what their tests rely on.

mod broken;
mod caught;
mod failing;
mod faulty;
mod memory;
mod support;
mod without;

/// D1, D2, D3, D5, D6, D7, D8, D12, D14, D15, D17, D18
mod a_memory_store_passes {
    use soiree_testkit::{MemoryStore, StoreContent};

    soiree_testkit::store_conformance!(memory, || {
        let store = MemoryStore::new();
        let damaged = store.clone();
        StoreContent::new(move || store.another_process())
            .damage(move |at| assert!(damaged.damage(at)))
            .little_room(|| MemoryStore::new().max_events(101))
    });
}
