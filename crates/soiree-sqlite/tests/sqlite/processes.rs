//! Several stores and processes on one file.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::Barrier;

use soiree_core::store::{Claim, StartFrom, Store};
use soiree_sqlite::{Effect, SqliteStore};

use crate::support::{
    Folder, append, append_numbers, at, child, claim, event, mark, part_of_child, positions,
    read_all, stored_positions,
};

/// D1, D4, D14: what a killed process has committed is there, its claims are free at once, and its term is over.
#[cfg(unix)]
#[test]
fn a_killed_process_loses_nothing_and_frees_its_claims() {
    const TEST: &str = "processes::a_killed_process_loses_nothing_and_frees_its_claims";
    if let Some((_, file)) = part_of_child() {
        let store = SqliteStore::at(file);
        store.open().unwrap();
        let (term, _) = claim(&store, "a");
        let mut out = std::io::stdout();
        for number in 1.. {
            let position = append(&store, &[event(number)])[0].position();
            mark(&store, &term, |marks| marks.begun = Some(position));
            writeln!(out, "\ncommitted {number}").unwrap();
            out.flush().unwrap();
        }
    }
    let folder = Folder::new();
    let mut child = child(TEST, "append", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let mut committed = lines.by_ref().filter_map(|line| {
        let number: u64 = line.strip_prefix("committed ")?.parse().ok()?;
        Some(number)
    });
    assert_eq!(committed.nth(4), Some(5));
    let store = folder.open();
    let is_elsewhere = store.claim("a", "**", StartFrom::Now).unwrap() == Claim::Elsewhere;
    assert!(is_elsewhere);
    assert_eq!(committed.by_ref().find(|number| *number >= 20), Some(20));
    child.kill().unwrap();
    let last = committed.last().unwrap_or(20);
    child.wait().unwrap();

    let (term, progress) = claim(&store, "a");

    assert_eq!(term.number, 2);
    assert!(!progress.clean);
    let read = read_all(&store);
    let found = read.len() as u64;
    // One more may have been committed than was printed.
    assert!((last..=last + 1).contains(&found), "{last}, {found}");
    assert!(progress.begun >= at(last));
    for (number, record) in (1..).zip(&read) {
        assert_eq!((&record.event, &record.damage), (&event(number), &None));
    }
}

/// D16: stores that make a file at the same time make one store.
#[test]
fn a_file_is_made_once() {
    for _ in 0..10 {
        let folder = Folder::new();
        let barrier = Barrier::new(4);
        let ids: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                barrier.wait();
                let store = SqliteStore::at(folder.file());
                let id = store.open().unwrap().id;
                append_numbers(&store, [1]);
                id
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(read_all(&folder.open()).len(), 1);
    }
}

/// D2: events that several stores append get one position each, and readers see no gap.
#[test]
fn stores_append_to_one_log() {
    let folder = Folder::new();
    let barrier = Barrier::new(3);
    std::thread::scope(|scope| {
        for store in 0..3 {
            let (folder, barrier) = (&folder, &barrier);
            scope.spawn(move || {
                let own = folder.open();
                barrier.wait();
                let mut seen = Vec::new();
                for number in 0..30 {
                    append_numbers(&own, [store * 100 + number]);
                    let now = stored_positions(&own);
                    assert!(now.starts_with(&seen), "{seen:?} {now:?}");
                    seen = now;
                }
            });
        }
    });
    assert_eq!(stored_positions(&folder.open()), positions(1..=90));
}

/// D14: while one store claims, another cannot: of many at once, one succeeds.
#[test]
fn of_many_claims_one_succeeds() {
    let folder = Folder::new();
    let stores: Vec<_> = (0..6).map(|_| folder.open()).collect();
    let barrier = Barrier::new(stores.len());
    let held: usize = std::thread::scope(|scope| {
        let claim = |store: &SqliteStore| {
            barrier.wait();
            let claim = store.claim("a", "**", StartFrom::Now).unwrap();
            usize::from(claim != Claim::Elsewhere)
        };
        let threads: Vec<_> = stores
            .iter()
            .map(|store| scope.spawn(move || claim(store)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(held, 1);
    assert_eq!(folder.open().listeners().unwrap()[0].term, 1);
}

/// D11: an effect is applied once, however often its process is killed.
#[cfg(unix)]
#[test]
fn an_effect_of_killed_processes_is_applied_once() {
    const TEST: &str = "processes::an_effect_of_killed_processes_is_applied_once";
    const EVENTS: u64 = 200;
    if let Some((_, file)) = part_of_child() {
        let store = SqliteStore::at(file);
        store.open().unwrap();
        let (term, progress) = claim(&store, "a");
        let mut out = std::io::stdout();
        // From the start each time, as if no mark were known.
        for number in progress.floor.0 + 1..=EVENTS {
            let effect = store.effect(&term, at(number), |tx| {
                let insert = "INSERT INTO ledger VALUES (?1, NULL)";
                tx.execute(insert, [number as i64])
            });
            if effect.unwrap() == Effect::Applied(1) {
                writeln!(out, "\napplied {number}").unwrap();
                out.flush().unwrap();
            }
        }
        return;
    }
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=EVENTS);
    let table = "CREATE TABLE ledger(event INTEGER, n INTEGER PRIMARY KEY)";
    folder.connect().execute_batch(table).unwrap();
    let mut rounds = 0;
    loop {
        let mut child = child(TEST, "apply", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = lines.map_while(Result::ok);
        let applied = lines
            .filter(|line| line.starts_with("applied "))
            .take(23)
            .count();
        child.kill().unwrap();
        child.wait().unwrap();
        rounds += 1;
        if applied == 0 {
            break;
        }
        assert!(rounds < 50);
    }
    assert!(rounds > 3, "{rounds}");
    let db = folder.connect();
    let (rows, events): (i64, i64) = db
        .query_row(
            "SELECT count(*), count(DISTINCT event) FROM ledger",
            (),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((rows, events), (EVENTS as i64, EVENTS as i64));
}
