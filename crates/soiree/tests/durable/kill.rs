//! SIGKILL at random moments, again and again, on one file.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use soiree::sqlite::rusqlite;
use soiree::{Event, KeyOrder, ListenerOptions, Outbox, Retry, SqliteOutbox as _};

use crate::child::{Process, say};
use crate::support::{
    NUMBERED, Numbered, TIME_LIMIT, append_line, builder, event_pool, info, lines, read_tables,
    tables,
};

const IN_FLIGHT: usize = 8;
const EMITTERS: u64 = 4;
const KEYS_PER_EMITTER: u64 = 2;
/// The numbers of a round begin at its number times this.
const PER_ROUND: u64 = 1_000_000;
/// The round that emits nothing, handles what is left, and closes.
const LAST: u64 = u64::MAX;

const LISTENERS: [&str; 3] = ["flaky", "ordered", "tx"];

pub(crate) fn child(folder: &Path, round: u64) {
    let file = folder.join("events.db");
    let outbox = builder(&file)
        .in_flight(IN_FLIGHT)
        .build(event_pool())
        .unwrap();
    subscribe(&outbox, folder);
    assert_eq!(outbox.start().unwrap().orphans, [""; 0]);
    if round == LAST {
        return finish(&outbox);
    }
    let outbox = Arc::new(outbox);
    let emitters: Vec<_> = (0..EMITTERS)
        .map(|emitter| {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || emit(&outbox, round, emitter))
        })
        .collect();
    for emitter in emitters {
        emitter.join().unwrap();
    }
}

fn emit(outbox: &Outbox, round: u64, emitter: u64) {
    for step in 0..PER_ROUND / EMITTERS {
        let number = round * PER_ROUND + step * EMITTERS + emitter;
        let key = emitter * KEYS_PER_EMITTER + step % KEYS_PER_EMITTER;
        outbox.emit("numbered", Numbered { number, key }).unwrap();
        say(&format!("ok {number}"));
    }
}

fn subscribe(outbox: &Outbox, folder: &Path) {
    let flaky = ListenerOptions::new()
        .durable("flaky")
        .retry(Retry::fixed(Duration::from_millis(3), 20));
    let log = folder.join("flaky");
    let listener = move |payload: &Numbered, event: &dyn Event| {
        if payload.number % 3 == 0 && event.attempt() < 3 {
            return Err("it fails twice");
        }
        append_line(&log, &format!("{} {}", payload.number, payload.key));
        Ok(())
    };
    NUMBERED.on_with(outbox, flaky, listener).unwrap();

    let order = KeyOrder::by(|event| event.payload_as::<Numbered>().map(|payload| payload.key));
    let ordered = ListenerOptions::new()
        .durable("ordered")
        .ordered(order)
        .retry(Retry::fixed(Duration::from_millis(3), 20));
    let log = folder.join("ordered");
    let listener = move |payload: &Numbered, event: &dyn Event| {
        if payload.number % 7 == 0 && event.attempt() < 2 {
            return Err("it fails once");
        }
        append_line(&log, &format!("{} {}", payload.number, payload.key));
        Ok(())
    };
    NUMBERED.on_with(outbox, ordered, listener).unwrap();

    let log = folder.join("tx");
    let write = move |event: &dyn Event, tx: &rusqlite::Transaction<'_>| {
        let payload = event.with_payload(Numbered::clone).expect("a number");
        append_line(&log, &format!("{} {}", payload.number, payload.key));
        tx.execute_batch("CREATE TABLE IF NOT EXISTS effect(number INTEGER)")?;
        tx.execute("INSERT INTO effect VALUES (?1)", [payload.number as i64])?;
        Ok::<(), rusqlite::Error>(())
    };
    let tx = ListenerOptions::new()
        .durable("tx")
        .retry(Retry::fixed(Duration::from_millis(3), 20));
    outbox.on_tx_with("numbered", tx, write).unwrap();
}

