use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use soiree::nats::{Consume, Nats, NatsError, Provision, Publish, Subjects};
use soiree::{Event, KeyOrder, OrderingKey, Pattern, Retry};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{Other, block, builder, consume, outbox, receive, soiree, text, texts};

pub(crate) const PARTITIONS: u32 = 8;
const MOST: u32 = 128;
pub(crate) const KEYS: usize = 24;

/// The number within its key, and the key: `3 ann`.
pub(crate) fn key_of(event: &dyn Event) -> Option<String> {
    let text = text(event);
    text.split_once(' ').map(|(_, key)| key.to_owned())
}

pub(crate) fn in_order() -> Publish {
    let retry = Retry::fixed(Duration::from_millis(20), Retry::MAX_ATTEMPTS);
    Publish::new("kept.**")
        .retry(retry)
        .ordered(KeyOrder::by(key_of))
}

pub(crate) fn group(name: &str) -> Consume {
    let retry = Retry::fixed(Duration::from_millis(5), 1_000);
    consume(name, "kept.**").retry(retry).by_partition()
}

pub(crate) fn partitioned(server: &Server) -> Nats {
    builder(server).partitions(PARTITIONS).connect().unwrap()
}

/// The keys hold their order: each event is there, and is followed by itself or by the next one of its key.
#[track_caller]
pub(crate) fn assert_in_order<'a>(handled: impl IntoIterator<Item = &'a str>, of_each: usize) {
    let mut last = BTreeMap::<&str, usize>::new();
    for text in handled {
        let (number, key) = text.split_once(' ').expect("a number and a key");
        let number: usize = number.parse().expect("a number");
        let before = last.insert(key, number);
        let follows = match before {
            None => number == 0,
            Some(before) => number == before || number == before + 1,
        };
        assert!(follows, "{number} of {key} comes after {before:?}");
    }
    assert_eq!(last.len(), KEYS);
    assert!(
        last.values().all(|number| *number == of_each - 1),
        "{last:?}"
    );
}

pub(crate) fn all_texts(of_each: usize) -> impl Iterator<Item = String> {
    (0..of_each).flat_map(|number| (0..KEYS).map(move |key| format!("{number} key-{key}")))
}

/// N5, N11: a topic in a partition is that topic again, and a key is always in the same one; what names no partition is an error.
#[test]
fn a_subject_names_its_partition() {
    let subjects = Subjects::partitioned("acme.events", PARTITIONS).unwrap();
    let mut seen = BTreeSet::new();
    for number in 0..200 {
        let key = OrderingKey::from(format!("key-{number}"));
        let partition = subjects.partition(&key).unwrap();
        let subject = subjects.keyed_subject("user.a@b", &key);
        assert_eq!(subject, format!("acme.events.{partition}.user.a%40b"));
        assert_eq!(subjects.topic(&subject).unwrap(), "user.a@b");
        seen.insert(partition);
    }
    assert_eq!(seen, (0..PARTITIONS).collect());
    let of_topic = subjects.subject("user.a");
    assert_eq!(subjects.topic(&of_topic).unwrap(), "user.a");
    let filter = subjects.filter(&Pattern::new("user.*").unwrap());
    assert_eq!(filter.subject, "acme.events.*.user.*");
    for subject in [
        "acme.events.8.user.a",
        "acme.events.08.user.a",
        "acme.events.+1.user.a",
        "acme.events.user.a",
        "acme.events.1",
    ] {
        let error = subjects.topic(subject).unwrap_err().to_string();
        assert!(
            error.contains(subject) && error.contains("8 partitions"),
            "{error}"
        );
    }
    for partitions in [0, 257] {
        let error = Subjects::partitioned("acme", partitions).unwrap_err();
        assert!(
            error.to_string().starts_with(&partitions.to_string()),
            "{error}"
        );
    }
}

/// N11: a subject mapping of the server finds the partition that soiree finds, so that programs without soiree can publish too.
#[test]
fn the_server_maps_a_key_to_the_same_partition() {
    let mapping = r#"mappings { "in.*": "acme.{{partition(8,1)}}.kept.{{wildcard(1)}}" }"#;
    let Some(server) = Server::start_with(mapping) else {
        return;
    };
    let nats = partitioned(&server);
    let other = Other::connect(&server);
    for number in 0..40 {
        other.publish(&format!("in.key-{number}"), "");
        let message = other.message(number + 1);
        let key = format!("key-{number}");
        let expected = nats
            .subjects()
            .keyed_subject(&format!("kept.{key}"), &key.into());
        assert_eq!(message.subject.as_str(), expected);
    }
    nats.close().unwrap();
}

