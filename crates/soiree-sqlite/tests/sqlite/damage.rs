//! Damaged files.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use soiree_core::store::{
    Claim, Marks, Millis, NewRecord, ParkedState, Position, StartFrom, Store, StoreError,
};
use soiree_sqlite::SqliteStore;

use crate::support::{
    ALL, Folder, append, at, claim, event, mark, parked, positions, read_all, try_mark,
};

const EVENTS: u64 = 40;

fn events() -> Vec<NewRecord> {
    (1..=EVENTS)
        .map(|number| {
            let mut event = event(number);
            // Some do not fit into their page.
            event.payload = vec![number as u8; 100 + 500 * (number as usize % 12)];
            event
        })
        .collect()
}

/// A store with something in each table.
fn filled(folder: &Folder) -> SqliteStore {
    let store = folder.open();
    append(&store, &events());
    for name in ["a", "b"] {
        let (term, _) = claim(&store, name);
        mark(&store, &term, |marks| {
            marks.floor = Some(at(10));
            marks.ended = positions(20..30);
            marks.parked = (5..15)
                .map(|number| parked(number, ParkedState::Dead))
                .collect();
        });
    }
    store
}

/// What became of a damaged store.
#[derive(Debug, PartialEq)]
enum Found {
    Nothing,
    Damage,
    Error,
}

/// Opens the store and does everything with it. Nothing may panic, and no event may be another than it was.
fn use_all(file: &Path) -> Found {
    let stored = events();
    let mut found = Found::Nothing;
    let mut check = |error: StoreError| {
        let text = error.to_string();
        assert!(text.contains("events.db"), "{text}");
        assert!(
            matches!(
                error,
                StoreError::Corrupt { .. }
                    | StoreError::Io { .. }
                    | StoreError::NewerSchema { .. }
                    | StoreError::Full { .. }
            ),
            "{error:?}"
        );
        found = Found::Error;
    };
    let store = SqliteStore::at(file).busy_timeout(Duration::ZERO);
    if let Err(error) = store.open() {
        check(error);
        return found;
    }
    let mut records = Vec::new();
    let mut after = Position::START;
    loop {
        let before = records.len();
        match store.read(after, ALL, &mut records) {
            Ok(()) if records.len() == before => break,
            Ok(()) => after = records[records.len() - 1].position,
            Err(error) => {
                check(error);
                break;
            }
        }
    }
    let all: Vec<_> = (1..=EVENTS).map(Position).collect();
    if let Err(error) = store.fetch(&all, &mut records) {
        check(error);
    }
    for event in &stored {
        match store.find(event.id) {
            Ok(record) => records.extend(record),
            Err(error) => check(error),
        }
    }
    store.listeners().map(|_| ()).unwrap_or_else(&mut check);
    store.size().map(|_| ()).unwrap_or_else(&mut check);
    for name in ["a", "b"] {
        for state in [None, Some(ParkedState::Dead)] {
            let page = store.parked(name, state, at(0), 99);
            page.map(|_| ()).unwrap_or_else(&mut check);
        }
        let discarded = store.discard(name, &positions([6]));
        discarded.map(|_| ()).unwrap_or_else(&mut check);
        match store.claim(name, "**", StartFrom::Now) {
            Ok(Claim::Held(term, progress)) => {
                // A log that was cut may end before the floor was raised.
                let is_known = [at(0), at(10)].contains(&progress.floor);
                assert!(progress.is_new || is_known, "{progress:?}");
                let mut marks = Marks::new(term);
                marks.floor = Some(at(12));
                try_mark(&store, marks).unwrap_or_else(&mut check);
            }
            Ok(Claim::Elsewhere) => panic!("nobody else is there"),
            Err(error) => check(error),
        }
    }
    let states = store.states(at(7));
    states.map(|_| ()).unwrap_or_else(&mut check);
    let swept = store.sweep(at(9), Millis(i64::MAX), 3);
    swept.map(|_| ()).unwrap_or_else(&mut check);
    store.close().unwrap_or_else(&mut check);
    for record in records {
        match record.damage {
            None => {
                let event = stored.iter().find(|event| event.id == record.event.id);
                assert_eq!(Some(&record.event), event, "{}", record.position);
            }
            Some(_) if found == Found::Nothing => found = Found::Damage,
            Some(_) => {}
        }
    }
    found
}

/// Damages a copy, and counts what was found.
fn damage(files: &[(&str, Vec<u8>)], what: &str, change: impl FnOnce(&Folder)) -> Found {
    let folder = Folder::new();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    change(&folder);
    let file = folder.file();
    let used = catch_unwind(AssertUnwindSafe(|| use_all(&file)));
    used.unwrap_or_else(|_| panic!("with {what}"))
}

fn flip(path: &Path, offset: usize, bits: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= bits;
    fs::write(path, bytes).unwrap();
}

/// A database without a log.
fn database() -> Vec<(&'static str, Vec<u8>)> {
    let folder = Folder::new();
    filled(&folder).close().unwrap();
    vec![("events.db", fs::read(folder.file()).unwrap())]
}

