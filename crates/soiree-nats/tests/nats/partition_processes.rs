use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use soiree::Event;
use soiree_testkit::MemoryStore;

use super::faults::rounds;
use super::partitions::{KEYS, PARTITIONS, all_texts, assert_in_order, group, in_order};
use super::server::Server;
use super::support::{LIMIT, Other, builder, builder_at, outbox, pause, soiree, text, until};

/// Says to the child where the server is, and where it notes what it has handled.
const URL: &str = "SOIREE_NATS_GROUP_URL";
const JOURNAL: &str = "SOIREE_NATS_GROUP_JOURNAL";

const OF_EACH: usize = 25;

/// The child: one process of the group, until it is killed. Does nothing if it was not started by the other test.
#[test]
fn a_child_handles_its_share_until_it_is_killed() {
    let (Ok(url), Some(journal)) = (std::env::var(URL), std::env::var_os(JOURNAL)) else {
        return;
    };
    let soiree = soiree();
    // Each line is written at once, after those of the other processes.
    let file = OpenOptions::new().append(true).create(true).open(journal);
    let file = file.unwrap();
    let listener = move |event: &dyn Event| {
        let line = format!("{}\t{}\n", std::process::id(), text(event));
        (&file).write_all(line.as_bytes()).unwrap();
    };
    soiree.on("kept.**", listener).unwrap();
    let nats = builder_at(&url).partitions(PARTITIONS).connect().unwrap();
    let ack_wait = Duration::from_millis(500);
    nats.consume(&soiree, group("billing").ack_wait(ack_wait))
        .unwrap();
    loop {
        pause();
    }
}

struct Member(Child);

impl Member {
    fn start(server: &Server, journal: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "partition_processes::a_child_handles_its_share_until_it_is_killed",
            ])
            .env(URL, server.url())
            .env(JOURNAL, journal)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// N2, N11: three processes share the partitions. Whichever of them is killed, again and again, each event is handled, and the events of a key in
/// order, whatever process handles them.
#[test]
fn keys_stay_in_order_over_processes_that_are_killed() {
    let Some(server) = Server::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("handled");
    let lines = || fs::read_to_string(&journal).unwrap_or_default();
    let nats = builder(&server).partitions(PARTITIONS).connect().unwrap();
    let from = outbox(MemoryStore::new());
    nats.publish(&from, in_order()).unwrap();
    from.start().unwrap();
    let mut members: Vec<Member> = (0..3).map(|_| Member::start(&server, &journal)).collect();
    let total = KEYS * OF_EACH;
    let mut emitted = all_texts(OF_EACH);
    let rounds = rounds();
    for round in 1..=rounds {
        // Each round has events of its own, so that there is work when a process is killed.
        for text in emitted.by_ref().take(total / (rounds + 1)) {
            from.emit("kept.a", text).unwrap();
        }
        let goal = total * round / (rounds + 2);
        until("they go on", || lines().lines().count() >= goal);
        let killed = round % members.len();
        members[killed] = Member::start(&server, &journal);
    }
    for text in emitted {
        from.emit("kept.a", text).unwrap();
    }
    from.drain(LIMIT).unwrap();
    let other = Other::connect(&server);
    for partition in 0..PARTITIONS {
        until("all have worked", || lines().lines().count() >= total);
        other.until_all_is_acknowledged(&format!("billing-{partition}"));
    }
    let journal = lines();
    let handled = journal.lines().map(|line| line.split_once('\t').unwrap());
    let processes: BTreeSet<&str> = handled.clone().map(|(process, _)| process).collect();
    assert!(processes.len() >= 3, "all share the work: {processes:?}");
    assert_in_order(handled.map(|(_, text)| text), OF_EACH);
    let repeated = journal.lines().count() - total;
    assert!(repeated <= rounds * PARTITIONS as usize, "{repeated} twice");
    nats.close().unwrap();
    from.close().unwrap();
}
