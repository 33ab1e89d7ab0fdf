use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::nats::StartAt;
use soiree::{BaseEvent, Event, EventId, ListenerOptions, Properties, Value};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{
    LIMIT, Other, block, bridge, consume, durable_texts, numbers, outbox, receive, soiree, text,
    texts, until,
};

/// N2: a message is acknowledged after its listeners have ended, and not before.
#[test]
fn a_message_is_acknowledged_after_its_listeners_have_ended() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let (started, is_started) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let listener = move |_: &dyn Event| {
        started.send(()).unwrap();
        released.lock().unwrap().recv_timeout(LIMIT).unwrap();
    };
    soiree.on("order.*", listener).unwrap();
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "1");
    is_started.recv_timeout(LIMIT).unwrap();
    let info = other.consumer("shop");
    assert_eq!(
        (info.num_ack_pending, info.ack_floor.stream_sequence),
        (1, 0)
    );
    release.send(()).unwrap();
    other.until_all_is_acknowledged("shop");
    assert_eq!(other.consumer("shop").ack_floor.stream_sequence, 1);
    until("the bridge knows", || nats.stats().consumers[0].acked == 1);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N2: with an outbox, a message is acknowledged when it is stored, whatever its listeners do.
#[test]
fn a_message_is_acknowledged_when_the_outbox_has_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let received = durable_texts(&outbox, "kept.**");
    let nats = bridge(&server);
    // Not started: nothing is delivered yet.
    nats.consume(&outbox, consume("shop", "kept.**")).unwrap();
    let other = Other::connect(&server);
    for number in 0..20 {
        other.publish("acme.kept.a", &number.to_string());
    }
    other.until_all_is_acknowledged("shop");
    assert_eq!(outbox.stats().stored, 20);
    assert!(received.try_recv().is_err());
    outbox.start().unwrap();
    let seen: BTreeSet<String> = receive(&received, 20).into_iter().collect();
    assert_eq!(seen, numbers(0..20).into_iter().collect());
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N10: the ID, the properties and the context of the trace arrive, from one process to another.
#[test]
fn what_belongs_to_the_event_arrives() {
    let Some(server) = Server::start() else {
        return;
    };
    let (from, to) = (outbox(MemoryStore::new()), soiree());
    let (sender, seen) = channel();
    let listener = move |event: &dyn Event| {
        let sent = (
            event.id(),
            event.topic().to_owned(),
            text(event),
            event.properties(),
        );
        sender.send(sent).unwrap();
    };
    to.on("kept.**", listener).unwrap();
    let (publishes, consumes) = (bridge(&server), bridge(&server));
    publishes.publish(&from, "kept.**").unwrap();
    consumes.consume(&to, consume("shop", "kept.**")).unwrap();
    from.start().unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let properties = Properties::new()
        .set("tenant", "äcme")
        .set("half", 0.5)
        .set("traceparent", trace)
        .set("tracestate", "a=1");
    let event = BaseEvent::new("kept.a@b.$c", String::from("hi"))
        .with_id(7_u128)
        .with_properties(properties.clone());
    from.emit_event(event).unwrap();
    let (id, topic, payload, mut found) = seen.recv_timeout(LIMIT).unwrap();
    assert_eq!(
        (id, topic.as_str(), payload.as_str()),
        (EventId::from(7_u128), "kept.a@b.$c", "hi")
    );
    assert_eq!(found.remove("soiree.via"), Some(Value::from("EVENTS")));
    assert_eq!(found.remove("soiree.hops"), Some(Value::Int(1)));
    assert_eq!(found, properties);
    for nats in [publishes, consumes] {
        nats.close().unwrap();
    }
    from.close().unwrap();
    to.close().unwrap();
}

/// N7: a listener that takes ten times as long as `ack_wait` is called once, and its message is acknowledged.
#[test]
fn a_slow_listener_is_not_run_twice() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let calls = Arc::new(AtomicUsize::new(0));
    let (counted, (release, released)) = (Arc::clone(&calls), channel::<()>());
    let released = Mutex::new(released);
    let listener = move |_: &dyn Event| {
        counted.fetch_add(1, Ordering::SeqCst);
        released.lock().unwrap().recv_timeout(LIMIT).unwrap();
    };
    soiree.on("order.*", listener).unwrap();
    let nats = bridge(&server);
    let ack_wait = Duration::from_millis(300);
    nats.consume(&soiree, consume("shop", "order.*").ack_wait(ack_wait))
        .unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "1");
    // Three signs of life in each of ten times that long.
    until("it lasts", || {
        nats.stats().consumers[0].ack_wait_extended >= 30
    });
    release.send(()).unwrap();
    other.until_all_is_acknowledged("shop");
    let info = other.consumer("shop");
    assert_eq!(
        (info.num_redelivered, info.delivered.consumer_sequence),
        (0, 1)
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N5: an inner `**` gets more than it matches from the server, and passes over the rest.
#[test]
fn what_the_pattern_does_not_match_is_passed_over() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "**");
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "a.**.z").in_flight(2))
        .unwrap();
    let other = Other::connect(&server);
    for (topic, payload) in [
        ("a.b", "no"),
        ("a.z", "1"),
        ("a.b.y", "no"),
        ("a.b.c.z", "2"),
    ] {
        other.publish(&nats.subjects().subject(topic), payload);
    }
    other.until_all_is_acknowledged("shop");
    let mut seen = receive(&received, 2);
    seen.sort();
    assert_eq!(seen, ["1", "2"]);
    until("the bridge has counted", || {
        nats.stats().consumers[0].acked == 4
    });
    assert_eq!(nats.stats().consumers[0].skipped, 2);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// A message of a publisher that knows nothing of soiree has an ID that is the same at each delivery, and the codec of its topic.
