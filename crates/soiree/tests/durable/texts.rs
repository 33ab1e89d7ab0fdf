//! What errors say: what is wrong with which file, listener or event, and what to do.

use std::fmt::Display;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use soiree::sqlite::rusqlite::Connection;
use soiree::store::Position;
use soiree::{
    BaseEvent, Event, ListenerOptions, Orphans, Outbox, SqliteOutbox as _, SqliteStore,
    SubscribeError,
};

use crate::support::{NUMBERED, TIME_LIMIT, builder, event_pool, numbered, outbox, read_tables};

#[track_caller]
fn says(error: &dyn Display, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

fn listener(_: &dyn Event) {}

fn subscribe(
    outbox: &Outbox,
    pattern: &str,
    options: ListenerOptions,
) -> Result<(), SubscribeError> {
    outbox.on_with(pattern, options, listener).map(drop)
}

/// D12, D16, D17: a store that cannot be opened names its file and says what to do.
#[test]
fn errors_of_a_file_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let path = file.display().to_string();
    let open = || builder(&file).build(event_pool()).map(drop).unwrap_err();

    let missing = folder.path().join("missing").join("events.db");
    let error = builder(&missing).build(event_pool()).map(drop);
    let missing = missing.parent().unwrap().display().to_string();
    says(&error.unwrap_err(), &[&missing, "create it first"]);

    fs::write(&file, "This is no database. ".repeat(60)).unwrap();
    says(&open(), &[&path, "a file of another kind"]);
    fs::remove_file(&file).unwrap();

    outbox(&file).close().unwrap();
    // As in a directory that cannot be written: root may write any.
    let log = folder.path().join("events.db-wal");
    fs::create_dir(&log).unwrap();
    says(&open(), &[&path, "must be able to write", "its directory"]);
    fs::remove_dir(&log).unwrap();

    let other = Connection::open(&file).unwrap();
    other
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE a(b); COMMIT",
        )
        .unwrap();
    let store = SqliteStore::at(&file).busy_timeout(Duration::ZERO);
    let locked = Outbox::builder(store).json(NUMBERED).build(event_pool());
    let parts = [
        &*path,
        "another connection",
        "raise SqliteStore::busy_timeout",
    ];
    says(&locked.map(drop).unwrap_err(), &parts);
    drop(other);

    let none = Outbox::builder(SqliteStore::at(&file)).build(event_pool());
    says(
        &none.map(drop).unwrap_err(),
        &["declare durable topics with `json` or `codec`"],
    );
}

/// D3, D15: a listener that cannot be subscribed, or that nobody subscribes, is named, and what to do.
#[test]
fn errors_of_listeners_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let first = outbox(&file);
    let mail = || ListenerOptions::new().durable("mail");
    subscribe(&first, "numbered", mail()).unwrap();
    let refused = |pattern, options| subscribe(&first, pattern, options).unwrap_err();
    let error = refused("numbered", mail());
    says(&error, &["\"mail\"", "give each one a name of its own"]);
    let other = || ListenerOptions::new().durable("other");
    let error = refused("numbered", other().once());
    says(&error, &["\"other\"", "remove `once`"]);
    let error = refused("lettered", other());
    says(
        &error,
        &["\"other\"", "lettered", "declare one with a codec"],
    );
    let in_tx = |_: &dyn Event, _: &soiree::sqlite::rusqlite::Transaction<'_>| Ok::<(), String>(());
    let nameless = first.on_tx_with("numbered", ListenerOptions::new(), in_tx);
    let parts = [
        "on numbered has none",
        "name it with ListenerOptions::durable",
    ];
    says(&nameless.unwrap_err(), &parts);
    let plain = event_pool().on_with("numbered", other(), listener);
    says(
        &plain.unwrap_err(),
        &["\"other\"", "subscribe it through an outbox"],
    );
    first.close().unwrap();

    let rejecting = builder(&file).orphans(Orphans::Reject);
    let rejecting = rejecting.build(event_pool()).unwrap();
    let error = rejecting.start().unwrap_err();
    says(
        &error,
        &[&file.display().to_string(), "mail", "rename or remove them"],
    );
    rejecting.close().unwrap();
}

/// D2, D8, D12: an event that is not stored is named by its topic, and a dead one says which listener failed and how.
#[test]
fn errors_of_events_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let outbox = builder(&file).max_payload(30).max_events(2);
    let outbox = outbox.build(event_pool()).unwrap();
    let fails = |_: &dyn Event| Err::<(), _>("no connection");
    let mail = ListenerOptions::new().durable("mail");
    outbox.on_with("numbered", mail, fails).unwrap();
    outbox.start().unwrap();

    let error = NUMBERED.emit(&outbox, numbered(u64::MAX)).unwrap_err();
    says(
        &error,
        &["numbered was not stored", "at most 30", "raise max_payload"],
    );
    let other: Arc<dyn Event> = Arc::new(BaseEvent::new("other", 1));
    let error = outbox.emit_all([other]).unwrap_err();
    says(
        &error,
        &["other was not stored", "declare it with `json` or `codec`"],
    );

    for number in 1..=2 {
        NUMBERED.emit(&outbox, numbered(number)).unwrap();
    }
    let error = NUMBERED.emit(&outbox, numbered(3)).unwrap_err();
    says(
        &error,
        &["numbered was not stored", "2 events", "raise max_events"],
    );
    outbox.drain(TIME_LIMIT).unwrap();
    read_tables(&file)
        .execute_batch("UPDATE soiree_event SET payload = x'00' WHERE seq = 2")
        .unwrap();
    outbox.redrive_all("mail", |_| true).unwrap();
    outbox.drain(TIME_LIMIT).unwrap();
    let dead = outbox.dead_letters("mail", Position::START, 9).unwrap();
    let dead: Vec<_> = dead
        .into_iter()
        .filter_map(|dead| dead.parked.error)
        .collect();
    says(&dead[0], &["mail", "no connection"]);
    says(&dead[1], &["the stored event is damaged", "checksum"]);
    outbox.close().unwrap();
}
