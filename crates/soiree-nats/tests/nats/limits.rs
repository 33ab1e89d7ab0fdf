use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use soiree::Event;
use soiree::nats::Provision;

use super::server::Server;
use super::support::{Other, bridge, builder, consume, numbers, pause, soiree, text, until};

/// N3: no more messages than permitted are on their way, and with one they come in the order of the stream.
#[test]
fn with_one_in_flight_messages_come_in_order() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handled = Arc::new(Mutex::new(Vec::new()));
    let (now, peak, log) = (
        Arc::clone(&running),
        Arc::clone(&most),
        Arc::clone(&handled),
    );
    let listener = move |event: &dyn Event| {
        let at_once = now.fetch_add(1, Ordering::SeqCst) + 1;
        peak.fetch_max(at_once, Ordering::SeqCst);
        pause();
        log.lock().unwrap().push(text(event));
        now.fetch_sub(1, Ordering::SeqCst);
    };
    soiree.on("order.*", listener).unwrap();
    let other_server = bridge(&server);
    let other = Other::connect(&server);
    for number in 0..100 {
        other.publish("acme.order.paid", &number.to_string());
    }
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*").in_flight(1))
        .unwrap();
    other.until_all_is_acknowledged("shop");
    assert_eq!(*handled.lock().unwrap(), numbers(0..100));
    assert_eq!(most.load(Ordering::SeqCst), 1);
    nats.close().unwrap();
    other_server.close().unwrap();
    soiree.close().unwrap();
}

/// N3: the limit holds for all processes that share a consumer, and each message is handled by one of them.
#[test]
fn processes_share_a_consumer_and_its_limit() {
    let Some(server) = Server::start() else {
        return;
    };
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handled = Arc::new(Mutex::new(Vec::new()));
    let processes: Vec<_> = (0..3)
        .map(|_| {
            let soiree = soiree();
            let (now, peak, log) = (
                Arc::clone(&running),
                Arc::clone(&most),
                Arc::clone(&handled),
            );
            let listener = move |event: &dyn Event| {
                let at_once = now.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(at_once, Ordering::SeqCst);
                pause();
                log.lock().unwrap().push(text(event));
                now.fetch_sub(1, Ordering::SeqCst);
            };
            soiree.on("order.*", listener).unwrap();
            let nats = bridge(&server);
            nats.consume(&soiree, consume("shop", "order.*").in_flight(4))
                .unwrap();
            (soiree, nats)
        })
        .collect();
    let other = Other::connect(&server);
    for number in 0..120 {
        other.publish("acme.order.paid", &number.to_string());
    }
    until("all are handled", || handled.lock().unwrap().len() >= 120);
    other.until_all_is_acknowledged("shop");
    let handled: BTreeSet<String> = handled.lock().unwrap().drain(..).collect();
    assert_eq!(handled, numbers(0..120).into_iter().collect());
    assert!(most.load(Ordering::SeqCst) <= 4);
    for (soiree, nats) in processes {
        nats.close().unwrap();
        soiree.close().unwrap();
    }
}

/// N3: the limit of a process holds where the consumer is only used, and permits more.
#[test]
fn a_consumer_that_permits_more_changes_no_limit() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let made = bridge(&server);
    made.consume(&soiree, consume("shop", "order.*").in_flight(50))
        .unwrap();
    made.close().unwrap();
    let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let peak = Arc::clone(&most);
    let listener = move |_: &dyn Event| {
        let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
        peak.fetch_max(at_once, Ordering::SeqCst);
        pause();
        running.fetch_sub(1, Ordering::SeqCst);
    };
    soiree.on("order.*", listener).unwrap();
    let other = Other::connect(&server);
    for number in 0..50 {
        other.publish("acme.order.paid", &number.to_string());
    }
    let nats = builder(&server)
        .provision(Provision::Use)
        .connect()
        .unwrap();
    nats.consume(&soiree, consume("shop", "order.*").in_flight(1))
        .unwrap();
    other.until_all_is_acknowledged("shop");
    assert_eq!(most.load(Ordering::SeqCst), 1);
    nats.close().unwrap();
    soiree.close().unwrap();
}
