use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::nats::Publish;
use soiree::{Event, ListenerOptions, Outbox, Retry};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{LIMIT, Other, builder, consume, numbers, outbox, text, until};

/// How often a server or a process is killed: more often than that with `SOIREE_KILL_ROUNDS`.
pub(crate) fn rounds() -> usize {
    let rounds = std::env::var("SOIREE_KILL_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(4)
}

/// Counts how often each text is handled.
fn counting(outbox: &Outbox) -> Arc<Mutex<BTreeMap<String, u32>>> {
    let counts = Arc::<Mutex<BTreeMap<String, u32>>>::default();
    let counted = Arc::clone(&counts);
    let listener = move |event: &dyn Event| {
        *counted.lock().unwrap().entry(text(event)).or_default() += 1;
    };
    let options = ListenerOptions::new().durable("count");
    outbox.on_with("kept.**", options, listener).unwrap();
    counts
}

/// N1, N2, N8: a server that is killed again and again, while one process publishes and another one consumes, costs nothing: each event is
/// stored once by the other process, and emits are not held up.
#[test]
fn a_server_that_is_killed_costs_nothing() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let (from, to) = (outbox(MemoryStore::new()), outbox(MemoryStore::new()));
    let counts = counting(&to);
    let (publishes, consumes) = (
        builder(&server).connect().unwrap(),
        builder(&server).connect().unwrap(),
    );
    let retry = Retry::fixed(Duration::from_millis(50), Retry::MAX_ATTEMPTS);
    publishes
        .publish(&from, Publish::new("kept.**").retry(retry))
        .unwrap();
    consumes.consume(&to, consume("shop", "kept.**")).unwrap();
    from.start().unwrap();
    to.start().unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let (emitting, done) = (from.clone(), Arc::clone(&is_done));
    let emits = std::thread::spawn(move || {
        let mut emitted = 0;
        while !done.load(Ordering::SeqCst) && emitted < 100_000 {
            emitting.emit("kept.a", emitted.to_string()).unwrap();
            emitted += 1;
            if emitted % 20 == 0 {
                super::support::pause();
            }
        }
        emitted
    });
    for round in 1..=rounds() {
        let before = publishes.stats().published;
        until("it goes on", || {
            publishes.stats().published >= before + 100 * round as u64 % 350 + 50
        });
        server.kill();
        until("it is noticed", || !publishes.stats().is_connected);
        server.run();
    }
    is_done.store(true, Ordering::SeqCst);
    let emitted = emits.join().unwrap();
    from.drain(LIMIT).unwrap();
    until("all are handled", || {
        counts.lock().unwrap().len() == emitted
    });
    let other = Other::connect(&server);
    other.until_all_is_acknowledged("shop");
    to.drain(LIMIT).unwrap();
    assert_eq!(
        other.messages(),
        emitted as u64,
        "each is in the stream once"
    );
    let expected = numbers(0..emitted)
        .into_iter()
        .map(|text| (text, 1))
        .collect();
    assert_eq!(*counts.lock().unwrap(), expected);
    assert_eq!(consumes.stats().consumers[0].dead, 0);
    assert!(publishes.stats().reconnects >= rounds() as u64);
    for (nats, outbox) in [(publishes, from), (consumes, to)] {
        nats.close().unwrap();
        outbox.close().unwrap();
    }
}
