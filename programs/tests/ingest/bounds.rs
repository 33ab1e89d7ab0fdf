//! What the listeners write has a bound.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use soiree::sqlite::rusqlite::Connection;
use tempfile::TempDir;

use crate::service::Service;

/// Takes these events in, as a batch, and waits until each listener has ended them. Returns their IDs.
fn taken(service: &Service, lines: impl Iterator<Item = String>) -> Vec<String> {
    let lines: String = lines.map(|line| line + "\n").collect();
    let ndjson = [("content-type", "application/x-ndjson")];
    let answer = service.post("/batch", &ndjson, lines).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let ids = answer.body.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).unwrap();
        answer["id"].as_str().expect("it is stored").to_owned()
    });
    let ids: Vec<String> = ids.collect();
    // index, export and mail come to it last.
    service.ended(ids.last().expect("an event"));
    ids
}

fn events(of: &str, many: usize) -> impl Iterator<Item = String> {
    (0..many).map(move |_| format!("{{\"source\": \"{of}\", \"payload\": {{}}}}"))
}

fn ids_of(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let ids = text.lines().map(|line| line.split(' ').next().unwrap());
    ids.map(String::from).collect()
}

/// D11: the counts of topics stay exact, with further topics in one row, while the notes of single events have a bound.
#[test]
fn index_keeps_exact_counts_and_the_newest_notes() {
    let data = TempDir::new().unwrap();
    let kept = ["--keep-topics", "2", "--keep-counted", "3"];
    let service = Service::start(data.path(), &kept);
    let ids = [("a", 2), ("b", 3), ("c", 1), ("a", 1), ("d", 2)]
        .map(|(source, many)| taken(&service, events(source, many)))
        .concat();
    let connection = Connection::open(data.path().join("events.db")).unwrap();
    let rows = |sql| -> Vec<(String, u32)> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    let counts = [
        ("hook.a.received", 3),
        ("hook.b.received", 3),
        ("other topics", 3),
    ];
    let counts = counts.map(|(topic, events)| (topic.to_owned(), events));
    assert_eq!(
        rows("SELECT topic, events FROM ingest_topic ORDER BY topic"),
        counts
    );
    let notes: Vec<_> = ids[6..].iter().map(|id| (id.clone(), 1)).collect();
    assert_eq!(
        rows("SELECT id, times FROM ingest_counted ORDER BY number"),
        notes
    );
    assert_eq!(service.status()["topics"].as_array().unwrap().len(), 3);
}

/// Of the mails the newest are there: a full file replaces the one before, also over a restart.
#[test]
fn mails_are_kept_in_two_files() {
    let data = TempDir::new().unwrap();
    let kept = ["--keep-mails", "4"];
    let service = Service::start(data.path(), &kept);
    let mut ids = taken(&service, events("a", 6));
    drop(service);
    let service = Service::start(data.path(), &kept);
    ids.extend(taken(&service, events("a", 4)));
    assert_eq!(ids_of(&data.path().join("mail.log")), ids[8..]);
    assert_eq!(ids_of(&data.path().join("mail.1.log")), ids[4..8]);
}

/// Of the compressed files the newest are there; the next number goes on over a restart.
#[test]
fn only_the_newest_files_of_export_are_kept() {
    let data = TempDir::new().unwrap();
    let folder = data.path().join("export");
    let service = Service::start(data.path(), &["--export-delay", "0", "--keep-files", "2"]);
    let names = || {
        let names = fs::read_dir(&folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(taken(&service, events("a", 1_001)));
    }
    let kept = ["000002.jsonl.gz", "000003.jsonl.gz", "current.jsonl"];
    assert_eq!(names(), kept);
    let mut text = String::new();
    let file = File::open(folder.join(kept[0])).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let exported = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["id"].as_str().unwrap().to_owned()
    });
    let exported: Vec<String> = exported.collect();
    assert_eq!(exported, ids[1_000..2_000]);
    drop(service);
    let _service = Service::start(data.path(), &["--keep-files", "1"]);
    assert_eq!(names(), kept[1..]);
}

/// What a sender spreads over several lines is one line of the file.
#[test]
fn an_event_is_one_line_of_the_export_however_it_was_sent() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let id = service.accepted("1", "{\r\n  \"text\": \"a\\nb\"\n}\n");
    service.ended(&id);
    let text = fs::read_to_string(data.path().join("export/current.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{text}");
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        (&line["id"], &line["payload"]["text"]),
        (&id.into(), &"a\nb".into())
    );
}
