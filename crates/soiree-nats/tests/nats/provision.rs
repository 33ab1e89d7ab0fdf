use std::time::Duration;

use soiree::nats::async_nats::jetstream::consumer::pull;
use soiree::nats::async_nats::jetstream::stream::{Compression, RetentionPolicy, StorageType};
use soiree::nats::{NatsError, Provision};

use super::server::Server;
use super::support::{Other, block, bridge, builder, consume, receive, soiree, texts};

/// A stream that is missing is made, or an error that names it.
#[test]
fn a_missing_stream_is_made_or_named() {
    let Some(server) = Server::start() else {
        return;
    };
    for provision in [Provision::Check, Provision::Use] {
        let error = builder(&server).provision(provision).connect().unwrap_err();
        assert!(matches!(error, NatsError::NoStream { .. }), "{error}");
        assert!(error.to_string().contains("EVENTS"), "{error}");
    }
    bridge(&server).close().unwrap();
    let stream = Other::connect(&server).stream();
    let config = &stream.cached_info().config;
    assert_eq!(config.subjects, ["acme.>"]);
    assert_eq!(config.storage, StorageType::File);
    for provision in [Provision::Check, Provision::Use, Provision::Create] {
        builder(&server)
            .provision(provision)
            .connect()
            .unwrap()
            .close()
            .unwrap();
    }
}

/// A stream that differs is an error that names each difference; one that is only used may differ.
#[test]
fn a_stream_that_differs_is_an_error_that_says_what_differs() {
    let Some(server) = Server::start() else {
        return;
    };
    let made = builder(&server).configure_stream(|config| {
        config.storage = StorageType::Memory;
        config.subjects = vec!["acme.order.>".into()];
        config.retention = RetentionPolicy::Interest;
    });
    made.connect().unwrap().close().unwrap();
    for provision in [Provision::Create, Provision::Check] {
        let error = builder(&server).provision(provision).connect().unwrap_err();
        let NatsError::Differs { differences, .. } = &error else {
            panic!("{error}");
        };
        let settings: Vec<&str> = differences
            .iter()
            .map(|difference| difference.setting)
            .collect();
        assert_eq!(settings, ["subjects", "storage", "retention"]);
        let text = error.to_string();
        assert!(text.contains("storage is Memory, not File"), "{text}");
        assert!(text.contains("acme.order.>"), "{text}");
    }
    builder(&server)
        .provision(Provision::Use)
        .connect()
        .unwrap()
        .close()
        .unwrap();
}

