use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::nats::Nats;
use soiree::nats::async_nats::ConnectOptions;
use soiree::{Event, EventPool, Outbox};
use soiree_testkit::MemoryStore;

use super::partitions::{
    KEYS, PARTITIONS, all_texts, assert_in_order, group, in_order, partitioned,
};
use super::proxy::Proxy;
use super::server::Server;
use super::support::{LIMIT, Other, builder_at, outbox, receive, soiree, text, texts, until};

/// As [`assert_in_order`], but a server that was killed may have forgotten what was acknowledged last, and hands it out again. Who remembers it
/// passes it over. So each event is handled for the first time in order.
#[track_caller]
fn assert_first_in_order(handled: &[String], of_each: usize) {
    let mut seen = BTreeSet::new();
    let first = handled.iter().filter(|text| seen.insert(text.as_str()));
    assert_in_order(first.map(String::as_str), of_each);
}

/// Handles events one after another in each partition, fails at times, and notes what it has handled.
fn worker(handled: &Arc<Mutex<Vec<String>>>, count: &Arc<AtomicUsize>) -> EventPool {
    let soiree = soiree();
    let (handled, count) = (Arc::clone(handled), Arc::clone(count));
    let listener = move |event: &dyn Event| {
        if count.fetch_add(1, Ordering::SeqCst) % 17 == 3 {
            return Err("it fails at times");
        }
        handled.lock().unwrap().push(text(event));
        Ok(())
    };
    soiree.on("kept.**", listener).unwrap();
    soiree
}

/// Two processes of a group, one of them behind a network that fails, and a third one that publishes.
struct Scene {
    server: Server,
    network: Proxy,
    publishes: Nats,
    from: Outbox,
    members: [(Nats, EventPool); 2],
    handled: Arc<Mutex<Vec<String>>>,
    counts: [Arc<AtomicUsize>; 2],
}

impl Scene {
    const OF_EACH: usize = 30;

    fn start() -> Option<Self> {
        let server = Server::start()?;
        let network = Proxy::start(server.port);
        let handled = Arc::<Mutex<Vec<String>>>::default();
        let counts = <[Arc<AtomicUsize>; 2]>::default();
        let member = |url: &str, count| {
            let options = ConnectOptions::new().ping_interval(Duration::from_millis(300));
            let nats = builder_at(url)
                .partitions(PARTITIONS)
                .connect_options(options)
                .connect()
                .unwrap();
            let soiree = worker(&handled, count);
            nats.consume(&soiree, group("billing")).unwrap();
            (nats, soiree)
        };
        let members = [
            member(&network.url(), &counts[0]),
            member(&server.url(), &counts[1]),
        ];
        let publishes = partitioned(&server);
        let from = outbox(MemoryStore::new());
        publishes.publish(&from, in_order()).unwrap();
        from.start().unwrap();
        for text in all_texts(Self::OF_EACH) {
            from.emit("kept.a", text).unwrap();
        }
        Some(Self {
            server,
            network,
            publishes,
            from,
            members,
            handled,
            counts,
        })
    }

    fn until_handled(&self, quarters: usize) {
        let goal = KEYS * Self::OF_EACH * quarters / 5;
        until("they go on", || self.handled.lock().unwrap().len() >= goal);
    }

    /// What was handled, when everything is acknowledged.
    fn end(self) -> Vec<String> {
        self.from.drain(LIMIT).unwrap();
        let other = Other::connect(&self.server);
        for partition in 0..PARTITIONS {
            let name = format!("billing-{partition}");
            other.until_all_is_acknowledged(&name);
            assert_eq!(other.consumer(&name).config.max_ack_pending, 1);
        }
        for count in &self.counts {
            assert!(count.load(Ordering::SeqCst) > 0, "both have worked");
        }
        self.publishes.close().unwrap();
        self.from.close().unwrap();
        for (nats, soiree) in self.members {
            nats.close().unwrap();
            soiree.close().unwrap();
        }
        std::mem::take(&mut self.handled.lock().unwrap())
    }
}

/// N2, N11: two processes share the partitions, and the events of each key are handled in order, although listeners fail, and one process is cut
/// off again and again.
#[test]
fn keys_stay_in_order_over_processes_that_are_cut_off() {
    let Some(scene) = Scene::start() else {
        return;
    };
    for round in 1..=4 {
        scene.until_handled(round);
        match round % 2 {
            1 => scene.network.cut(),
            _ => scene.network.mend(),
        }
    }
    let handled = scene.end();
    assert_in_order(handled.iter().map(String::as_str), Scene::OF_EACH);
}

/// N2, N11: a server that is killed may repeat what it has forgotten, and hands out nothing before all that comes before it.
#[test]
fn keys_stay_in_order_over_a_server_that_is_killed() {
    let Some(mut scene) = Scene::start() else {
        return;
    };
    for round in 1..=4 {
        scene.until_handled(round);
        scene.server.kill();
        until("it is noticed", || {
            let mut members = scene.members.iter();
            members.all(|(nats, _)| !nats.stats().is_connected)
        });
        scene.server.run();
    }
    assert_first_in_order(&scene.end(), Scene::OF_EACH);
}

/// N3, N11: while one process handles an event, no other one gets one of its partition; it takes over when that process is gone, with the same event.
#[test]
fn another_process_takes_over_a_partition() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = (soiree(), soiree());
    let (started, is_started) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let listener = move |event: &dyn Event| {
        started.send(text(event)).unwrap();
        // Ends with an error when the test goes on without it.
        let _ = released.lock().unwrap().recv_timeout(LIMIT);
    };
    one.on("kept.**", listener).unwrap();
    let received = texts(&two, "kept.**");
    let (dies, takes_over) = (partitioned(&server), partitioned(&server));
    dies.consume(&one, group("billing")).unwrap();
    let other = Other::connect(&server);
    for text in ["0 ann", "1 ann"] {
        let subject = dies.subjects().keyed_subject("kept.a", &"ann".into());
        other.publish(&subject, text);
    }
    assert_eq!(is_started.recv_timeout(LIMIT).unwrap(), "0 ann");
    takes_over.consume(&two, group("billing")).unwrap();
    let subjects = takes_over.subjects();
    let of_ann = subjects.partition(&"ann".into()).unwrap();
    until("three signs of life", || {
        dies.stats().consumers[of_ann as usize].ack_wait_extended >= 6
    });
    let info = other.consumer(&format!("billing-{of_ann}"));
    assert_eq!((info.num_ack_pending, info.num_pending), (1, 1));
    assert!(received.try_recv().is_err());
    let error = dies.close_with_deadline(Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("1 events"), "{error}");
    assert_eq!(receive(&received, 2), ["0 ann", "1 ann"]);
    drop(release);
    takes_over.close().unwrap();
    one.close().unwrap();
    two.close().unwrap();
}