fn finish(outbox: &Outbox) {
    // What the start has found to have ended the process three times is dead in the store then.
    drain(outbox);
    let mut redriven = BTreeMap::new();
    for name in LISTENERS {
        // Killed three times at the very event: what D9 asks for.
        let ended_the_process = |dead: &soiree::DeadEvent| {
            let error = dead.parked.error.as_deref().unwrap_or_default();
            assert!(error.contains("ended the process"), "{name}: {error}");
            let payload: Numbered = serde_json::from_slice(&dead.record.event.payload).unwrap();
            say(&format!("redriven {name} {}", payload.number));
            true
        };
        let events = outbox.redrive_all(name, ended_the_process).unwrap();
        redriven.insert(name, events);
    }
    drain(outbox);
    drain(outbox);
    for (name, redriven) in redriven {
        let info = info(outbox, name);
        let waits = info.waiting as usize + info.in_flight + info.retrying;
        assert_eq!(waits + info.behind + info.suspects, 0, "{info:?}");
        let (ended, dead) = (info.done + info.skipped, info.dead_letters);
        say(&format!("figures {name} {ended} {dead} {redriven}"));
    }
    outbox.close().unwrap();
    say("closed");
}

/// Many kills leave much, and a disk may be slow: as long as something ends, it goes on.
fn drain(outbox: &Outbox) {
    let left = || {
        LISTENERS.map(|name| {
            let info = info(outbox, name);
            let parked = [info.retrying, info.behind, info.suspects];
            (info.waiting, info.in_flight, parked)
        })
    };
    let (mut last, mut since) = (left(), Instant::now());
    while outbox.drain(Duration::from_secs(1)).is_err() {
        let now = left();
        say(&format!("left {now:?}"));
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < TIME_LIMIT, "nothing ends: {now:?}");
    }
}

/// Every line of a listener: its number and key, and after how many kills it was written.
struct Log {
    name: &'static str,
    entries: Vec<(u64, u64, usize)>,
}

impl Log {
    fn read(folder: &Path, name: &'static str, ends: &[usize]) -> Self {
        let read = |(index, line): (usize, String)| {
            let (number, key) = line.split_once(' ').unwrap();
            let run = ends.iter().filter(|end| **end <= index).count();
            (number.parse().unwrap(), key.parse().unwrap(), run)
        };
        let lines = lines(&folder.join(name)).into_iter().enumerate();
        let entries = lines.map(read).collect();
        Self { name, entries }
    }

    fn numbers(&self) -> BTreeSet<u64> {
        self.entries.iter().map(|(number, ..)| *number).collect()
    }

    /// How many events were handled again, by run. Within a run none is.
    fn repeats(&self) -> Vec<usize> {
        let runs = self.entries.iter().map(|(.., run)| run + 1).max();
        let mut repeats = vec![0; runs.unwrap_or_default()];
        let (mut seen, mut in_run) = (HashSet::new(), HashSet::new());
        for (number, _, run) in &self.entries {
            let is_new = in_run.insert((*number, *run));
            assert!(is_new, "{} handles {number} twice in run {run}", self.name);
            repeats[*run] += usize::from(!seen.insert(*number));
        }
        repeats
    }

    /// The numbers of each key ascend: within each run, and those that were handled for the first time over all of them.
    /// A dead letter has lost its place.
    fn check_order(&self, redriven: &BTreeSet<u64>) {
        let (mut in_run, mut first) = (BTreeMap::new(), BTreeMap::new());
        let mut seen = HashSet::new();
        let entries = self.entries.iter();
        for (number, key, run) in entries.filter(|(number, ..)| !redriven.contains(number)) {
            let before = in_run.insert((*key, *run), *number);
            assert!(
                before < Some(*number),
                "key {key}, run {run}: {number} after {before:?}"
            );
            if seen.insert(*number) {
                let before = first.insert(*key, *number);
                assert!(
                    before < Some(*number),
                    "key {key}: {number} after {before:?}"
                );
            }
        }
    }
}

fn rounds() -> usize {
    let rounds = std::env::var("SOIREE_KILL_ROUNDS");
    rounds.map_or(10, |rounds| rounds.parse().expect("a number of rounds"))
}

