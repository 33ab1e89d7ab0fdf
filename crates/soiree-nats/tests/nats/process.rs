use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::codec::Text;
use soiree::nats::{Nats, Publish};
use soiree::{Event, ListenerOptions, Outbox, Retry, SqliteStore};

use super::faults::rounds;
use super::server::Server;
use super::support::{
    LIMIT, Other, builder, builder_at, consume, numbers, pause, soiree, text, until,
};

/// Says to the child where the server is, and where the files are.
const URL: &str = "SOIREE_NATS_CHILD_URL";
const FOLDER: &str = "SOIREE_NATS_CHILD_FOLDER";

const EVENTS: usize = 600;

fn outbox(folder: &Path, file: &str) -> Outbox {
    Outbox::builder(SqliteStore::at(folder.join(file)))
        .codec("kept.**", Text)
        .build(soiree())
        .unwrap()
}

/// Publishes what is in one outbox, and consumes into another one.
fn work(nats: &Nats, from: &Outbox, to: &Outbox) {
    let retry = Retry::fixed(Duration::from_millis(20), Retry::MAX_ATTEMPTS);
    let publish = Publish::new("kept.**").retry(retry);
    nats.publish(from, publish).unwrap();
    nats.consume(to, consume("shop", "kept.**").in_flight(16))
        .unwrap();
}

/// The child: works until it is killed. Does nothing if it was not started by the other test.
#[test]
fn a_child_works_until_it_is_killed() {
    let (Ok(url), Some(folder)) = (std::env::var(URL), std::env::var_os(FOLDER)) else {
        return;
    };
    let folder = Path::new(&folder);
    let (from, to) = (outbox(folder, "from.db"), outbox(folder, "to.db"));
    let nats = builder_at(&url).connect().unwrap();
    work(&nats, &from, &to);
    from.start().unwrap();
    to.start().unwrap();
    loop {
        pause();
    }
}

fn start_child(server: &Server, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::a_child_works_until_it_is_killed"])
        .env(URL, server.url())
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// N1, N2: a process that is killed again and again while it publishes and consumes loses nothing, and repeats nothing that its outbox or the
/// stream recognizes.
#[test]
fn a_process_that_is_killed_loses_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Both listeners are known to the stores from now on, and keep their events.
    let counting = |to: &Outbox| {
        let counts = Arc::<Mutex<BTreeMap<String, u32>>>::default();
        let counted = Arc::clone(&counts);
        let listener = move |event: &dyn Event| {
            *counted.lock().unwrap().entry(text(event)).or_default() += 1;
        };
        let options = ListenerOptions::new().durable("count");
        to.on_with("kept.**", options, listener).unwrap();
        counts
    };
    let (from, to) = (outbox(folder, "from.db"), outbox(folder, "to.db"));
    counting(&to);
    let nats = builder(&server).connect().unwrap();
    nats.publish(&from, "kept.**").unwrap();
    for number in 0..EVENTS {
        from.emit("kept.a", number.to_string()).unwrap();
    }
    nats.close().unwrap();
    from.close().unwrap();
    to.close().unwrap();

    let other = Other::connect(&server);
    let rounds = rounds();
    for round in 1..=rounds {
        let mut child = start_child(&server, folder);
        let goal = EVENTS * round / (rounds + 1);
        until("the child goes on", || other.messages() as usize >= goal);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    let (from, to) = (outbox(folder, "from.db"), outbox(folder, "to.db"));
    let counts = counting(&to);
    let nats = builder(&server).connect().unwrap();
    work(&nats, &from, &to);
    from.start().unwrap();
    to.start().unwrap();
    from.drain(LIMIT).unwrap();
    other.until_all_is_acknowledged("shop");
    until("all are handled", || counts.lock().unwrap().len() == EVENTS);
    to.drain(LIMIT).unwrap();
    assert_eq!(
        other.messages(),
        EVENTS as u64,
        "each is in the stream once"
    );
    let expected = numbers(0..EVENTS)
        .into_iter()
        .map(|text| (text, 1))
        .collect();
    assert_eq!(*counts.lock().unwrap(), expected);
    nats.close().unwrap();
    from.close().unwrap();
    to.close().unwrap();
}
