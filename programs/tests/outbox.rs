//! Runs the `outbox` example from its command line.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use soiree::{
    Event, EventId, EventPool, ListenerOptions, Outbox, SqliteStore, TypedTopic, WorkerPool,
};

const PLACED: TypedTopic<String> = TypedTopic::new("order.placed");
const TIME_LIMIT: Duration = Duration::from_secs(60);

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(file: &Path, arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_outbox"))
        .arg(file)
        .args(arguments)
        .output();
    let output = output.expect("the example starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn succeeds(file: &Path, arguments: &[&str]) -> String {
    let ended = run(file, arguments);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    ended.stdout
}

#[track_caller]
fn fails(file: &Path, arguments: &[&str], code: i32) -> String {
    let ended = run(file, arguments);
    assert_eq!(ended.code, Some(code), "{}\n{}", ended.stdout, ended.stderr);
    ended.stderr
}

/// An outbox on this file whose listener fails with this text, or succeeds.
fn outbox(file: &Path, error: Option<&'static str>) -> Outbox {
    outbox_of(file, move || error)
}

/// As [`outbox`]. The closure says for each call whether it fails.
fn outbox_of(
    file: &Path,
    error: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
) -> Outbox {
    let pool = EventPool::with_pool(WorkerPool::new(2, 16).unwrap());
    let outbox = Outbox::builder(SqliteStore::at(file)).json(PLACED);
    let outbox = outbox.shared(true).build(pool).unwrap();
    let mail = ListenerOptions::new().durable("mail");
    let listener = move |_: &dyn Event| error().map_or(Ok(()), Err);
    outbox.on_with("order.*", mail, listener).unwrap();
    outbox.start().unwrap();
    outbox
}

fn emit(outbox: &Outbox, payloads: &[&str]) -> Vec<EventId> {
    let stored = payloads.iter().map(|payload| {
        let stored = outbox.emit("order.placed", String::from(*payload)).unwrap();
        stored.event.unwrap().id
    });
    stored.collect()
}

fn done(outbox: &Outbox) -> (u64, u64) {
    let listeners = outbox.listeners();
    (listeners[0].done, listeners[0].dead_letters)
}

#[track_caller]
fn wait_for(outbox: &Outbox, expected: (u64, u64)) {
    let deadline = Instant::now() + TIME_LIMIT;
    while done(outbox) != expected {
        assert!(Instant::now() < deadline, "{:?}", outbox.listeners());
        std::thread::yield_now();
    }
}

/// D9: dead events are listed, shown, redriven and discarded, and payloads are printed by `show` alone.
#[test]
fn dead_events_are_listed_redriven_and_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let service = outbox(&file, Some("no\u{1b}connection"));
    let ids = emit(
        &service,
        &["secret one", "secret two", "secret three", "secret four"],
    );
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    service.drain(TIME_LIMIT).unwrap();
    wait_for(&service, (0, 4));
    service.close().unwrap();

    for arguments in [&[][..], &["list"]] {
        let listed = succeeds(&file, arguments);
        assert!(listed.contains("4 events, the last at 4"), "{listed}");
        let mail = "mail on order.*: 0 waiting, 0 parked, 4 dead";
        assert!(listed.contains(mail), "{listed}");
        assert!(!listed.contains("secret"), "{listed}");
    }
    let dead = succeeds(&file, &["dead", "mail"]);
    for id in &ids {
        let line = format!("{id} order.placed: dead after 1 failed attempts and 0 crashes");
        assert!(dead.contains(&line), "{dead}");
    }
    assert!(dead.contains(r"no\u{1b}connection"), "{dead}");
    assert!(dead.contains("4 dead events\n"), "{dead}");
    let redrive = format!("outbox {} redrive mail --all\n", file.display());
    assert!(dead.contains(&redrive), "{dead}");
    assert!(!dead.contains("secret"), "{dead}");

    let shown = succeeds(&file, &["show", &ids[0]]);
    for line in [
        "position: 1\n",
        "topic: order.placed\n",
        "listener mail: dead",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.ends_with("\"secret one\"\n"), "{shown}");

    let redriven = succeeds(&file, &["redrive", "mail", &ids[0]]);
    assert_eq!(redriven, format!("{} redriven\n", ids[0]));
    let again = fails(&file, &["redrive", "mail", &ids[0]], 1);
    assert!(
        again.contains("is not dead for \"mail\", but retry"),
        "{again}"
    );
    let discarded = succeeds(&file, &["discard", "mail", &ids[1]]);
    assert_eq!(discarded, format!("{} discarded\n", ids[1]));
    let again = fails(&file, &["discard", "mail", &ids[1]], 1);
    assert!(again.contains("but ended"), "{again}");
    assert_eq!(
        succeeds(&file, &["redrive", "mail", "--all"]),
        "2 redriven\n"
    );
    assert_eq!(succeeds(&file, &["dead", "mail"]), "0 dead events\n");

    let service = outbox(&file, None);
    service.drain(TIME_LIMIT).unwrap();
    wait_for(&service, (3, 0));
    service.close().unwrap();
}

/// D8, D9: the commands work while a service has the file open, and one that shares it handles at once what was redriven.
#[test]
fn the_commands_work_while_a_service_has_the_file_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let service = outbox_of(&file, move || {
        (!mended.load(Ordering::Relaxed)).then_some("no connection")
    });
    let ids = emit(&service, &["one", "two"]);
    service.drain(TIME_LIMIT).unwrap();
    wait_for(&service, (0, 2));

    assert!(succeeds(&file, &["list"]).contains("2 dead"));
    is_mended.store(true, Ordering::Relaxed);
    succeeds(&file, &["discard", "mail", &ids[1].to_string()]);
    wait_for(&service, (0, 1));
    succeeds(&file, &["redrive", "mail", &ids[0].to_string()]);
    wait_for(&service, (1, 0));
    service.close().unwrap();
}

/// D9: what cannot be done is an error that names the file or the listener, and nothing is made.
#[test]
fn an_error_names_the_file_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    let error = fails(&missing, &[], 1);
    assert!(error.contains("missing.db; name the file"), "{error}");
    assert!(fails(folder.path(), &[], 1).contains("is a directory"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert!(fails(&empty, &[], 1).contains("empty.db has no durable events"));
    let text = folder.path().join("text.db");
    std::fs::write(&text, "some text, and no database".repeat(100)).unwrap();
    assert!(fails(&text, &[], 1).contains("text.db cannot be read as a database"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(std::fs::metadata(&empty).unwrap().len(), 0);

    let file = folder.path().join("events.db");
    outbox(&file, None).close().unwrap();
    let error = fails(&file, &["dead", "male"], 1);
    assert!(
        error.contains("no listener \"male\"; there are: \"mail\""),
        "{error}"
    );
    let id = EventId::new().to_string();
    assert!(fails(&file, &["show", &id], 1).contains(&id));
    assert!(fails(&file, &["redrive", "mail", &id], 1).contains(&id));
    for wrong in [
        &["remove"][..],
        &["show"],
        &["show", "x"],
        &["redrive", "mail"],
        &["redrive", "mail", &id, "--all"],
        &["discard", "mail", "--all"],
        &["list", "--all"],
        &["--verbose"],
    ] {
        let error = fails(&file, wrong, 2);
        assert!(error.contains("--help"), "{error}");
    }
    assert!(succeeds(&file, &["--help"]).contains("Usage: outbox [FILE [COMMAND]]"));
}
