//! Events of the log.

use soiree_core::store::{Appended, Batch, Limit, NewRecord, Position, Store, StoreError};
use soiree_core::{EventId, Properties};
use soiree_sqlite::SqliteStore;

use crate::support::{ALL, Folder, append, append_numbers, at, event, positions, read_all};

/// D1: what was committed is read again as it was, also by the next process.
#[test]
fn events_are_read_as_they_were_stored() {
    let folder = Folder::new();
    let mut events: Vec<_> = (1..=5).map(event).collect();
    events[1].payload = Vec::new();
    events[2].topic = "t\0é\"'".into();
    events[2].properties = Properties::new();
    events[3].id = EventId::from(u128::MAX);
    events[4].properties = Properties::new()
        .set("float", f64::NEG_INFINITY)
        .set("text", "\0{}");
    let store = folder.open();
    let appended = append(&store, &events);
    let new: Vec<_> = (1..=5).map(|number| Appended::New(at(number))).collect();
    assert_eq!(appended, new);
    let id = store.open().unwrap().id;
    drop(store);

    let store = SqliteStore::at(folder.file());
    let opened = store.open().unwrap();

    assert_eq!((opened.id, opened.last), (id, at(5)));
    let read = read_all(&store);
    assert!(read.iter().all(|record| record.damage.is_none()));
    let read: Vec<_> = read.into_iter().map(|record| record.event).collect();
    assert_eq!(read, events);
    let found = store.find(EventId::from(u128::MAX)).unwrap().unwrap();
    assert_eq!((found.position, &found.event), (at(4), &events[3]));
    assert_eq!(store.find(EventId::from(99)).unwrap(), None);
}

/// D7: an ID is stored once; something else with the same ID is a conflict.
#[test]
fn an_id_is_stored_once() {
    let folder = Folder::new();
    let store = folder.open();
    let mut late = event(1);
    late.emitted_at.0 += 1;
    late.properties = Properties::new();
    let mut other = event(1);
    other.payload.push(0);
    let batch = [event(1), event(2), event(1), late, other, event(3)];

    let appended = append(&store, &batch);

    assert_eq!(
        appended,
        [
            Appended::New(at(1)),
            Appended::New(at(2)),
            Appended::Duplicate(at(1)),
            Appended::Duplicate(at(1)),
            Appended::Conflict(at(1)),
            Appended::New(at(3)),
        ]
    );
    assert_eq!(read_all(&store).len(), 3);
    for field in ["topic", "codec"] {
        let mut other = event(2);
        match field {
            "topic" => other.topic = "x".into(),
            _ => other.codec = "x".into(),
        }
        assert_eq!(append(&store, &[other]), [Appended::Conflict(at(2))]);
    }
}

/// D7: however many events a commit has, each gets the next position, and a repeat among them that of the first.
#[test]
fn commits_of_any_size_number_their_events_in_order() {
    let folder = Folder::new();
    let store = folder.open();
    let mut last = 0;
    for size in [0, 1, 7, 8, 9, 31, 32, 33, 41, 72, 100] {
        let first = last;
        let mut batch = Vec::new();
        let mut expected = Vec::new();
        for index in 0..size {
            if index % 10 == 6 {
                // One of the five before it.
                let repeated = last - index % 5;
                batch.push(event(repeated));
                expected.push(Appended::Duplicate(at(repeated)));
                continue;
            }
            last += 1;
            batch.push(event(last));
            expected.push(Appended::New(at(last)));
        }
        assert_eq!(append(&store, &batch), expected, "{size}, from {first}");
    }
    let read = read_all(&store);
    let numbers: Vec<u64> = read.iter().map(|record| record.position.0).collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    for record in read {
        assert_eq!(
            (&record.damage, &record.event),
            (&None, &event(record.position.0))
        );
    }
}

/// D1, D12: events of any size are appended in order, also where they are too large to share a statement.
#[test]
fn commits_of_large_events_number_them_in_order() {
    let folder = Folder::new();
    let store = folder.open();
    let sizes = [1 << 19, 1 << 19, 1, 3 << 20, 2 << 20, 1 << 20, 1, 0];
    let sized = |(number, size): (u64, usize)| {
        let mut event = event(number);
        event.payload = vec![7; size];
        event
    };
    let events: Vec<_> = (1..).zip(sizes).map(sized).collect();
    let expected: Vec<_> = (1..=8).map(|number| Appended::New(at(number))).collect();
    assert_eq!(append(&store, &events), expected);
    let read: Vec<_> = read_all(&store).into_iter().map(|r| r.event).collect();
    assert_eq!(read, events);
}