/// N11: how many partitions there are is stored with the stream, and a process that differs gets an error that says what differs.
#[test]
fn processes_that_disagree_on_partitions_get_an_error() {
    let Some(server) = Server::start() else {
        return;
    };
    let nats = partitioned(&server);
    let config = Other::connect(&server)
        .stream()
        .cached_info()
        .config
        .clone();
    assert_eq!(config.subjects.len(), PARTITIONS as usize + 1);
    for (partitions, text) in [
        (Some(4), "partitions is 8, not 4"),
        (None, "partitions is 8, not none"),
    ] {
        for provision in [Provision::Create, Provision::Check, Provision::Use] {
            let mut builder = builder(&server).provision(provision);
            if let Some(partitions) = partitions {
                builder = builder.partitions(partitions);
            }
            let error = builder.connect().unwrap_err();
            assert!(matches!(error, NatsError::Differs { .. }), "{error}");
            assert!(error.to_string().ends_with(text), "{error}");
        }
    }
    let plain = || builder(&server).stream("PLAIN").prefix("plain");
    let unpartitioned = plain().connect().unwrap();
    let error = plain().partitions(8).connect().unwrap_err().to_string();
    assert!(error.ends_with("partitions is none, not 8"), "{error}");
    for partitions in [0, 1_000] {
        let error = plain().partitions(partitions).connect().unwrap_err();
        assert!(
            error.to_string().starts_with(&partitions.to_string()),
            "{error}"
        );
    }

    let soiree = soiree();
    let error = unpartitioned
        .consume(&soiree, group("billing"))
        .unwrap_err();
    assert!(matches!(error, NatsError::NotPartitioned { .. }), "{error}");
    let error = nats
        .consume(&soiree, group("billing").in_flight(2))
        .unwrap_err();
    assert!(error.to_string().contains("in_flight(2)"), "{error}");
    let outbox = outbox(MemoryStore::new());
    let error = nats.consume(&outbox, group("billing")).unwrap_err();
    assert!(
        matches!(error, NatsError::PartitionStored { .. }),
        "{error}"
    );
    nats.consume(&soiree, consume("billing-3", "kept.**"))
        .unwrap();
    let error = nats.consume(&soiree, group("billing")).unwrap_err();
    assert!(error.to_string().contains("billing-3"), "{error}");
    nats.close().unwrap();
    unpartitioned.close().unwrap();
    outbox.close().unwrap();
    soiree.close().unwrap();
}

/// N11: a consumer without partitions gets the events of all of them; and a subject of no partition is not taken.
#[test]
fn a_consumer_without_partitions_gets_all_events() {
    let Some(server) = Server::start() else {
        return;
    };
    let (from, to) = (soiree(), soiree());
    let received = texts(&to, "kept.**");
    let nats = partitioned(&server);
    let audit = partitioned(&server);
    nats.publish(&from, in_order()).unwrap();
    audit.consume(&to, consume("audit", "kept.*")).unwrap();
    for text in all_texts(2) {
        from.emit("kept.a", text).unwrap().wait();
    }
    let seen: BTreeSet<String> = receive(&received, 2 * KEYS).into_iter().collect();
    assert_eq!(seen, all_texts(2).collect());
    let other = Other::connect(&server);
    other.until_all_is_acknowledged("audit");
    for subject in ["acme.kept.a", "acme.8.kept.a"] {
        let sent = block(async {
            let sent = other.context.publish(subject, "".into()).await.unwrap();
            sent.await
        });
        assert!(sent.is_err(), "{subject}");
    }
    nats.close().unwrap();
    audit.close().unwrap();
    from.close().unwrap();
    to.close().unwrap();
}

/// N11: a group gets the events of all partitions, though there are many, and making their consumers at once is too much for a server.
#[test]
fn many_partitions_can_be_consumed() {
    let Some(server) = Server::start() else {
        return;
    };
    let (from, to) = (soiree(), soiree());
    let received = texts(&to, "kept.**");
    // Asked for all at once, the server answers the last ones too late.
    let nats = builder(&server)
        .partitions(MOST)
        .ack_timeout(Duration::from_millis(500))
        .connect()
        .unwrap();
    nats.publish(&from, in_order()).unwrap();
    nats.consume(&to, group("billing").echo(true)).unwrap();
    let emissions: Vec<_> = (0..300)
        .map(|key| from.emit("kept.a", format!("0 key-{key}")).unwrap())
        .collect();
    for emission in emissions {
        emission.wait();
    }
    let seen: BTreeSet<String> = receive(&received, 300).into_iter().collect();
    assert_eq!(seen.len(), 300);
    assert_eq!(nats.stats().consumers.len(), MOST as usize);
    nats.close().unwrap();
    from.close().unwrap();
    to.close().unwrap();
}
