//! Options of listeners, each together with every other.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Priority, Retry, SubscribeError};

use crate::support::worker_pool;

type Apply = fn(ListenerOptions) -> ListenerOptions;

/// Valid options, each with every other.
const VALID: [(&str, Apply); 10] = [
    ("priority", |options| options.priority(Priority::Highest)),
    ("once", ListenerOptions::once),
    ("max_runs", |options| options.max_runs(u64::MAX)),
    ("accepts", |options| options.filter(|_| true)),
    ("filters out", |options| options.filter(|_| false)),
    ("name", |options| options.name("näme 1")),
    ("pool", |options| options.pool("own")),
    ("retry", |options| {
        options.retry(Retry::fixed(Duration::ZERO, 2))
    }),
    ("timeout", |options| options.timeout(Duration::MAX)),
    ("slow_after", |options| options.slow_after(Duration::MAX)),
];

/// Invalid options, with their error messages.
const INVALID: [(Apply, &str); 10] = [
    (|options| options.name(""), "\"\" cannot be the name"),
    (|options| options.name(" "), "\" \" cannot be the name"),
    (
        |options| options.name("a\nb"),
        r#""a\nb" cannot be the name"#,
    ),
    (|options| options.max_runs(0), "max_runs(0) would never"),
    (
        |options| options.timeout(Duration::ZERO),
        "a timeout of 0 would never",
    ),
    (
        |options| options.retry(Retry::fixed(Duration::ZERO, 0)),
        "a retry of 0 attempts would never",
    ),
    (
        |options| options.retry(Retry::exponential(Duration::ZERO, 10_001)),
        "a retry of 10001 attempts exceeds the limit of 10000",
    ),
    (
        |options| {
            let retry = Retry::fixed(Duration::from_secs(2), 3);
            options.retry(retry.max_delay(Duration::from_secs(1)))
        },
        "a retry with a first delay of 2s exceeds its max_delay of 1s",
    ),
    (|options| options.pool("nowhere"), "no bulkhead \"nowhere\""),
    (|options| options.pool(""), "no bulkhead \"\""),
];

fn with_own() -> soiree::Builder {
    EventPool::builder()
        .pool(worker_pool("rest", 1, 16))
        .bulkhead("own", worker_pool("own", 1, 16))
}

/// Checks what happens to a failing listener with these options, on the pool and on the calling thread.
fn check(soiree: &EventPool, letters: &Mutex<Vec<u32>>, chosen: &[&str]) {
    let has = |name: &str| chosen.contains(&name);
    let mut options = ListenerOptions::new();
    for (name, apply) in VALID {
        if has(name) {
            options = apply(options);
        }
    }
    let threads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&threads);
    let listener = move |_: &dyn soiree_core::Event| {
        let name = thread::current().name().unwrap_or_default().to_owned();
        seen.lock().unwrap().push(name);
        Err::<(), _>("no")
    };
    let id = soiree.on_with("a.b", options, listener).unwrap();
    let reports = [
        soiree.emit("a.b", ()).unwrap().wait(),
        soiree.emit_sync("a.b", ()).unwrap(),
    ];
    // `max_runs` comes after `once`, and a filter replaces the one before.
    let is_once = has("once") && !has("max_runs");
    let runs = match (has("filters out"), is_once) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    };
    let attempts = if has("retry") { 2 } else { 1 };
    for (number, report) in reports.iter().enumerate() {
        let ran = u64::from(number < runs);
        assert_eq!(
            (report.delivered(), report.failed()),
            (ran, ran),
            "{chosen:?}"
        );
        assert_eq!(report.retried(), ran * (attempts as u64 - 1), "{chosen:?}");
        assert_eq!(
            (report.timed_out(), report.not_called()),
            (0, 0),
            "{chosen:?}"
        );
        for error in report.errors() {
            assert_eq!(error.name(), has("name").then_some("näme 1"), "{chosen:?}");
        }
    }
    let threads = std::mem::take(&mut *threads.lock().unwrap());
    assert_eq!(threads.len(), runs * attempts, "{chosen:?}");
    if has("pool") {
        assert!(threads.iter().all(|name| name == "own-0"), "{chosen:?}");
    }
    let dead_letters = std::mem::take(&mut *letters.lock().unwrap());
    let expected = if has("retry") { vec![2; runs] } else { vec![] };
    assert_eq!(dead_letters, expected, "{chosen:?}");
    let is_exhausted = is_once && runs > 0;
    assert_eq!(soiree.off("a.b", &id).is_err(), is_exhausted, "{chosen:?}");
}

/// L5, L6, L7, L9: in every combination, each valid option means what it means alone.
#[test]
fn every_option_works_with_every_other() {
    let letters: Arc<Mutex<Vec<u32>>> = Arc::default();
    let kept = Arc::clone(&letters);
    let soiree = with_own()
        .dead_letter_handler(move |letter| kept.lock().unwrap().push(letter.attempts))
        .build()
        .unwrap();
    for set in 0..1_u32 << VALID.len() {
        let chosen = VALID.iter().enumerate();
        let chosen: Vec<_> = chosen
            .filter(|(at, _)| set & (1 << at) != 0)
            .map(|(_, (name, _))| *name)
            .collect();
        check(&soiree, &letters, &chosen);
    }
    soiree.close().unwrap();
}

/// L5, L6, L7, L9: an invalid option is rejected at subscription, together with any other option; the error names the value.
#[test]
fn invalid_options_are_rejected() {
    let soiree = with_own().build().unwrap();
    let rejected = |options| {
        let rejected = soiree.on_with("a.b", options, |_| {});
        rejected.unwrap_err().to_string()
    };
    for (apply, message) in INVALID {
        let text = rejected(apply(ListenerOptions::new()));
        assert!(text.contains(message), "{text}");
        for (name, other) in VALID {
            // The option set last wins.
            let text = rejected(apply(other(ListenerOptions::new())));
            assert!(text.contains(message), "{name}: {text}");
        }
        for (other, other_message) in INVALID {
            let text = rejected(apply(other(ListenerOptions::new())));
            assert!(
                text.contains(message) || text.contains(other_message),
                "{text}"
            );
        }
    }
    assert!(soiree.is_empty());
}

/// L7: retries are rejected if none may wait; a single attempt needs no room.
#[test]
fn retries_without_retry_capacity_are_rejected() {
    let soiree = with_own().retry_capacity(0).build().unwrap();
    let retry = |attempts| {
        let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, attempts));
        soiree.on_with("a.b", options, |_| {})
    };
    let rejected = retry(2).unwrap_err();
    assert_eq!(rejected, SubscribeError::NoRetryCapacity { attempts: 2 });
    retry(1).unwrap();
}