/// D1: an event that a trigger of the program keeps out is an error, and nothing of its commit is stored.
#[test]
fn an_event_that_a_trigger_keeps_out_is_an_error() {
    let folder = Folder::new();
    let store = folder.open();
    let connection = folder.connect();
    let trigger = "CREATE TRIGGER keeps_out BEFORE INSERT ON soiree_event WHEN (SELECT count(*) FROM soiree_event) = 3 \
                   BEGIN SELECT RAISE(IGNORE); END";
    connection.execute_batch(trigger).unwrap();
    let events: Vec<_> = (1..=8).map(event).collect();
    let batch = Batch {
        appends: &events,
        marks: &[],
    };
    let error = store.commit(&batch).unwrap_err();
    assert!(matches!(error, StoreError::Rejected { .. }), "{error}");
    assert!(error.to_string().contains("trigger"), "{error}");
    assert_eq!(read_all(&store).len(), 0);
    assert_eq!(append(&store, &events[..3]).len(), 3);
}

/// D1: what a rule of the program's own keeps out is an error that names the rule, and no repeat of another event.
#[test]
fn an_event_that_a_rule_of_the_program_keeps_out_is_an_error() {
    for (rule, word) in [
        ("CREATE UNIQUE INDEX one ON soiree_event(topic)", "topic"),
        (
            "CREATE TRIGGER one BEFORE INSERT ON soiree_event WHEN (SELECT count(*) FROM soiree_event) = 1 \
             BEGIN SELECT RAISE(ABORT, 'only one'); END",
            "only one",
        ),
    ] {
        let folder = Folder::new();
        let store = folder.open();
        folder.connect().execute_batch(rule).unwrap();
        let mut events = [event(1), event(2)];
        events[1].topic = events[0].topic.clone();
        let batch = Batch {
            appends: &events,
            marks: &[],
        };
        let error = store.commit(&batch).unwrap_err();
        assert!(matches!(error, StoreError::Rejected { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(read_all(&store).len(), 0);
        assert_eq!(append(&store, &events[..1]), [Appended::New(at(1))]);
    }
}

/// D2: a rule of the program may say itself what is to be undone when it does not hold, and takes no event for the repeat of another one.
#[test]
fn a_rule_that_undoes_too_little_or_too_much_leaves_nothing_of_a_commit() {
    for undoes in ["FAIL", "ROLLBACK"] {
        let folder = Folder::new();
        let store = folder.open();
        let connection = folder.connect();
        let rule = format!(
            "CREATE TABLE seen(topic TEXT UNIQUE); CREATE TRIGGER sees AFTER INSERT ON soiree_event \
             BEGIN INSERT OR {undoes} INTO seen VALUES (NEW.topic); END"
        );
        connection.execute_batch(&rule).unwrap();
        let mut events: Vec<_> = (1..=8).map(event).collect();
        events[4].topic = events[1].topic.clone();
        let batch = Batch {
            appends: &events,
            marks: &[],
        };
        let error = store.commit(&batch).unwrap_err();
        assert!(matches!(error, StoreError::Rejected { .. }), "{error}");
        assert!(error.to_string().contains("seen.topic"), "{error}");
        assert_eq!(read_all(&store).len(), 0, "{undoes}");
        events.remove(4);
        let expected: Vec<_> = (1..=7).map(|number| Appended::New(at(number))).collect();
        assert_eq!(append(&store, &events), expected);
    }
}

/// D1: an event is where its emit says that it is, though a trigger of the program appends others between.
#[test]
fn events_that_a_trigger_appends_move_no_other() {
    let folder = Folder::new();
    let store = folder.open();
    let connection = folder.connect();
    let trigger = "CREATE TRIGGER copies AFTER INSERT ON soiree_event WHEN NEW.topic <> 'copy' BEGIN \
                   INSERT INTO soiree_event(id, topic, codec, emitted_at, crc, payload) \
                   VALUES (randomblob(16), 'copy', 'raw', 0, 0, x''); END";
    connection.execute_batch(trigger).unwrap();
    let events: Vec<_> = (1..=41).map(event).collect();
    let appended = append(&store, &events);
    let found = |record: &NewRecord| store.find(record.id).unwrap().unwrap().position;
    let expected: Vec<_> = events.iter().map(|e| Appended::New(found(e))).collect();
    assert_eq!(appended, expected);
    assert_eq!(read_all(&store).len(), 82);

    let trigger = "DROP TRIGGER copies; CREATE TRIGGER removes AFTER INSERT ON soiree_event \
                   BEGIN DELETE FROM soiree_event WHERE seq = NEW.seq; END";
    connection.execute_batch(trigger).unwrap();
    let events = [event(100)];
    let batch = Batch {
        appends: &events,
        marks: &[],
    };
    let error = store.commit(&batch).unwrap_err().to_string();
    assert!(error.contains("removed"), "{error}");
    assert_eq!(read_all(&store).len(), 82);
}

/// D2: a page ends at its limit, and has at least one event.
#[test]
fn a_page_is_limited_by_records_and_bytes() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=6);
    let page = |after, records, bytes| {
        let mut read = Vec::new();
        let limit = Limit { records, bytes };
        store.read(at(after), limit, &mut read).unwrap();
        read.iter()
            .map(|record| record.position.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2, usize::MAX), [1, 2]);
    assert_eq!(page(4, 9, usize::MAX), [5, 6]);
    assert_eq!(page(0, 9, 80), [1, 2]);
    assert_eq!(page(0, 9, 119), [1, 2]);
    assert_eq!(page(3, 9, 0), [4]);
    assert_eq!(page(3, 0, 0), [4]);
    assert!(page(6, 9, 9).is_empty());
    assert!(page(u64::MAX, 9, 9).is_empty());
}

/// D2: single events are read in order, once, and without those that are not there.
#[test]
fn events_are_fetched_by_position() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=6);
    let mut fetched = Vec::new();
    store
        .fetch(&positions([5, 2, 9, 2, u64::MAX]), &mut fetched)
        .unwrap();
    let fetched: Vec<_> = fetched.iter().map(|record| record.position.0).collect();
    assert_eq!(fetched, [2, 5]);
}