/// D17: a changed byte in any page is an error, or damage of one event, or changes nothing that is read.
#[test]
fn a_changed_byte_is_never_a_wrong_payload() {
    let files = database();
    let bytes = files[0].1.len();
    let (mut noticed, mut unnoticed) = (0, 0);
    let pages = bytes / 4096;
    assert!(pages > 10, "{pages}");
    // The head of each page, and some bytes behind it.
    let offsets = (0..pages).flat_map(|page| {
        let inside = [
            0, 3, 4, 8, 9, 100, 103, 500, 1_001, 2_002, 3_003, 3_600, 4_000, 4_090,
        ];
        inside.map(|offset| page * 4096 + offset)
    });
    for (number, offset) in offsets.enumerate() {
        let bits = [0x01, 0x80, 0xff][number % 3];
        let found = damage(&files, &format!("byte {offset} ^ {bits}"), |folder| {
            flip(&folder.file(), offset, bits);
        });
        match found {
            Found::Nothing => unnoticed += 1,
            Found::Damage | Found::Error => noticed += 1,
        }
    }
    // The rest are unused bytes of pages.
    assert!(noticed > unnoticed, "{noticed} {unnoticed}");
}

/// D17: each byte of a payload that changes is damage of its event, and of no other.
#[test]
fn a_changed_payload_is_damage_of_its_event() {
    let files = database();
    let payload = [11_u8; 32];
    let offset = files[0].1.windows(32).position(|window| window == payload);
    let offset = offset.unwrap();
    let folder = Folder::new();
    fs::write(folder.file(), &files[0].1).unwrap();
    flip(&folder.file(), offset, 1);
    let read = read_all(&folder.open());
    assert_eq!(read.len() as u64, EVENTS);
    for record in read {
        match &record.damage {
            Some(damage) => {
                assert_eq!(record.position, at(11));
                assert!(damage.contains("checksum"), "{damage}");
            }
            None => assert_ne!(record.position, at(11)),
        }
    }
}

/// D17: a file that was cut is an error, or reads as far as it goes.
#[test]
fn a_cut_file_is_an_error() {
    let files = database();
    for bytes in (512..files[0].1.len()).step_by(512) {
        let found = damage(&files, &format!("{bytes} bytes"), |folder| {
            let file = fs::OpenOptions::new().write(true).open(folder.file());
            file.unwrap().set_len(bytes as u64).unwrap();
        });
        assert_ne!(found, Found::Nothing, "{bytes}");
    }
}

/// D17: a damaged log ends where it is damaged.
#[test]
fn a_damaged_log_is_never_a_wrong_payload() {
    let folder = Folder::new();
    let store = filled(&folder);
    let read = |path: &Path| fs::read(path).unwrap();
    let files = [
        ("events.db", read(&folder.file())),
        ("events.db-wal", read(&folder.log())),
    ];
    drop(store);
    let bytes = files[1].1.len();
    assert!(bytes > 20 * 4_096, "{bytes}");
    for offset in (0..bytes).step_by(1_777) {
        damage(&files, &format!("byte {offset} of the log"), |folder| {
            flip(&folder.log(), offset, 0x10);
        });
    }
    for cut in (512..bytes).step_by(4_096 - 512) {
        damage(&files, &format!("{cut} bytes of the log"), |folder| {
            let file = fs::OpenOptions::new().write(true).open(folder.log());
            file.unwrap().set_len(cut as u64).unwrap();
        });
    }
}

/// D17: rows that somebody has changed are damage that names the column.
#[test]
fn changed_columns_are_damage() {
    let folder = Folder::new();
    let store = filled(&folder);
    let db = folder.connect();
    for (number, (change, what)) in [
        ("topic = 'x'", "checksum"),
        ("topic = x'00'", "topic is no text"),
        ("codec = CAST(x'ff' AS TEXT)", "codec is no UTF-8"),
        ("emitted_at = emitted_at + 1", "checksum"),
        ("emitted_at = 'x'", "emitted_at is no integer"),
        ("crc = crc + 1", "checksum"),
        ("properties = NULL", "checksum"),
        ("properties = '['", "checksum"),
        ("payload = 'text'", "payload is no blob"),
    ]
    .into_iter()
    .enumerate()
    {
        let seq = number as i64 + 1;
        let update = format!("UPDATE soiree_event SET {change} WHERE seq = {seq}");
        db.execute_batch(&update).unwrap();
        let record = &read_all(&store)[number];
        assert_eq!(record.position, at(seq as u64));
        let damage = record.damage.as_deref().unwrap_or_default();
        assert!(damage.contains(what), "{change}: {damage}");
    }
    for (change, what) in [
        ("done SET crc = crc + 1", "mark at 20"),
        ("parked SET due = 5", "parked event at 5"),
        ("parked SET state = 'lost'", "parked event at 5"),
        ("parked SET attempts = -1", "damaged"),
        ("listener SET floor = 3", "listener \"a\""),
    ] {
        db.execute_batch(&format!("BEGIN; UPDATE soiree_{change}; COMMIT"))
            .unwrap();
        let errors = [
            store.parked("a", None, at(0), 99).map(|_| ()),
            store.claim("a", "**", StartFrom::Now).map(|_| ()),
        ];
        let corrupt = errors.into_iter().find_map(Result::err);
        let Some(StoreError::Corrupt { place, .. }) = &corrupt else {
            panic!("{change}: {corrupt:?}");
        };
        let text = corrupt.as_ref().unwrap().to_string();
        assert!(text.contains(what), "{change}: {place}");
    }
}