#[test]
fn a_foreign_message_is_an_event_with_an_id_that_stays() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut ids = Vec::new();
    let first = bridge(&server);
    Other::connect(&server).publish("acme.order.paid", "hi");
    // Two groups: each gets the message.
    for name in ["shop", "mail"] {
        let soiree = soiree();
        let (sender, seen) = channel();
        let listener = move |event: &dyn Event| sender.send((event.id(), text(event))).unwrap();
        soiree.on("order.*", listener).unwrap();
        let nats = bridge(&server);
        nats.consume(&soiree, consume(name, "order.*")).unwrap();
        let (id, payload) = seen.recv_timeout(LIMIT).unwrap();
        assert_eq!(payload, "hi");
        ids.push(id);
        nats.close().unwrap();
        soiree.close().unwrap();
    }
    assert_eq!(ids[0], ids[1]);
    first.close().unwrap();
}

/// A new consumer starts with the oldest message, or with those from now on.
#[test]
fn a_new_consumer_starts_where_it_is_said() {
    let Some(server) = Server::start() else {
        return;
    };
    let nats = bridge(&server);
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "old");
    for (name, start_at, expected) in [
        ("all", StartAt::Oldest, vec!["old", "new"]),
        ("now", StartAt::Now, vec!["new again"]),
    ] {
        let soiree = soiree();
        let received = texts(&soiree, "order.*");
        let consumes = consume(name, "order.*").start_at(start_at).in_flight(1);
        nats.consume(&soiree, consumes).unwrap();
        other.publish("acme.order.paid", expected[expected.len() - 1]);
        assert_eq!(receive(&received, expected.len()), expected);
        other.until_all_is_acknowledged(name);
    }
    nats.close().unwrap();
}

/// N8: a consumer that somebody deletes is made again, and goes on where it was.
#[test]
fn a_deleted_consumer_is_made_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "before");
    assert_eq!(receive(&received, 1), ["before"]);
    other.until_all_is_acknowledged("shop");
    let stream = other.stream();
    block(stream.delete_consumer("shop")).unwrap();
    other.publish("acme.order.paid", "after");
    // What was handled since the server was asked last may come again.
    until("it goes on", || {
        received.try_recv().is_ok_and(|text| text == "after")
    });
    other.until_all_is_acknowledged("shop");
    let stats = &nats.stats().consumers[0];
    assert!(stats.restarts >= 1 && stats.is_pulling);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N8: one that started with new messages does not begin with the oldest when it is made again.
#[test]
fn a_deleted_consumer_of_new_messages_stays_one() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = bridge(&server);
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "old");
    let now = consume("shop", "order.*").start_at(StartAt::Now);
    nats.consume(&soiree, now).unwrap();
    until("it asks", || nats.stats().consumers[0].is_pulling);
    block(other.stream().delete_consumer("shop")).unwrap();
    other.publish("acme.order.paid", "new");
    assert_eq!(receive(&received, 1), ["new"]);
    other.until_all_is_acknowledged("shop");
    assert!(received.try_recv().is_err());
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N2: ordinary listeners of an outbox, on topics that are not durable, are waited for.
#[test]
fn a_topic_of_an_outbox_that_is_not_durable_is_waited_for() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let (release, released) = channel::<()>();
    let (started, is_started) = channel();
    let released = Mutex::new(released);
    let listener = move |_: &dyn Event| {
        started.send(()).unwrap();
        released.lock().unwrap().recv_timeout(LIMIT).unwrap();
    };
    outbox
        .on_with("plain.*", ListenerOptions::new(), listener)
        .unwrap();
    outbox.start().unwrap();
    let nats = bridge(&server);
    nats.consume(&outbox, consume("shop", "plain.*")).unwrap();
    let other = Other::connect(&server);
    other.publish("acme.plain.a", "1");
    is_started.recv_timeout(LIMIT).unwrap();
    assert_eq!(other.consumer("shop").num_ack_pending, 1);
    release.send(()).unwrap();
    other.until_all_is_acknowledged("shop");
    nats.close().unwrap();
    outbox.close().unwrap();
}
