use std::time::Duration;

use soiree::nats::Publish;
use soiree::{BaseEvent, Event, ListenerOptions, Retry, Value};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{
    LIMIT, Other, bridge, builder, consume, durable_texts, outbox, receive, soiree, texts, until,
};

/// N6: what a process has published does not come back to it, unless it asks for that.
#[test]
fn own_events_do_not_come_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let received = durable_texts(&outbox, "kept.**");
    let nats = bridge(&server);
    nats.publish(&outbox, "kept.**").unwrap();
    nats.consume(&outbox, consume("shop", "kept.**")).unwrap();
    outbox.start().unwrap();
    for number in 0..10 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    receive(&received, 10);
    until("all are passed over", || {
        nats.stats().consumers[0].skipped == 10
    });
    let other = Other::connect(&server);
    other.until_all_is_acknowledged("shop");
    assert_eq!(other.messages(), 10);
    assert_eq!((outbox.stats().stored, outbox.stats().duplicates), (10, 0));
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N6: with `echo`, an event pool gets what it has published, once, and does not publish it again.
#[test]
fn with_echo_own_events_come_back_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = bridge(&server);
    nats.publish(&soiree, "order.*").unwrap();
    nats.consume(&soiree, consume("shop", "order.*").echo(true))
        .unwrap();
    soiree.emit("order.paid", String::from("1")).unwrap().wait();
    assert_eq!(receive(&received, 2), ["1", "1"]);
    let other = Other::connect(&server);
    other.until_all_is_acknowledged("shop");
    assert_eq!(nats.stats().not_published, 1);
    assert_eq!(other.messages(), 1);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N6: an event that came from a stream is not published to it, by any process that got it, and the mark survives the outbox.
#[test]
fn what_came_from_the_stream_does_not_return_to_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let (from, to) = (outbox(MemoryStore::new()), outbox(MemoryStore::new()));
    let received = durable_texts(&to, "kept.**");
    let (one, two) = (bridge(&server), bridge(&server));
    one.publish(&from, "kept.**").unwrap();
    two.publish(&to, "kept.**").unwrap();
    one.consume(&from, consume("one", "kept.**")).unwrap();
    two.consume(&to, consume("two", "kept.**")).unwrap();
    from.start().unwrap();
    to.start().unwrap();
    for number in 0..20 {
        from.emit("kept.a", number.to_string()).unwrap();
    }
    receive(&received, 20);
    to.drain(LIMIT).unwrap();
    assert_eq!(two.stats().not_published, 20);
    let other = Other::connect(&server);
    assert_eq!(other.messages(), 20);
    for (nats, outbox) in [(one, from), (two, to)] {
        nats.close().unwrap();
        outbox.close().unwrap();
    }
}

/// N6: an event that listeners of two streams pass on to each other ends after 16 streams.
#[test]
fn an_event_that_is_passed_on_for_ever_ends() {
    let Some(server) = Server::start() else {
        return;
    };
    // A listener that emits what it gets anew, as a service does that translates events.
    let pass_on = |soiree: &soiree::EventPool, from: &str, to: &'static str| {
        let weak = soiree.downgrade();
        let listener = move |event: &dyn Event| {
            let soiree = weak.upgrade().unwrap();
            let mut properties = event.properties();
            properties.remove("soiree.via");
            let text = super::support::text(event);
            soiree
                .emit_event(BaseEvent::new(to, text).with_properties(properties))
                .unwrap();
        };
        soiree
            .on_with(from, ListenerOptions::new(), listener)
            .unwrap();
    };
    let (one, two) = (soiree(), soiree());
    let (to_two, from_one) = (bridge(&server), bridge(&server));
    let back = || {
        let back = builder(&server).stream("BACK").prefix("back");
        back.connect().unwrap()
    };
    let (to_one, from_two) = (back(), back());
    pass_on(&one, "pong", "ping");
    pass_on(&two, "ping", "pong");
    let once = Retry::fixed(Duration::ZERO, 1);
    to_two
        .publish(&one, Publish::new("ping").retry(once.clone()))
        .unwrap();
    to_one
        .publish(&two, Publish::new("pong").retry(once))
        .unwrap();
    from_one.consume(&two, consume("two", "ping")).unwrap();
    from_two.consume(&one, consume("one", "pong")).unwrap();
    one.emit("ping", String::from("ball")).unwrap();
    let passed = || to_two.stats().published + to_one.stats().published;
    until("it is rejected", || {
        to_two.stats().failed_publishes + to_one.stats().failed_publishes == 1
    });
    let other = Other::connect(&server);
    other.until_all_is_acknowledged("two");
    assert_eq!(passed(), 16);
    assert_eq!(other.messages(), 8);
    for nats in [to_two, to_one, from_one, from_two] {
        nats.close().unwrap();
    }
    one.close().unwrap();
    two.close().unwrap();
}

/// N6: what came from one stream may be published to another, and remembers both.
#[test]
fn an_event_may_go_on_to_another_stream() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let first = bridge(&server);
    let second = builder(&server)
        .stream("MORE")
        .prefix("more")
        .connect()
        .unwrap();
    first.consume(&soiree, consume("shop", "order.*")).unwrap();
    second.publish(&soiree, "order.*").unwrap();
    let end = super::support::soiree();
    let (sender, seen) = std::sync::mpsc::channel();
    let listener = move |event: &dyn Event| sender.send(event.properties()).unwrap();
    end.on("order.*", listener).unwrap();
    let third = builder(&server)
        .stream("MORE")
        .prefix("more")
        .connect()
        .unwrap();
    third.consume(&end, consume("end", "order.*")).unwrap();
    Other::connect(&server).publish("acme.order.paid", "1");
    let properties = seen.recv_timeout(LIMIT).unwrap();
    assert_eq!(
        properties.get("soiree.via"),
        Some(&Value::from("EVENTS MORE"))
    );
    assert_eq!(properties.get("soiree.hops"), Some(&Value::Int(2)));
    for nats in [first, second, third] {
        nats.close().unwrap();
    }
    soiree.close().unwrap();
    end.close().unwrap();
}