/// Settings that drop messages, or change them, are compared too: those of the stream, and those of a consumer that lose where it stands.
#[test]
fn settings_that_drop_messages_are_compared() {
    let Some(server) = Server::start() else {
        return;
    };
    let nats = bridge(&server);
    let other = Other::connect(&server);
    let soiree = soiree();
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    nats.close().unwrap();
    let mut config = other.stream().cached_info().config.clone();
    config.max_messages_per_subject = 1;
    config.allow_rollup = true;
    config.deny_delete = true;
    config.compression = Some(Compression::S2);
    block(other.context.update_stream(config)).unwrap();
    let error = builder(&server).connect().unwrap_err().to_string();
    for text in [
        "max_msgs_per_subject is 1, not -1",
        "allow_rollup_hdrs is true, not false",
        "deny_delete is true, not false",
        "compression is true, not false",
    ] {
        assert!(error.contains(text), "{error}");
    }
    // What the program asks for is what it is compared with.
    let same = builder(&server).configure_stream(|config| {
        config.max_messages_per_subject = 1;
        config.allow_rollup = true;
        config.deny_delete = true;
        config.compression = Some(Compression::S2);
    });
    let nats = same.connect().unwrap();
    let config = other.consumer("shop").config;
    let config = pull::Config {
        durable_name: Some("shop".into()),
        ack_wait: config.ack_wait,
        max_deliver: config.max_deliver,
        filter_subject: config.filter_subject,
        max_ack_pending: config.max_ack_pending,
        inactive_threshold: Duration::from_secs(60),
        backoff: vec![Duration::from_secs(1), Duration::from_secs(2)],
        ..pull::Config::default()
    };
    block(other.stream().update_consumer(config)).unwrap();
    let error = nats.consume(&soiree, consume("shop", "order.*"));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("backoff is [1s, 2s], not []"), "{error}");
    assert!(
        error.contains("inactive_threshold is 60s, not 0ns"),
        "{error}"
    );
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// A consumer that is missing is made, or an error that names it; one that differs is an error that says what differs.
#[test]
fn a_consumer_is_made_checked_or_used() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let nats = bridge(&server);
    let checks = builder(&server)
        .provision(Provision::Check)
        .connect()
        .unwrap();
    let error = checks
        .consume(&soiree, consume("shop", "order.*"))
        .unwrap_err();
    assert!(matches!(error, NatsError::NoConsumer { .. }), "{error}");
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    let config = Other::connect(&server).consumer("shop").config;
    assert_eq!((config.max_deliver, config.max_ack_pending), (-1, 64));
    assert_eq!(config.filter_subject, "acme.order.*");
    checks.consume(&soiree, consume("shop", "order.*")).unwrap();
    let other = bridge(&server);
    let differs = consume("shop", "order.**")
        .in_flight(3)
        .ack_wait(Duration::from_secs(7));
    let error = other.consume(&soiree, differs.clone()).unwrap_err();
    let NatsError::Differs { differences, .. } = &error else {
        panic!("{error}");
    };
    let settings: Vec<&str> = differences
        .iter()
        .map(|difference| difference.setting)
        .collect();
    assert_eq!(settings, ["filter_subjects", "ack_wait", "max_ack_pending"]);
    let uses = builder(&server)
        .provision(Provision::Use)
        .connect()
        .unwrap();
    uses.consume(&soiree, differs).unwrap();
    for nats in [nats, checks, other, uses] {
        nats.close().unwrap();
    }
    soiree.close().unwrap();
}

/// Settings are checked before anything is connected, and an error shows no password.
#[test]
fn bad_settings_are_errors_that_name_them() {
    for prefix in ["", "a b", "a..b", "a.*", "a.>", "$JS"] {
        let error = soiree::nats::Nats::builder("x")
            .prefix(prefix)
            .connect()
            .unwrap_err();
        assert!(
            error.to_string().contains(&format!("{prefix:?}")),
            "{error}"
        );
    }
    for stream in ["", "a b", "a.b", "*"] {
        let error = soiree::nats::Nats::builder("x")
            .stream(stream)
            .connect()
            .unwrap_err();
        assert!(
            error.to_string().contains(&format!("{stream:?}")),
            "{error}"
        );
    }
    let port = super::server::free_port();
    let url = format!("nats://user:secret@127.0.0.1:{port}");
    let error = soiree::nats::Nats::builder(&url).connect().unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains(&port.to_string()) && !text.contains("secret"),
        "{text}"
    );
}

/// Addresses that are none are an error, whether or not the bridge waits for a server.
#[test]
fn bad_addresses_are_an_error() {
    for url in [
        "",
        " , ",
        "http://127.0.0.1:1",
        "nats://a b",
        "nats://127.0.0.1:99999",
    ] {
        let error = soiree::nats::Nats::builder(url).connect().unwrap_err();
        assert!(matches!(error, NatsError::Connect { .. }), "{error}");
        let error = soiree::nats::Nats::builder(url)
            .connect_later()
            .unwrap_err();
        assert!(matches!(error, NatsError::Connect { .. }), "{error}");
    }
}

/// In async code nothing blocks, on a runtime with one thread.
#[test]
fn everything_has_an_async_twin() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let nats = builder(&server).connect_async().await.unwrap();
        nats.consume_async(&soiree, consume("shop", "order.*"))
            .await
            .unwrap();
        nats.close_async().await.unwrap();
        // And the blocking ones work there too.
        let nats = builder(&server).connect().unwrap();
        nats.consume(&soiree, consume("shop", "order.*")).unwrap();
        let client = nats.client();
        block_elsewhere(move || {
            block(async { client.publish("acme.order.paid", "1".into()).await.unwrap() });
        });
        assert_eq!(receive(&received, 1), ["1"]);
        nats.close().unwrap();
    });
    soiree.close().unwrap();
}

fn block_elsewhere(run: impl FnOnce() + Send + 'static) {
    std::thread::spawn(run).join().unwrap();
}