/// D1, D3, D4, D5, D11, D19: a process that is killed at random moments loses no event that it accepted, and repeats only what was in flight.
#[test]
fn kills_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut accepted = BTreeSet::new();
    let mut ends: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut take = |line: &str| {
        let number = line.strip_prefix("ok ").unwrap().parse().unwrap();
        assert!(accepted.insert(number));
    };
    let rounds = rounds();
    for round in 0..rounds {
        let mut process = Process::start("kill", folder, &round.to_string());
        for _ in 0..fastrand::u32(1..200) {
            take(&process.next().expect("it emits until it is killed"));
        }
        process.kill();
        while let Some(line) = process.next() {
            take(&line);
        }
        for name in LISTENERS {
            let lines = lines(&folder.join(name)).len();
            ends.entry(name).or_default().push(lines);
        }
    }
    let file = folder.join("events.db");
    let before: BTreeMap<_, _> = LISTENERS.map(|name| (name, tables(&file, name))).into();
    let mut process = Process::start("kill", folder, &LAST.to_string());
    let mut redriven_in_order = BTreeSet::new();
    let mut figures = Vec::new();
    while figures.len() < LISTENERS.len() {
        let said = process.next().expect("it prints figures");
        if said.starts_with("left ") {
            println!("{said}");
            continue;
        }
        match said.strip_prefix("redriven ") {
            Some(said) => redriven_in_order.extend(
                said.strip_prefix("ordered ")
                    .map(|n| n.parse::<u64>().unwrap()),
            ),
            None => figures.push(said),
        }
    }
    assert_eq!(process.next().as_deref(), Some("closed"));
    assert!(process.end().success());
    let mut redriven_of = BTreeMap::new();
    for said in figures {
        let said: Vec<&str> = said.split(' ').collect();
        let [_, name, ended, dead, redriven] = said[..] else {
            panic!("{said:?}");
        };
        let (before, after) = (before[name], tables(&file, name));
        println!("{name}: {before:?}, redriven {redriven}, then ended {ended}, {after:?}");
        assert_eq!(dead, "0", "{name}");
        // Redriven are those that were dead, and those that the last start found to have been killed three times.
        let redriven: i64 = redriven.parse().unwrap();
        assert!(redriven >= before.dead, "{name}");
        redriven_of.insert(name.to_owned(), usize::try_from(redriven).unwrap());
        assert_eq!(ended.parse(), Ok(before.pending + before.dead), "{name}");
    }

    let stored: BTreeSet<u64> = {
        let connection = read_tables(&file);
        let sql = "SELECT json_extract(CAST(payload AS TEXT), '$.number') FROM soiree_event";
        let mut statement = connection.prepare(sql).unwrap();
        let numbers = statement.query_map((), |row| row.get::<_, i64>(0)).unwrap();
        numbers.map(|number| number.unwrap() as u64).collect()
    };
    let lost: Vec<_> = accepted.difference(&stored).collect();
    assert!(lost.is_empty(), "accepted, and not in the store: {lost:?}");
    for name in LISTENERS {
        let log = Log::read(folder, name, &ends[name]);
        assert_eq!(log.numbers(), stored, "{name}");
        let after = tables(&file, name);
        assert_eq!((after.pending, after.dead), (0, 0), "{name}");
        assert_eq!(after.floor, after.last, "{name}");
        let repeats: usize = log.repeats().iter().sum();
        println!("{name}: {repeats} repeats after {rounds} kills");
        // For each kill what ran, and what had ended and was not committed yet. It may be repeated many kills later.
        assert!(
            repeats <= 2 * IN_FLIGHT * rounds + redriven_of[name],
            "{name}"
        );
        if name == "ordered" {
            log.check_order(&redriven_in_order);
        }
    }
    let effects: Vec<u64> = {
        let connection = read_tables(&file);
        let mut statement = connection
            .prepare("SELECT number FROM effect ORDER BY number")
            .unwrap();
        let numbers = statement.query_map((), |row| row.get::<_, i64>(0)).unwrap();
        numbers.map(|number| number.unwrap() as u64).collect()
    };
    assert_eq!(effects, stored.iter().copied().collect::<Vec<_>>());
    let (kills, accepted, stored) = (rounds, accepted.len(), stored.len());
    println!("{kills} kills, {accepted} events accepted, {stored} stored, 0 lost");
}
