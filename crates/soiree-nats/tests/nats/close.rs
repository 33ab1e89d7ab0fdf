use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use soiree::codec::Text;
use soiree::nats::{CloseNatsError, NatsError};
use soiree::{Event, EventPool, Outbox, TaskPool};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{
    LIMIT, Other, bridge, builder, consume, outbox, receive, soiree, texts, until, within,
};

/// N9: a close waits for the messages that are being handled, and acknowledges them; those that came and were not looked at go back.
#[test]
fn a_close_waits_for_what_is_being_handled() {
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
    nats.consume(&soiree, consume("shop", "order.*").in_flight(1))
        .unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "1");
    other.publish("acme.order.paid", "2");
    is_started.recv_timeout(LIMIT).unwrap();
    let closing = nats.clone();
    let closed = std::thread::spawn(move || closing.close());
    until("it is closing", || {
        nats.publish(&soiree, "a")
            .is_err_and(|error| matches!(error, NatsError::Closed))
    });
    assert!(!within(Duration::from_millis(100), || closed.is_finished()));
    release.send(()).unwrap();
    closed.join().unwrap().unwrap();
    let info = other.consumer("shop");
    assert_eq!(info.ack_floor.stream_sequence, 1);
    assert_eq!(info.num_pending + info.num_ack_pending as u64, 1);
    let stats = &nats.stats().consumers[0];
    assert_eq!(
        (stats.acked, stats.in_flight, stats.is_pulling),
        (1, 0, false)
    );
    assert!(
        is_started.try_recv().is_err(),
        "the second one is not handled here"
    );
    assert_eq!(nats.close(), Err(CloseNatsError::Closed));
    soiree.close().unwrap();
}

/// N9: a close with a deadline says what was still on its way, and another process gets it after `ack_wait`.
#[test]
fn a_close_with_a_deadline_says_what_still_runs() {
    let Some(server) = Server::start() else {
        return;
    };
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (started, is_started) = channel();
    let hanging = soiree();
    let listener = move |_: &dyn Event| {
        started.send(()).unwrap();
        released.lock().unwrap().recv_timeout(LIMIT).unwrap();
    };
    hanging.on("order.*", listener).unwrap();
    let nats = bridge(&server);
    nats.consume(&hanging, consume("shop", "order.*")).unwrap();
    let other = Other::connect(&server);
    other.publish("acme.order.paid", "1");
    is_started.recv_timeout(LIMIT).unwrap();
    let error = nats
        .close_with_deadline(Duration::from_millis(50))
        .unwrap_err();
    assert!(
        matches!(error, CloseNatsError::Running { running: 1, .. }),
        "{error}"
    );
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let second = bridge(&server);
    second.consume(&soiree, consume("shop", "order.*")).unwrap();
    assert_eq!(receive(&received, 1), ["1"]);
    other.until_all_is_acknowledged("shop");
    release.send(()).unwrap();
    second.close().unwrap();
    soiree.close().unwrap();
    hanging.close().unwrap();
}

/// N9: what an outbox has not published when the bridge is closed, it publishes after the next start.
#[test]
fn what_is_not_published_at_a_close_is_published_after_the_next_start() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = MemoryStore::new();
    let first = outbox(store.another_process());
    let nats = bridge(&server);
    nats.publish(&first, "kept.**").unwrap();
    // Stored, and not started.
    for number in 0..30 {
        first.emit("kept.a", number.to_string()).unwrap();
    }
    nats.close().unwrap();
    first.close().unwrap();
    let other = Other::connect(&server);
    assert_eq!(other.messages(), 0);
    let second = outbox(store.another_process());
    let nats = bridge(&server);
    nats.publish(&second, "kept.**").unwrap();
    second.start().unwrap();
    second.drain(LIMIT).unwrap();
    assert_eq!(other.messages(), 30);
    nats.close().unwrap();
    second.close().unwrap();
}

