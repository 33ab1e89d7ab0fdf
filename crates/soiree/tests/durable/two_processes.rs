//! Two processes on one file.

use std::path::Path;

use soiree::store::{Claim, StartFrom, Store as _};
use soiree::{ListenerOptions, Outbox, SqliteStore};

use crate::child::{Process, commands, say};
use crate::support::{
    NUMBERED, Numbered, TIME_LIMIT, append_line, counts, event_pool, info, lines, numbered, once,
    tables, wait_until,
};

/// Handles events, and does what it is asked. Each number is written down with the name of the process.
pub(crate) fn child(folder: &Path, name: &str) {
    let store = SqliteStore::at(folder.join("events.db")).shared(true);
    let outbox = Outbox::builder(store)
        .json(NUMBERED)
        .shared(true)
        .build(event_pool())
        .unwrap();
    let (log, prefix) = (folder.join("handled"), String::from(name));
    let listener = move |payload: &Numbered, _: &dyn soiree::Event| {
        append_line(&log, &format!("{prefix} {}", payload.number));
    };
    let options = ListenerOptions::new().durable("one");
    NUMBERED.on_with(&outbox, options, listener).unwrap();
    outbox.start().unwrap();
    for command in commands() {
        match command.split_once(' ') {
            Some(("emit", number)) => {
                let number = number.parse().unwrap();
                outbox.emit("numbered", numbered(number)).unwrap();
                say("stored");
            }
            Some(_) => unreachable!("{command}"),
            None => say(if info(&outbox, "one").is_held {
                "held"
            } else {
                "elsewhere"
            }),
        }
    }
    outbox.close_with_deadline(TIME_LIMIT).unwrap();
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn start(&self, name: &str) -> Process {
        Process::start("shared", self.0.path(), name)
    }

    /// The numbers that a process has handled.
    fn handled_by(&self, name: &str) -> Vec<u64> {
        let lines = lines(&self.0.path().join("handled"));
        let own = lines.iter().filter_map(|line| line.split_once(' '));
        own.filter(|(process, _)| *process == name)
            .map(|(_, number)| number.parse().unwrap())
            .collect()
    }

    /// Waits until everything was handled, and the marks are committed.
    fn wait_until_at_rest(&self, last: i64) {
        wait_until("the marks", || {
            let tables = tables(&self.0.path().join("events.db"), "one");
            tables.last == last && tables.floor == last && tables.pending == 0
        });
    }

    fn is_claimed(&self) -> bool {
        let store = SqliteStore::at(self.0.path().join("events.db"));
        store.open().unwrap();
        let claim = store.claim("one", "numbered", StartFrom::Now).unwrap();
        let is_claimed = matches!(claim, Claim::Elsewhere);
        store.close().unwrap();
        is_claimed
    }
}

fn emit(process: &mut Process, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        assert_eq!(process.ask(&format!("emit {number}")), "stored");
    }
}

fn wait_until_held(process: &mut Process) {
    wait_until("the claim", || process.ask("held") == "held");
}

/// D14: a listener runs in one of two processes; when that one is killed, the other takes over, and nothing is lost or runs twice.
#[test]
fn the_other_process_takes_over_from_one_that_was_killed() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let mut one = folder.start("one");
    wait_until_held(&mut one);
    let mut other = folder.start("other");
    emit(&mut one, 1..=10);
    emit(&mut other, 11..=20);
    folder.wait_until_at_rest(20);
    assert_eq!(other.ask("held"), "elsewhere");
    assert_eq!(counts(folder.handled_by("one")), once(1..=20));

    one.kill();
    emit(&mut other, 21..=30);
    folder.wait_until_at_rest(30);
    assert_eq!(other.ask("held"), "held");
    assert!(other.end().success());
    assert_eq!(counts(folder.handled_by("one")), once(1..=20));
    assert_eq!(counts(folder.handled_by("other")), once(21..=30));
}

/// D14, D18: a process that closes hands its listener over.
#[test]
fn the_other_process_takes_over_from_one_that_closes() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let mut one = folder.start("one");
    wait_until_held(&mut one);
    let mut other = folder.start("other");
    emit(&mut other, 1..=10);
    folder.wait_until_at_rest(10);
    assert!(one.end().success());
    emit(&mut other, 11..=20);
    folder.wait_until_at_rest(20);
    assert_eq!(counts(folder.handled_by("one")), once(1..=10));
    assert_eq!(counts(folder.handled_by("other")), once(11..=20));
    assert!(other.end().success());
}

/// D14: a process that was stopped keeps its listener, and goes on with it when it is continued.
#[cfg(unix)]
#[test]
fn a_stopped_process_keeps_its_listener() {
    use rustix::process::Signal;

    let folder = Folder(tempfile::tempdir().unwrap());
    let mut one = folder.start("one");
    wait_until_held(&mut one);
    emit(&mut one, 1..=10);
    folder.wait_until_at_rest(10);
    let mut other = folder.start("other");

    one.signal(Signal::STOP);
    emit(&mut other, 11..=20);
    assert!(folder.is_claimed());
    assert_eq!(other.ask("held"), "elsewhere");
    assert!(folder.handled_by("other").is_empty());
    one.signal(Signal::CONT);

    folder.wait_until_at_rest(20);
    assert_eq!(other.ask("held"), "elsewhere");
    one.kill();
    wait_until_held(&mut other);
    emit(&mut other, [21]);
    folder.wait_until_at_rest(21);
    assert_eq!(counts(folder.handled_by("one")), once(1..=20));
    assert_eq!(counts(folder.handled_by("other")), once([21]));
}
