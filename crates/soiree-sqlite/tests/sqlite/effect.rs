//! Effects that happen exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use soiree_core::store::{Batch, ListenerState, ParkedState, Position, Store, StoreError, Term};
use soiree_sqlite::rusqlite::{self, Transaction};
use soiree_sqlite::{Effect, SqliteStore};

use crate::support::{
    Folder, append_numbers, at, claim, event, mark, parked, positions, stored_positions,
};

/// A store with events 1 to 5, a listener, and a table of its own.
fn with_ledger(folder: &Folder) -> (SqliteStore, Term) {
    let store = folder.open();
    append_numbers(&store, 1..=5);
    let (term, _) = claim(&store, "ledger");
    folder
        .connect()
        .execute_batch("CREATE TABLE ledger(event INTEGER PRIMARY KEY)")
        .unwrap();
    (store, term)
}

fn book(number: u64) -> impl FnOnce(&Transaction<'_>) -> rusqlite::Result<u64> {
    move |tx| {
        let insert = "INSERT INTO ledger(event) VALUES (?1)";
        tx.execute(insert, [number as i64])?;
        Ok(number)
    }
}

fn booked(folder: &Folder) -> Vec<i64> {
    let db = folder.connect();
    let mut rows = db
        .prepare("SELECT event FROM ledger ORDER BY event")
        .unwrap();
    let booked = rows.query_map((), |row| row.get(0)).unwrap();
    booked.map(Result::unwrap).collect()
}

fn state(store: &SqliteStore, position: Position) -> ListenerState {
    store.states(position).unwrap().remove(0).1
}

/// D11: an effect and its mark are one commit; the second time nothing is run.
#[test]
fn an_effect_happens_once() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    let applied = store.effect(&term, at(3), book(3)).unwrap();
    assert_eq!(applied, Effect::Applied(3));
    assert_eq!(state(&store, at(3)), ListenerState::Ended);
    drop(store);
    let store = folder.open();
    let (term, progress) = claim(&store, "ledger");
    assert_eq!(progress.done, positions([3]));
    let again = store.effect(&term, at(3), |_| -> Result<(), ()> {
        panic!("it ran again")
    });
    assert_eq!(again.unwrap(), Effect::AlreadyDone);
    assert_eq!(booked(&folder), [3]);
}

/// D11: whether an event has ended is known by the floor, the mark and the parked entry.
#[test]
fn an_effect_ends_what_is_parked() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    mark(&store, &term, |marks| {
        marks.floor = Some(at(2));
        marks.parked = vec![
            parked(2, ParkedState::Retry),
            parked(4, ParkedState::Running),
        ];
    });
    let effect = |number| store.effect(&term, at(number), book(number)).unwrap();
    assert_eq!(effect(1), Effect::AlreadyDone);
    assert_eq!(effect(2), Effect::Applied(2));
    assert_eq!(effect(2), Effect::AlreadyDone);
    assert_eq!(effect(4), Effect::Applied(4));
    assert_eq!(effect(4), Effect::AlreadyDone);
    assert_eq!(store.parked("ledger", None, at(0), 9).unwrap(), []);
    assert_eq!(claim(&store, "ledger").1.done, positions([4]));
    assert_eq!(booked(&folder), [2, 4]);
}

/// D11: an attempt that was given up may still commit. That the event is parked for another one comes too late then.
#[test]
fn an_event_that_an_effect_has_ended_is_not_parked_again() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    for number in [1, 3] {
        let effect = store.effect(&term, at(number), book(number)).unwrap();
        assert_eq!(effect, Effect::Applied(number));
    }
    mark(&store, &term, |marks| {
        marks.floor = Some(at(1));
        marks.parked = vec![
            parked(1, ParkedState::Retry),
            parked(2, ParkedState::Retry),
            parked(3, ParkedState::Dead),
        ];
    });
    mark(&store, &term, |marks| {
        marks.parked = vec![parked(1, ParkedState::Dead)];
    });
    let left = store.parked("ledger", None, at(0), 9).unwrap();
    assert_eq!(left, [parked(2, ParkedState::Retry)]);
    for number in [1, 3] {
        let again = store.effect(&term, at(number), book(number)).unwrap();
        assert_eq!(again, Effect::AlreadyDone);
    }
    assert_eq!(booked(&folder), [1, 3]);
}

