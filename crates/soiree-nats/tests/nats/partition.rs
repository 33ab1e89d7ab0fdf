use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::nats::async_nats::ConnectOptions;
use soiree::nats::{Nats, Publish};
use soiree::{Event, ListenerOptions, Outbox, Retry};
use soiree_testkit::MemoryStore;

use super::proxy::Proxy;
use super::server::Server;
use super::support::{LIMIT, Other, builder_at, consume, numbers, outbox, text, until};

/// Two processes, each with its own bad network to the server.
struct Scene {
    server: Server,
    from: Outbox,
    to: Outbox,
    publishes: Nats,
    consumes: Nats,
    networks: [Proxy; 2],
    handled: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Scene {
    fn start() -> Option<Self> {
        let server = Server::start()?;
        let networks = [Proxy::start(server.port), Proxy::start(server.port)];
        let connect = |network: &Proxy| {
            // It notices soon that nobody answers.
            let options = ConnectOptions::new().ping_interval(Duration::from_millis(300));
            builder_at(&network.url())
                .connect_options(options)
                .ack_timeout(Duration::from_millis(500))
                .connect()
                .unwrap()
        };
        let (publishes, consumes) = (connect(&networks[0]), connect(&networks[1]));
        let (from, to) = (outbox(MemoryStore::new()), outbox(MemoryStore::new()));
        let retry = Retry::fixed(Duration::from_millis(20), Retry::MAX_ATTEMPTS);
        publishes
            .publish(&from, Publish::new("kept.**").retry(retry))
            .unwrap();
        consumes.consume(&to, consume("shop", "kept.**")).unwrap();
        let handled = Arc::<Mutex<BTreeMap<String, u32>>>::default();
        let counts = Arc::clone(&handled);
        let listener = move |event: &dyn Event| {
            *counts.lock().unwrap().entry(text(event)).or_default() += 1;
        };
        to.on_with("kept.**", ListenerOptions::new().durable("count"), listener)
            .unwrap();
        from.start().unwrap();
        to.start().unwrap();
        Some(Self {
            server,
            from,
            to,
            publishes,
            consumes,
            networks,
            handled,
        })
    }

    fn emit(&self, range: std::ops::Range<usize>) {
        for number in range {
            self.from.emit("kept.a", number.to_string()).unwrap();
        }
    }

    /// Everything that was emitted is in the stream once, and handled once.
    fn end(self, emitted: usize) {
        for network in &self.networks {
            network.mend();
        }
        self.from.drain(LIMIT).unwrap();
        let handled = || self.handled.lock().unwrap().clone();
        until("all are handled", || handled().len() == emitted);
        let other = Other::connect(&self.server);
        other.until_all_is_acknowledged("shop");
        self.to.drain(LIMIT).unwrap();
        assert_eq!(other.messages(), emitted as u64);
        let expected = numbers(0..emitted)
            .into_iter()
            .map(|text| (text, 1))
            .collect();
        assert_eq!(handled(), expected);
        self.publishes.close().unwrap();
        self.consumes.close().unwrap();
        self.from.close().unwrap();
        self.to.close().unwrap();
    }
}

/// N1, N2: connections that are cut lose nothing.
#[test]
fn a_network_that_is_cut_loses_nothing() {
    let Some(scene) = Scene::start() else { return };
    let mut emitted = 0;
    for round in 0..4 {
        scene.emit(emitted..emitted + 50);
        emitted += 50;
        let network = &scene.networks[round % 2];
        network.cut();
        scene.emit(emitted..emitted + 50);
        emitted += 50;
        network.mend();
    }
    scene.end(emitted);
}

/// N1, N2: a network that swallows everything without a word, acknowledgements included, loses nothing.
#[test]
fn a_network_that_is_silent_loses_nothing() {
    let Some(scene) = Scene::start() else { return };
    scene.emit(0..50);
    for network in &scene.networks {
        network.silence();
    }
    scene.emit(50..150);
    until("attempts fail", || {
        scene.publishes.stats().failed_publishes > 0
    });
    for network in &scene.networks {
        network.mend();
    }
    scene.end(150);
}

/// N1, N2: connections that break in the middle of a message, so that acknowledgements are lost, lose nothing.
#[test]
fn connections_that_break_in_the_middle_lose_nothing() {
    let Some(scene) = Scene::start() else { return };
    let mut emitted = 0;
    for bytes in [4_001, 9_013, 2_777] {
        for network in &scene.networks {
            network.drop_after(bytes);
        }
        let reconnects = scene.publishes.stats().reconnects;
        scene.emit(emitted..emitted + 100);
        emitted += 100;
        until("a connection breaks", || {
            scene.publishes.stats().reconnects > reconnects
        });
    }
    scene.end(emitted);
}

/// N2, N7: a network that is slower than `ack_wait` repeats messages, and none is handled twice or lost.
#[test]
fn a_slow_network_loses_nothing() {
    let Some(scene) = Scene::start() else { return };
    scene.emit(0..20);
    scene.networks[1].delay(Duration::from_millis(400));
    let passed = scene.networks[1].passed();
    scene.emit(20..60);
    until("some bytes pass", || {
        scene.networks[1].passed() > passed + 1_000
    });
    scene.end(60);
}
