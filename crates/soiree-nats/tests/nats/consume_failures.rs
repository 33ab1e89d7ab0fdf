use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::nats::async_nats::HeaderMap;
use soiree::nats::{Consume, NatsError};
use soiree::{Event, EventPool, Overflow, Permanent, Retry, WorkerPool};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{
    Other, bridge, builder, consume, durable_texts, outbox, receive, soiree, text, texts, until,
};

const DEAD: &str = "acme.$dead.shop";

fn failing(soiree: &EventPool) -> Arc<Mutex<BTreeMap<String, u32>>> {
    let attempts = Arc::<Mutex<BTreeMap<String, u32>>>::default();
    let counted = Arc::clone(&attempts);
    let listener = move |event: &dyn Event| -> Result<(), soiree::BoxError> {
        let text = text(event);
        let mut attempts = counted.lock().unwrap();
        let attempt = attempts.entry(text.clone()).or_default();
        *attempt += 1;
        match text.as_str() {
            "never" => Err("no".into()),
            "twice" if *attempt < 3 => Err("not yet".into()),
            "gone" => Err(Permanent("gone for good").into()),
            _ => Ok(()),
        }
    };
    soiree.on("order.*", listener).unwrap();
    attempts
}

/// N4: a message that fails comes again as often as the policy says, and is in the dead subject then, with the reason.
#[test]
fn a_message_that_fails_for_the_last_time_is_in_the_dead_subject() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let attempts = failing(&soiree);
    let nats = bridge(&server);
    let retry = Retry::fixed(Duration::from_millis(20), 4);
    nats.consume(&soiree, consume("shop", "order.*").retry(retry))
        .unwrap();
    let other = Other::connect(&server);
    let mut headers = HeaderMap::new();
    headers.insert("tenant", "ice");
    headers.insert("Nats-Msg-Id", "own");
    other.publish_with("acme.order.paid", headers, "never");
    for payload in ["twice", "gone", "fine"] {
        other.publish("acme.order.paid", payload);
    }
    other.until_all_is_acknowledged("shop");
    let expected = [("fine", 1), ("gone", 1), ("never", 4), ("twice", 3)];
    let expected = expected.map(|(text, attempts)| (text.to_owned(), attempts));
    assert_eq!(*attempts.lock().unwrap(), BTreeMap::from(expected));
    let mut dead = other.on(DEAD);
    dead.sort_by(|one, other| other.payload.cmp(&one.payload));
    assert_eq!(dead.len(), 2);
    let header = |at: usize, name: &str| {
        let value = dead[at].headers.get(name);
        value
            .map(|value| value.as_str().to_owned())
            .unwrap_or_default()
    };
    assert_eq!(&*dead[0].payload, b"never");
    assert_eq!(header(0, "tenant"), "ice");
    assert_eq!(header(0, "Nats-Msg-Id"), "EVENTS:1:shop:dead");
    assert_eq!(header(0, "Soiree-Dead-Subject"), "acme.order.paid");
    assert_eq!(header(0, "Soiree-Dead-Attempts"), "4");
    assert!(
        header(0, "Soiree-Dead-Reason").contains("no"),
        "{:?}",
        header(0, "Soiree-Dead-Reason")
    );
    assert_eq!(&*dead[1].payload, b"gone");
    assert_eq!(header(1, "Soiree-Dead-Attempts"), "1");
    until("the bridge has counted", || {
        nats.stats().consumers[0].acked == 4
    });
    let stats = &nats.stats().consumers[0];
    assert_eq!((stats.dead, stats.naked), (2, 5));
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N4: what cannot be decoded, and a subject that is no topic, are in the dead subject at once, and hold up nothing.
#[test]
fn what_cannot_be_read_is_in_the_dead_subject() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let received = durable_texts(&outbox, "kept.**");
    outbox.start().unwrap();
    let nats = bridge(&server);
    nats.consume(&outbox, consume("shop", "kept.**")).unwrap();
    let other = Other::connect(&server);
    let with = |name: &str, value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, value);
        headers
    };
    let publish =
        |subject: &str, headers, payload: &str| other.publish_with(subject, headers, payload);
    publish("acme.kept.a", with("Content-Type", "other"), "p1");
    publish("acme.kept.100%", HeaderMap::new(), "p2");
    publish("acme.kept.a%2Eb", HeaderMap::new(), "p3");
    publish("acme.kept.a", with("Soiree-Id", "x"), "p4");
    publish("acme.kept.a", with("Soiree-Properties", "[]"), "p5");
    publish(
        "acme.kept.a",
        with("Content-Type", "text/plain; charset=utf-8"),
        "fine",
    );
    other.until_all_is_acknowledged("shop");
    assert_eq!(receive(&received, 1), ["fine"]);
    let dead = other.on(DEAD);
    let reasons: BTreeMap<String, String> = dead
        .iter()
        .map(|message| {
            let reason = message.headers.get("Soiree-Dead-Reason").unwrap();
            let payload = String::from_utf8(message.payload.to_vec()).unwrap();
            (payload, reason.as_str().to_owned())
        })
        .collect();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    for (payload, reason) in [
        ("p1", "does not read what \"other\""),
        ("p2", "\"acme.kept.100%\" is no topic"),
        ("p3", "\"a%2Eb\" cannot be decoded"),
        ("p4", "Soiree-Id"),
        ("p5", "no JSON object"),
    ] {
        assert!(reasons[payload].contains(reason), "{}", reasons[payload]);
        assert!(
            !reasons[payload].contains(payload),
            "a payload is in an error"
        );
    }
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N4: a message that is as large as the server permits has room in the dead subject.
#[test]
fn the_largest_message_has_room_in_the_dead_subject() {
    let Some(server) = Server::start_with("max_payload: 2048") else {
        return;
    };
    let soiree = soiree();
    failing(&soiree);
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    let other = Other::connect(&server);
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "other");
    headers.insert("Nats-Expected-Stream", "EVENTS");
    headers.insert("Nats-Msg-Id", "0123456789012345678901234567890123456789");
    // `NATS/1.0`, and each header with its colon and the ends of lines.
    let used = 12 + "Content-Type: other".len() + 2 + "Nats-Expected-Stream: EVENTS".len() + 2;
    let used = used + "Nats-Msg-Id: ".len() + 40 + 2;
    other.publish_with("acme.order.paid", headers, &"x".repeat(2_048 - used));
    other.until_all_is_acknowledged("shop");
    let dead = other.on(DEAD);
    assert_eq!(dead.len(), 1);
    assert!(dead[0].headers.get("Soiree-Dead-Subject").is_some());
    assert!(dead[0].headers.get("Soiree-Dead-Reason").is_none());
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N4: while the dead subject takes nothing, the message is not ended.
#[test]
fn a_message_stays_until_the_dead_subject_has_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    failing(&soiree);
    let nats = builder(&server)
        .configure_stream(|config| config.max_messages = 1)
        .connect()
        .unwrap();
    let retry = Retry::fixed(Duration::ZERO, 1);
    nats.consume(&soiree, consume("shop", "order.*").retry(retry))
        .unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "never");
    until("the stream is full", || {
        let error = nats.stats().consumers[0].last_error.clone();
        error.is_some_and(|error| error.contains("maximum messages"))
    });
    assert_eq!(other.consumer("shop").num_ack_pending, 1);
    assert_eq!(nats.stats().consumers[0].dead, 0);
    let mut config = other.stream().cached_info().config.clone();
    config.max_messages = 10;
    super::support::block(other.context.update_stream(config)).unwrap();
    other.until_all_is_acknowledged("shop");
    assert_eq!(other.on(DEAD).len(), 1);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// Dead messages are not given to a consumer whose filter takes their subject.
