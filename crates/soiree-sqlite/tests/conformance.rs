//! The promises of every store, kept by this one.

use std::sync::Arc;

use soiree_sqlite::{SqliteStore, rusqlite};
use soiree_testkit::StoreContent;

/// A file in a folder of its own, which is removed with the content.
fn content() -> StoreContent {
    let folder = Arc::new(tempfile::tempdir().expect("there is a folder for temporary files"));
    let path = folder.path().join("events.db");
    let small = folder.path().join("small.db");
    let damaged = path.clone();
    let kept = Arc::clone(&folder);
    let open = move || {
        let _ = &kept;
        SqliteStore::at(&path).shared(true)
    };
    StoreContent::new(open)
        .little_room(move || {
            let _ = &folder;
            SqliteStore::at(&small).max_bytes(1 << 20).shared(true)
        })
        .damage(move |at| {
            let db = rusqlite::Connection::open(&damaged).expect("the file can be opened");
            let changed = db.execute(
                "UPDATE soiree_event SET payload = x'00' || substr(payload, 2) WHERE seq = ?1",
                [i64::try_from(at.0).expect("the position is small")],
            );
            assert_eq!(changed.expect("the row can be changed"), 1);
        })
}

soiree_testkit::store_conformance!(sqlite, content);