/// D12: an effect must not append. If it does, that is an error, and neither waits for the other for ever.
#[test]
fn an_append_inside_an_effect_is_an_error() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    drop(store);
    let store = SqliteStore::at(folder.file()).busy_timeout(Duration::from_millis(10));
    store.open().unwrap();
    let (term, _) = claim(&store, &term.listener);
    let effect = store.effect(&term, at(1), |_| {
        let appends = [event(9)];
        let batch = Batch {
            appends: &appends,
            marks: &[],
        };
        store.commit(&batch).map(|_| ())
    });
    assert!(
        matches!(effect, Ok(Effect::Failed(StoreError::Busy { .. }))),
        "{effect:?}"
    );
    append_numbers(&store, 9..=9);
}

/// D11: an error or a panic takes everything back, and the event has not ended.
#[test]
fn an_effect_that_fails_changes_nothing() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    mark(&store, &term, |marks| {
        marks.parked = vec![parked(1, ParkedState::Running)];
    });
    let failed = store.effect(&term, at(1), |tx| {
        book(1)(tx).unwrap();
        Err::<(), _>("no")
    });
    assert_eq!(failed.unwrap(), Effect::Failed("no"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.effect(&term, at(1), |tx| -> Result<(), ()> {
            book(1)(tx).unwrap();
            panic!("in the effect")
        })
    }));
    assert!(panicked.is_err());
    assert!(booked(&folder).is_empty());
    let is_parked = ListenerState::Parked(parked(1, ParkedState::Running));
    assert_eq!(state(&store, at(1)), is_parked);
    append_numbers(&store, [6]);
    assert_eq!(
        store.effect(&term, at(1), book(1)).unwrap(),
        Effect::Applied(1)
    );
}

/// D8, D11: a constraint that is checked at the commit takes the effect back, and nothing else: the store is as good as before.
#[test]
fn an_effect_that_breaks_a_constraint_at_its_commit_changes_nothing() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    let references =
        "CREATE TABLE line(event INTEGER REFERENCES ledger DEFERRABLE INITIALLY DEFERRED)";
    folder.connect().execute_batch(references).unwrap();
    let line = |tx: &Transaction<'_>| tx.execute("INSERT INTO line VALUES (7)", ());
    let error = store.effect(&term, at(1), line).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
    assert_eq!(state(&store, at(1)), ListenerState::Waiting);
    append_numbers(&store, [6]);
    let applied = store.effect(&term, at(1), book(1)).unwrap();
    assert_eq!(applied, Effect::Applied(1));
}

/// D4: an overtaken owner has no effect.
#[test]
fn an_overtaken_owner_has_no_effect() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    claim(&store, "ledger");
    let error = store.effect(&term, at(1), book(1)).unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    assert!(booked(&folder).is_empty());
}

/// D11: an effect that ends its transaction itself is reported: it was committed without its mark.
#[test]
fn an_effect_that_commits_itself_is_an_error() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    let error = store
        .effect(&term, at(1), |tx| tx.execute_batch("COMMIT"))
        .unwrap_err();
    assert!(
        error.to_string().contains("has ended its transaction"),
        "{error}"
    );
    assert_eq!(state(&store, at(1)), ListenerState::Waiting);
    assert_eq!(
        store.effect(&term, at(1), book(1)).unwrap(),
        Effect::Applied(1)
    );
}

/// D11: effects and appends of several threads wait for one another, and all are committed.
#[test]
fn effects_and_appends_wait_for_one_another() {
    let folder = Folder::new();
    let (store, term) = with_ledger(&folder);
    append_numbers(&store, 6..=60);
    let (store, term) = (&store, &term);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                for number in (1..=60).filter(|number| number % 3 == thread) {
                    let applied = store.effect(term, at(number), book(number)).unwrap();
                    assert_eq!(applied, Effect::Applied(number));
                }
            });
        }
        scope.spawn(move || (61..=80).for_each(|number| append_numbers(store, [number])));
    });
    assert_eq!(booked(&folder), (1..=60).collect::<Vec<_>>());
    assert_eq!(stored_positions(store), positions(1..=80));
}