#[test]
fn dead_messages_are_given_to_nobody() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "**");
    failing(&soiree);
    let nats = bridge(&server);
    let retry = Retry::fixed(Duration::ZERO, 1);
    nats.consume(&soiree, consume("shop", "**").retry(retry))
        .unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "never");
    until("it is passed over", || {
        nats.stats().consumers[0].skipped == 1
    });
    other.until_all_is_acknowledged("shop");
    assert_eq!(receive(&received, 1), ["never"]);
    assert!(received.try_recv().is_err());
    assert_eq!(other.messages(), 2);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N2: a message that finds an event pool closed is left for another process, and the consumer stops asking for more.
#[test]
fn a_closed_event_pool_gets_no_more_messages() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    soiree.close().unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "1");
    until("it says why it stops", || {
        let error = nats.stats().consumers[0].last_error.clone();
        error.is_some_and(|error| error.contains("closed"))
    });
    until("it stops", || !nats.stats().consumers[0].is_pulling);
    nats.close().unwrap();
    let (other_soiree, other_nats) = (super::support::soiree(), bridge(&server));
    let received = texts(&other_soiree, "order.*");
    other_nats
        .consume(&other_soiree, consume("shop", "order.*"))
        .unwrap();
    assert_eq!(receive(&received, 1), ["1"]);
    other_nats.close().unwrap();
    other_soiree.close().unwrap();
}

