//! Servers that forbid, and streams and consumers that others have made.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soiree::nats::async_nats::ConnectOptions;
use soiree::nats::async_nats::jetstream::consumer::pull;
use soiree::nats::async_nats::jetstream::stream::RetentionPolicy;
use soiree::nats::{NatsBuilder, NatsError, Provision, Publish};
use soiree::{Event, Permanent, Retry};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{
    Other, block, bridge, builder, builder_at, consume, outbox, receive, soiree, texts, until,
};

/// N8: what the server forbids is an error that names the subject, although the server does not answer.
#[test]
fn what_is_forbidden_is_an_error_that_names_it() {
    let user = |name: &str, denied: &str| {
        format!(
            "{{ user: {name}, password: secret, permissions: {{ publish: {{ deny: [{denied:?}] }} }} }}"
        )
    };
    let users = [
        user("writer", "acme.order.>"),
        user("reader", "$JS.API.CONSUMER.>"),
        user("nobody", "$JS.API.>"),
    ];
    let lines = format!("authorization {{ users: [ {} ] }}", users.join(", "));
    let Some(server) = Server::start_with(&lines) else {
        return;
    };
    let as_user = |name: &str| -> NatsBuilder {
        let options = ConnectOptions::with_user_and_password(name.into(), "secret".into());
        let builder = builder(&server).connect_options(options);
        builder.ack_timeout(Duration::from_millis(500))
    };
    let soiree = soiree();
    let nats = as_user("writer").connect().unwrap();
    let once = Retry::fixed(Duration::ZERO, 1);
    nats.publish(&soiree, Publish::new("**").retry(once))
        .unwrap();
    let report = soiree.emit("order.a", String::from("1")).unwrap().wait();
    let error = report.errors()[0].to_string();
    assert!(error.contains("forbids to publish order.a"), "{error}");
    assert!(error.contains("acme.order.a"), "{error}");
    // The others go on.
    let report = soiree.emit("mail.a", String::from("1")).unwrap().wait();
    assert!(report.is_ok(), "{report:?}");
    nats.close().unwrap();

    let nats = as_user("reader").connect().unwrap();
    let error = nats
        .consume(&soiree, consume("shop", "order.*"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("$JS.API.CONSUMER.INFO.EVENTS.shop"),
        "{error}"
    );
    nats.close().unwrap();
    let error = as_user("nobody").connect().unwrap_err().to_string();
    assert!(error.contains("$JS.API.STREAM.INFO.EVENTS"), "{error}");
    soiree.close().unwrap();
}

/// What the guide says that a user needs is enough: to make the stream and a consumer, to publish, to consume, and to bury.
#[test]
fn a_user_needs_no_more_than_the_guide_says() {
    let permitted = [
        "acme.>",
        "$JS.API.STREAM.INFO.EVENTS",
        "$JS.API.STREAM.CREATE.EVENTS",
        "$JS.API.CONSUMER.INFO.EVENTS.*",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.*",
        "$JS.ACK.EVENTS.>",
        "$JS.API.CONSUMER.CREATE.EVENTS.>",
        "$JS.API.STREAM.MSG.GET.EVENTS",
    ];
    let lines = format!(
        "authorization {{ user: ann, password: a, permissions: {{ publish: {permitted:?}, subscribe: [\"_INBOX.>\"] }} }}"
    );
    let lines = lines.replace("authorization {", "authorization { users: [ {") + "] }";
    let Some(server) = Server::start_with(&lines) else {
        return;
    };
    let options = ConnectOptions::with_user_and_password("ann".into(), "a".into());
    let nats = builder(&server).connect_options(options).connect().unwrap();
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let failing = |_: &dyn Event| Err::<(), _>(Permanent("no"));
    soiree.on("order.bad", failing).unwrap();
    nats.publish(&soiree, "order.*").unwrap();
    nats.consume(&soiree, consume("shop", "order.*").echo(true))
        .unwrap();
    for topic in ["order.good", "order.bad"] {
        soiree.emit(topic, String::from("1")).unwrap().wait();
    }
    receive(&received, 4);
    until("both have ended", || nats.stats().consumers[0].acked == 2);
    let stats = nats.stats();
    assert_eq!(stats.consumers[0].dead, 1);
    assert_eq!(stats.last_error, None);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// A server without JetStream, or an account without it, is an error that says so.
#[test]
fn a_server_without_jetstream_is_an_error_that_says_so() {
    let account = "accounts { A { users: [ { user: ann, password: a } ] } }\nno_auth_user: ann";
    for (lines, expected) in [
        ("jetstream: disabled", "is JetStream enabled there?"),
        (account, "JetStream not enabled for account"),
    ] {
        let Some(server) = Server::start_with(lines) else {
            return;
        };
        let error = builder(&server).connect().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// N11: a bridge that waits for its server publishes nothing before the stream is checked, so that one that differs puts no key into a
/// partition of another number.
#[test]
fn a_bridge_that_differs_publishes_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let made = builder(&server).partitions(8).connect().unwrap();
    made.close().unwrap();
    let outbox = outbox(MemoryStore::new());
    let nats = builder(&server)
        .ack_timeout(Duration::from_millis(300))
        .partitions(4)
        .connect_later()
        .unwrap();
    let retry = Retry::fixed(Duration::from_millis(20), Retry::MAX_ATTEMPTS);
    nats.publish(&outbox, Publish::new("kept.**").retry(retry))
        .unwrap();
    outbox.start().unwrap();
    for number in 0..20 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    until("attempts fail", || nats.stats().failed_publishes >= 20);
    assert_eq!(Other::connect(&server).messages(), 0);
    let error = nats.stats().last_error.unwrap();
    assert!(error.contains("partitions is 8, not 4"), "{error}");
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// A server that is too old is an error that says so, and not one about a stream that differs.
#[test]
fn a_server_that_is_too_old_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    // Says who it is, and answers that it is there. Ends with the process.
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let info = br#"INFO {"server_id":"A","version":"2.9.25","headers":true,"max_payload":1024,"proto":1}"#;
            client.write_all(info).unwrap();
            client.write_all(b"\r\n").unwrap();
            let lines = BufReader::new(client.try_clone().unwrap()).lines();
            for _ in lines.map_while(Result::ok).filter(|line| line == "PING") {
                let _ = client.write_all(b"PONG\r\n");
            }
        }
    });
    let error = builder_at(&url).connect().unwrap_err();
    assert!(matches!(error, NatsError::ServerTooOld { .. }), "{error}");
    assert!(error.to_string().contains("version 2.9.25"), "{error}");
}

