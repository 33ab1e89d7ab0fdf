//! Stopping, being killed, and starting again.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::service::{Service, TIME_LIMIT};

const CLIENTS: usize = 4;

/// Posts from several connections until the service is gone. After `many` answers it gets the signal. Returns the IDs that were accepted.
fn stopped_under_load(service: &Service, many: usize, signal: Signal) -> Vec<String> {
    let accepted = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let (sender, answers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (accepted, next, sender) = (&accepted, &next, sender.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let body = format!("{{\"account\": \"{}\"}}", number % 3);
                    let Ok(answer) = service.hook(&number.to_string(), &body) else {
                        return;
                    };
                    assert!([202, 503].contains(&answer.status), "{}", answer.body);
                    if answer.status == 202 {
                        let id = answer.json()["id"].as_str().unwrap().to_owned();
                        accepted.lock().unwrap().push(id);
                    }
                    let _ = sender.send(());
                }
            });
        }
        for _ in 0..many {
            answers.recv_timeout(TIME_LIMIT).expect("an answer");
        }
        service.signal(signal);
    });
    accepted.into_inner().unwrap()
}

/// D1, D3, D18: SIGTERM under load ends it in order, and what was accepted is handled after the next start.
#[test]
fn nothing_accepted_is_lost_by_a_sigterm_under_load() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let ids = stopped_under_load(&service, 60, Signal::TERM);
    let (code, printed) = service.end();
    assert_eq!(code, Some(0), "{printed:?}");
    let accepted = format!("accepted: {}", ids.len());
    assert!(
        printed.contains(&accepted),
        "no {accepted:?} in {printed:?}"
    );
    assert!(ids.len() >= 50);

    let service = Service::start(data.path(), &[]);
    for id in &ids {
        let states = service.ended(id);
        assert!(
            states.iter().all(|(_, state)| state == "done"),
            "{id}: {states:?}"
        );
    }
}

/// D1, D3, D11: so it is after `kill -9`; what index counts is there once.
#[test]
fn nothing_accepted_is_lost_by_a_kill() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let ids = stopped_under_load(&service, 60, Signal::KILL);
    drop(service);
    let service = Service::start(data.path(), &[]);
    for id in &ids {
        service.ended(id);
    }
    // What was stored without an answer is no ID of these, and counted as well.
    let (counted, stored) = service.until("all that is stored has ended", |service| {
        let status = service.status();
        let listeners = status["listeners"].as_array().expect("listeners");
        let open = ["waiting", "in_flight", "retrying", "behind", "suspects"];
        let is_open = |listener: &Value| open.iter().any(|name| listener[*name] != 0);
        let counted = status["topics"][0]["events"].as_u64().expect("a number");
        let stored = status["store"]["events"].as_u64().expect("a number");
        (!listeners.iter().any(is_open)).then_some((counted, stored))
    });
    assert_eq!(counted, stored);
    assert!(stored >= ids.len() as u64);
}

/// A folder is for one service at a time, since two would write the same files. However it ends, the folder is free.
#[test]
fn a_second_service_on_the_same_folder_is_rejected_by_name() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let second = || {
        let second = Command::new(env!("CARGO_BIN_EXE_ingest"))
            .args(["--bind", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            second.status.code(),
            text(second.stdout),
            text(second.stderr),
        )
    };
    let why = format!(
        "ingest: --data {}: another service uses this folder\n",
        data.path().display()
    );
    assert_eq!(second(), (Some(2), String::new(), why));
    let id = service.accepted("1", "{}");
    service.ended(&id);
    service.signal(Signal::KILL);
    drop(service);
    let service = Service::start(data.path(), &[]);
    assert_eq!(service.get(&format!("/events/{id}")).status, 200);
}

/// Payloads may be private: the folder, and what the listeners write, are for their owner only.
#[test]
fn what_is_written_is_for_its_owner_only() {
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("data");
    let service = Service::start(&data, &[]);
    let id = service.accepted("1", "{}");
    service.ended(&id);
    assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
    for file in ["mail.log", "export/current.jsonl", "lock"] {
        let mode = fs::metadata(data.join(file)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