/// N2: a pool that calls nobody for now uses up no attempt: the message waits, and is handled when there is room.
#[test]
fn a_full_pool_uses_up_no_attempt() {
    let Some(server) = Server::start() else {
        return;
    };
    let tiny = WorkerPool::builder()
        .max_workers(1)
        .capacity(1)
        .overflow(Overflow::Reject)
        .build()
        .unwrap();
    let soiree = EventPool::builder().pool(tiny).build().unwrap();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (started, is_started) = channel();
    let blocking = move |_: &dyn Event| {
        started.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    };
    soiree.on("block", blocking).unwrap();
    let received = texts(&soiree, "order.*");
    soiree.emit("block", ()).unwrap();
    is_started.recv().unwrap();
    soiree.emit("other", ()).unwrap();
    let nats = bridge(&server);
    let retry = Retry::fixed(Duration::ZERO, 1);
    nats.consume(&soiree, consume("shop", "order.*").retry(retry))
        .unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "1");
    until("the pool rejects it", || {
        nats.stats().consumers[0].last_error.is_some()
    });
    release.send(()).unwrap();
    assert_eq!(receive(&received, 1), ["1"]);
    other.until_all_is_acknowledged("shop");
    assert_eq!(nats.stats().consumers[0].dead, 0);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// What cannot be consumed is an error that names it.
#[test]
fn what_cannot_be_consumed_is_an_error_that_names_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let nats = bridge(&server);
    let soiree = soiree();
    let error = |consume| nats.consume(&soiree, consume).unwrap_err();
    for (name, pattern, expected) in [("a b", "order.*", "\"a b\""), ("a", "order..*", "order..*")]
    {
        let error = error(Consume::durable(name, pattern)).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let zero = error(Consume::durable("a", "order.*").in_flight(0));
    assert!(
        matches!(
            zero,
            NatsError::Zero {
                setting: "in_flight"
            }
        ),
        "{zero}"
    );
    let dead = error(Consume::durable("a", "order.*").dead_subject("nowhere.a"));
    assert!(matches!(dead, NatsError::NoDeadSubject { .. }), "{dead}");
    nats.consume(&soiree, Consume::durable("a", "order.*"))
        .unwrap();
    let taken = error(Consume::durable("a", "order.*"));
    assert!(matches!(taken, NatsError::ConsumerTaken { .. }), "{taken}");
    nats.close().unwrap();
    let closed = error(Consume::durable("b", "order.*"));
    assert!(matches!(closed, NatsError::Closed), "{closed}");
    soiree.close().unwrap();
}