fn make_consumer(other: &Other, name: &str, change: impl FnOnce(&mut pull::Config)) {
    let mut config = pull::Config {
        durable_name: Some(name.into()),
        filter_subject: "acme.order.*".into(),
        ..pull::Config::default()
    };
    change(&mut config);
    block(other.stream().create_consumer(config)).unwrap();
}

/// N4: where the server gives a message up after some deliveries, the last one of them is the last attempt, and the message is in the dead
/// subject.
#[test]
fn a_message_that_the_server_gives_up_is_in_the_dead_subject() {
    let Some(server) = Server::start() else {
        return;
    };
    bridge(&server).close().unwrap();
    let other = Other::connect(&server);
    make_consumer(&other, "shop", |config| config.max_deliver = 3);
    let soiree = soiree();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listener = move |_: &dyn Event| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err::<(), _>("no")
    };
    soiree.on("order.*", listener).unwrap();
    let nats = builder(&server)
        .provision(Provision::Use)
        .connect()
        .unwrap();
    let retry = Retry::fixed(Duration::from_millis(10), 8);
    nats.consume(&soiree, consume("shop", "order.*").retry(retry))
        .unwrap();
    other.publish("acme.order.a", "1");
    until("it is dead", || nats.stats().consumers[0].dead == 1);
    other.until_all_is_acknowledged("shop");
    assert_eq!(other.on("acme.$dead.shop").len(), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// A consumer that is used as it is may permit smaller and shorter requests.
#[test]
fn a_consumer_that_permits_less_at_a_time_is_used() {
    let Some(server) = Server::start() else {
        return;
    };
    bridge(&server).close().unwrap();
    let other = Other::connect(&server);
    make_consumer(&other, "shop", |config| {
        config.max_batch = 2;
        config.max_expires = Duration::from_secs(2);
    });
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = builder(&server)
        .provision(Provision::Use)
        .connect()
        .unwrap();
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    for number in 0..10 {
        other.publish("acme.order.a", &number.to_string());
    }
    receive(&received, 10);
    other.until_all_is_acknowledged("shop");
    assert_eq!(nats.stats().consumers[0].restarts, 0);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N4: a stream that would drop the dead messages is an error, which names the way out.
#[test]
fn a_stream_that_drops_dead_messages_is_an_error() {
    let interest = RetentionPolicy::Interest;
    for (retention, pattern, expected) in [
        (interest, "order.*", Some("interest")),
        (RetentionPolicy::WorkQueue, "**", Some("workqueue")),
        (RetentionPolicy::WorkQueue, "order.*", None),
    ] {
        let Some(server) = Server::start() else {
            return;
        };
        let soiree = soiree();
        soiree
            .on("order.*", |_: &dyn Event| Err::<(), _>(Permanent("no")))
            .unwrap();
        let dead = builder(&server).stream("DEAD").prefix("dead");
        dead.connect().unwrap().close().unwrap();
        let nats = builder(&server)
            .configure_stream(move |config| config.retention = retention)
            .connect()
            .unwrap();
        let other = Other::connect(&server);
        let subject = match expected {
            Some(retention) => {
                let error = nats.consume(&soiree, consume("shop", pattern)).unwrap_err();
                assert!(
                    matches!(error, NatsError::DeadSubjectNotKept { .. }),
                    "{error}"
                );
                assert!(error.to_string().contains(retention), "{error}");
                let elsewhere = consume("shop", pattern).dead_subject("dead.shop");
                nats.consume(&soiree, elsewhere).unwrap();
                "dead.shop"
            }
            None => {
                nats.consume(&soiree, consume("shop", pattern)).unwrap();
                "acme.$dead.shop"
            }
        };
        other.publish("acme.order.a", "1");
        until("it is dead", || nats.stats().consumers[0].dead == 1);
        other.until_all_is_acknowledged("shop");
        let stream = if expected.is_some() { "DEAD" } else { "EVENTS" };
        let stream = block(other.context.get_stream(stream)).unwrap();
        let last = block(stream.get_last_raw_message_by_subject(subject)).unwrap();
        assert_eq!(&*last.payload, b"1");
        nats.close().unwrap();
        soiree.close().unwrap();
    }
}

/// A dead subject that nothing can be published to is an error that names it.
#[test]
fn a_dead_subject_that_is_none_is_an_error() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let nats = bridge(&server);
    for subject in ["acme.*", "acme.>", "acme.a b", "", "acme..a", "."] {
        let error = nats
            .consume(&soiree, consume("shop", "order.*").dead_subject(subject))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("dead subject {subject:?}")),
            "{error}"
        );
    }
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// N2: a message is tried again if one of its listeners may still handle it, whatever the others say, and in whatever order.
#[test]
fn one_listener_that_may_succeed_is_enough_to_try_again() {
    for is_first in [true, false] {
        let Some(server) = Server::start() else {
            return;
        };
        let soiree = soiree();
        let permanent = |_: &dyn Event| Err::<(), _>(Permanent("never"));
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let flaky = move |_: &dyn Event| match counted.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err("not yet"),
            _ => Ok(()),
        };
        if is_first {
            soiree.on("order.*", permanent).unwrap();
        }
        soiree.on("order.*", flaky).unwrap();
        if !is_first {
            soiree.on("order.*", permanent).unwrap();
        }
        let nats = bridge(&server);
        let retry = Retry::fixed(Duration::from_millis(10), 8);
        nats.consume(&soiree, consume("shop", "order.*").retry(retry))
            .unwrap();
        let other = Other::connect(&server);
        other.publish("acme.order.a", "1");
        until("it is dead", || nats.stats().consumers[0].dead == 1);
        other.until_all_is_acknowledged("shop");
        assert_eq!(calls.load(Ordering::SeqCst), 3);
        assert_eq!(other.on("acme.$dead.shop").len(), 1);
        nats.close().unwrap();
        soiree.close().unwrap();
    }
}