/// D12: a payload that is too large is an error with its size, and nothing of the batch is stored.
#[test]
fn too_large_a_payload_is_rejected() {
    let folder = Folder::new();
    let store = SqliteStore::at(folder.file()).max_payload(40);
    store.open().unwrap();
    let mut large = event(2);
    large.payload.push(0);
    let events = [event(1), large];
    let batch = Batch {
        appends: &events,
        marks: &[],
    };

    let error = store.commit(&batch).unwrap_err();

    assert!(matches!(
        error,
        StoreError::TooLarge {
            bytes: 41,
            limit: 40,
            ..
        }
    ));
    assert!(error.to_string().contains("events.db"), "{error}");
    assert_eq!(read_all(&store), []);
}

/// D12: a store that is not open says so, and opens again.
#[test]
fn a_store_that_is_closed_is_not_open() {
    let folder = Folder::new();
    let store = SqliteStore::at(folder.file());
    let is_not_open = |store: &SqliteStore| {
        let batch = Batch {
            appends: &[event(1)],
            marks: &[],
        };
        let mut errors = vec![
            store.commit(&batch).unwrap_err(),
            store.commit(&Batch::default()).unwrap_err(),
            store
                .read(Position::START, ALL, &mut Vec::new())
                .unwrap_err(),
            store.find(EventId::from(1)).unwrap_err(),
            store.listeners().unwrap_err(),
            store.size().unwrap_err(),
        ];
        errors.retain(|error| !matches!(error, StoreError::NotOpen { .. }));
        assert!(errors.is_empty(), "{errors:?}");
    };
    is_not_open(&store);
    store.open().unwrap();
    append_numbers(&store, [1]);
    store.close().unwrap();
    is_not_open(&store);
    assert!(!folder.log().exists());
    store.close().unwrap();
    store.open().unwrap();
    assert_eq!(read_all(&store).len(), 1);
}

/// D13: how much is stored is known.
#[test]
fn the_size_is_that_of_the_files() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=100);
    let size = store.size().unwrap();
    assert_eq!(size.events, 100);
    assert_eq!(size.bytes, folder.file().metadata().unwrap().len());
    assert_eq!(size.wal_bytes, folder.log().metadata().unwrap().len());
    assert!(size.bytes > 0 && size.wal_bytes > 0);
}
