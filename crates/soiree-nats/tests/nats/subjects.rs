use proptest::prelude::*;
use soiree::Pattern;
use soiree::nats::Subjects;
use soiree::nats::async_nats::jetstream::consumer::pull;

use super::server::Server;
use super::support::{Other, block, bridge};

/// Segments of every kind: plain ones, and ones with characters that mean something to NATS, to a pattern or to the encoding.
fn segment() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "a>", "%", "%2E", "$", "$dead", "$JS", "@", "a>b", "é", "日本", "-", "_", "~", "\"", "\\",
        "/", ":", "{}",
    ]);
    let any = prop::collection::vec(any::<char>(), 1..6).prop_map(String::from_iter);
    prop_oneof![
        special.prop_map(String::from),
        "[a-c]",
        any.prop_filter("a segment of a valid topic", |text| {
            !text.contains('.') && soiree::validate_topic(text).is_ok()
        }),
    ]
}

fn topic() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(segment(), 1..6).prop_map(|segments| segments.join("."));
    segments.prop_filter("a valid topic", |topic| {
        soiree::validate_topic(topic).is_ok()
    })
}

fn subjects() -> Subjects {
    Subjects::new("acme.events").unwrap()
}

proptest! {
    /// N5: from a topic to its subject, and back, it is the same topic; and the subject is one that NATS takes.
    #[test]
    fn every_topic_has_a_subject_of_its_own(topic in topic()) {
        let subject = subjects().subject(&topic);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%-_.".contains(&byte);
        prop_assert!(subject.bytes().all(is_plain), "{subject}");
        prop_assert!(subject.len() < 1_024);
        prop_assert_eq!(subjects().topic(&subject).unwrap(), topic);
    }
}

/// N5: the longest topic, of characters that are all encoded, has a subject too.
#[test]
fn the_longest_topic_has_a_subject() {
    let topic = "é".repeat(127);
    let subject = subjects().subject(&topic);
    assert_eq!(subjects().topic(&subject).unwrap(), topic);
    assert_eq!(subject.len(), "acme.events.".len() + 127 * 6);
}

/// N5: what others send is read if it is a topic, and is an error that names it if not.
#[test]
fn a_foreign_subject_is_a_topic_or_an_error_that_names_it() {
    let subjects = subjects();
    assert_eq!(subjects.topic("acme.events.a@b").unwrap(), "a@b");
    assert_eq!(subjects.topic("acme.events.%c3%a9").unwrap(), "é");
    for subject in [
        "acme.events",
        "acme.eventsx.a",
        "other.a",
        "acme.events.a%",
        "acme.events.a%2",
        "acme.events.%zz",
        "acme.events.%FF",
        "acme.events.a%2Eb",
        "acme.events.a%20b",
        "acme.events.a%2Ab",
        "acme.events.%5B",
    ] {
        let error = subjects.topic(subject).unwrap_err().to_string();
        assert!(error.contains(subject), "{error}");
    }
}

/// N5: a pattern has the filter that matches the same; an inner `**` has one that matches more, and says so.
#[test]
fn filters_say_whether_they_are_exact() {
    for (pattern, filter, is_exact) in [
        ("order.paid", "acme.events.order.paid", true),
        ("order.*", "acme.events.order.*", true),
        ("order.**", "acme.events.order.>", true),
        ("**", "acme.events.>", true),
        ("*.é.**", "acme.events.*.%C3%A9.>", true),
        ("a.**.b", "acme.events.a.>", false),
        ("**.b", "acme.events.>", false),
    ] {
        let found = subjects().filter(&Pattern::new(pattern).unwrap());
        assert_eq!(
            (found.subject.as_str(), found.is_exact),
            (filter, is_exact),
            "{pattern}"
        );
    }
}

/// N5: the server delivers for a filter exactly what the pattern matches here, or more where the filter says so.
#[test]
fn the_server_delivers_what_the_pattern_matches() {
    let Some(server) = Server::start() else {
        return;
    };
    let nats = bridge(&server);
    let other = Other::connect(&server);
    let names = [
        "a", "b", "a.b", "b.a", "a.b.c", "a.a.b", "a.c.b", "a.b.b.b", "é.a>", "$x.a", "a.%.b",
        "c.*x",
    ];
    let topics: Vec<&str> = names
        .into_iter()
        .filter(|name| soiree::validate_topic(name).is_ok())
        .collect();
    for topic in &topics {
        other.publish(&nats.subjects().subject(topic), "");
    }
    let patterns = [
        "a", "*", "**", "a.*", "a.**", "*.b", "**.b", "a.**.b", "a.*.b", "*.*", "é.*", "é.a>",
        "$x.**", "a.%.*", "z.**",
    ];
    for pattern in patterns {
        let pattern = Pattern::new(pattern).unwrap();
        let filter = nats.subjects().filter(&pattern);
        let config = pull::Config {
            filter_subject: filter.subject.clone(),
            ..pull::Config::default()
        };
        let made = block(other.stream().create_consumer(config)).unwrap();
        let delivered = made.cached_info().num_pending;
        let matched = topics.iter().filter(|topic| pattern.matches(topic)).count() as u64;
        match filter.is_exact {
            true => assert_eq!(delivered, matched, "{pattern}"),
            false => assert!(delivered >= matched, "{pattern}"),
        }
    }
    nats.close().unwrap();
}