/// N9: a close does not wait for a server that is not there, neither with what is to be published nor with a message that is to be buried.
#[test]
fn a_close_does_not_wait_for_a_server_that_is_gone() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let (release, released) = channel::<()>();
    let (started, is_started) = channel();
    let released = Mutex::new(released);
    let listener = move |_: &dyn Event| {
        started.send(()).unwrap();
        released.lock().unwrap().recv_timeout(LIMIT).unwrap();
        Err::<(), _>(soiree::Permanent("no"))
    };
    outbox
        .on_with("plain", soiree::ListenerOptions::new(), listener)
        .unwrap();
    let nats = bridge(&server);
    nats.publish(&outbox, "kept.**").unwrap();
    nats.consume(&outbox, consume("shop", "**")).unwrap();
    outbox.start().unwrap();
    Other::connect(&server).publish("acme.plain", "1");
    is_started.recv_timeout(LIMIT).unwrap();
    server.kill();
    until("it is noticed", || !nats.stats().is_connected);
    outbox.emit("kept.a", String::from("1")).unwrap();
    until("it is being published", || nats.stats().publishing == 1);
    release.send(()).unwrap();
    let closing = nats.clone();
    let closed = std::thread::spawn(move || closing.close());
    // An attempt to publish waits for fifteen seconds.
    let soon = Duration::from_secs(10);
    assert!(within(soon, || closed.is_finished()), "it waits");
    closed.join().unwrap().unwrap();
    assert_eq!(nats.stats().consumers[0].dead, 0);
    outbox.close().unwrap();
}

/// N9: a close does not wait either for a server that is gone with the acknowledgement of what was handled. The message comes again.
#[test]
fn a_close_does_not_wait_to_acknowledge_to_a_server_that_is_gone() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let (release, released) = channel::<()>();
    let (started, is_started) = channel();
    let released = Mutex::new(released);
    let listener = move |_: &dyn Event| {
        started.send(()).unwrap();
        released.lock().unwrap().recv_timeout(LIMIT).unwrap();
    };
    soiree.on("order.*", listener).unwrap();
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    Other::connect(&server).publish("acme.order.paid", "1");
    is_started.recv_timeout(LIMIT).unwrap();
    server.kill();
    until("it is noticed", || !nats.stats().is_connected);
    release.send(()).unwrap();
    let closing = nats.clone();
    let closed = std::thread::spawn(move || closing.close());
    // One request may be under way, and waits for two seconds. It was four of them, after a wait for the server each.
    let soon = Duration::from_secs(8);
    assert!(within(soon, || closed.is_finished()), "it waits");
    closed.join().unwrap().unwrap();
    assert_eq!(nats.stats().consumers[0].unconfirmed, 1);
    soiree.close().unwrap();
}

/// N9: a close does not wait for ever on the only thread that could go on with what is being published.
#[test]
fn a_close_ends_on_the_only_thread_that_publishes() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut thread = tokio::runtime::Builder::new_current_thread();
    let thread = thread.enable_all().build().unwrap();
    let tasks = TaskPool::new(thread.handle().clone(), 256, 1_000).unwrap();
    let soiree = EventPool::builder().bulkhead("async", tasks);
    let outbox = Outbox::builder(MemoryStore::new())
        .codec("kept.**", Text)
        .build(soiree.build().unwrap())
        .unwrap();
    let nats = builder(&server).ack_timeout(Duration::from_millis(200));
    let nats = nats.connect().unwrap();
    nats.publish(&outbox, "kept.**").unwrap();
    outbox.start().unwrap();
    thread.block_on(async {
        while nats.stats().publishing == 0 {
            outbox.emit("kept.a", String::from("1")).unwrap();
            tokio::task::yield_now().await;
        }
        let error = nats.close().unwrap_err();
        assert!(matches!(error, CloseNatsError::Running { .. }), "{error}");
        outbox.close_async().await.unwrap();
    });
}

/// N9: when the last handle of a bridge is dropped, it consumes no more and keeps no event pool.
#[test]
fn a_bridge_that_is_dropped_keeps_no_event_pool() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let weak = soiree.downgrade();
    let nats = bridge(&server);
    nats.publish(&soiree, "order.*").unwrap();
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    drop(soiree);
    assert!(weak.upgrade().is_some(), "the bridge consumes into it");
    drop(nats);
    until("it is gone", || weak.upgrade().is_none());
}
