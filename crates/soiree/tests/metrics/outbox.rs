//! The metrics of outboxes are what the outbox itself shows.

use std::path::Path;
use std::time::{Duration, Instant};

use soiree::metrics::{self, Metrics, NameError};
use soiree::{
    BaseEvent, Event, EventId, EventPool, ListenerOptions, Outbox, Retry, SqliteStore, TypedTopic,
};

use crate::prometheus::assert_checked;
use crate::text::Text;
use crate::tools::tool;

const PLACED: TypedTopic<u64> = TypedTopic::new("order.placed");
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// An outbox whose listener `mail` fails for 0 at once, and for 1 until much later; and that has others if it is to.
pub(crate) fn outbox(file: &Path, has_audit: bool) -> Outbox {
    let outbox = Outbox::builder(SqliteStore::at(file)).json(PLACED);
    let outbox = outbox.build(EventPool::new()).unwrap();
    let options = |name: &str| ListenerOptions::new().durable(name);
    let retry = Retry::fixed(Duration::from_secs(3_600), 2)
        .when(|error| error.to_string().contains("later"));
    let mail = options("mail").retry(retry);
    let mail = mail.filter(|event: &dyn Event| event.payload_as::<u64>().is_some_and(|n| *n < 5));
    let fails = |event: &dyn Event| match event.payload_as::<u64>().as_deref() {
        Some(0) => Err("no"),
        Some(1) => Err("later"),
        _ => Ok(()),
    };
    outbox.on_with("order.*", mail, fails).unwrap();
    if has_audit {
        let audit = options("audit");
        outbox
            .on_with("order.*", audit, |_| Err::<(), _>("no"))
            .unwrap();
    }
    outbox.start().unwrap();
    outbox
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        std::thread::yield_now();
    }
}

/// D10: every figure of an outbox and of its listeners is a metric, read at the scrape, and promtool has nothing to say.
#[test]
fn metrics_of_an_outbox_are_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let first = outbox(&file, true);
    let metrics = Metrics::new();
    assert!(!metrics.encode().contains("soiree_outbox"));
    metrics::add_outbox(&metrics, &first, "main").unwrap();
    let name = Box::<str>::from("main");
    let taken = metrics::add_outbox(&metrics, &first, "main");
    assert_eq!(taken, Err(NameError::Taken { name }));
    let empty = metrics::add_outbox(&metrics, &first, "");
    assert_eq!(empty, Err(NameError::Empty));

    // One dead, one that waits for its retry, two done, three skipped.
    for number in [0_u64, 1, 2, 3, 5, 6, 7] {
        first.emit("order.placed", number).unwrap();
    }
    let event = |number: u64| BaseEvent::new("order.placed", number).with_id(EventId::from(77));
    first.emit_event(event(4)).unwrap();
    assert!(first.emit_event(event(4)).unwrap().is_duplicate());
    first.emit_event(event(3)).unwrap_err();
    let ended = |listener: &soiree::DurableInfo| {
        listener.done + listener.skipped + listener.given_up + listener.retrying as u64
    };
    wait_until("all have ended or wait", || {
        first
            .listeners()
            .iter()
            .all(|listener| ended(listener) == 8 && listener.dead_letters == listener.given_up)
    });

    let text = Text::of(&metrics);
    let of = |name: &str, labels: &[(&str, &str)]| {
        let labels = [&[("outbox", "main")], labels].concat();
        text.value(name, &labels)
    };
    let state = |state| of("soiree_outbox_state", &[("state", state)]);
    let states = ["ok", "failing", "unreadable", "failed"];
    assert_eq!(states.map(state), [1, 0, 0, 0]);
    for (name, value) in [
        ("soiree_outbox_events", 8),
        ("soiree_outbox_queue_events", 0),
        ("soiree_outbox_stored_total", 8),
        ("soiree_outbox_duplicates_total", 1),
    ] {
        assert_eq!(of(name, &[]), value, "{name}");
    }
    let rejected = |reason| of("soiree_outbox_rejected_total", &[("reason", reason)]);
    let reasons = [
        "closed",
        "conflict",
        "encode",
        "full",
        "no_codec",
        "no_listener",
        "queue_full",
        "store",
        "too_large",
    ];
    assert_eq!(reasons.map(rejected), [0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert!(of("soiree_outbox_store_bytes", &[]) > 0);
    assert!(of("soiree_outbox_wal_bytes", &[]) > 0);
    // Each emit waited for a commit of its own.
    assert!(of("soiree_outbox_commit_seconds_count", &[]) >= 10);
    assert_eq!(of("soiree_outbox_commit_events_sum", &[]), 10);
    let at_most = |events| of("soiree_outbox_commit_events_bucket", &[("le", events)]);
    assert_eq!(at_most("1"), at_most("+Inf"));
    let seconds = text.find("soiree_outbox_commit_seconds_sum", &[]).unwrap();
    assert!(seconds > 0.0 && seconds < TIME_LIMIT.as_secs_f64());
    let outcomes = |listener: &str| {
        let outcome = |outcome| {
            let labels = [("listener", listener), ("outcome", outcome)];
            of("soiree_durable_outcomes_total", &labels)
        };
        ["done", "skipped", "failed", "dead"].map(outcome)
    };
    assert_eq!(outcomes("mail"), [3, 3, 2, 1]);
    assert_eq!(outcomes("audit"), [0, 0, 8, 8]);
    let parked = |listener: &str| {
        let parked = |state| {
            of(
                "soiree_durable_parked",
                &[("listener", listener), ("state", state)],
            )
        };
        ["retry", "behind", "suspect", "dead"].map(parked)
    };
    assert_eq!(parked("mail"), [1, 0, 0, 1]);
    assert_eq!(parked("audit"), [0, 0, 0, 8]);
    let mail = [("listener", "mail")];
    let flags = [
        "held",
        "orphan",
        "waiting",
        "in_flight",
        "oldest_waiting_seconds",
    ];
    let flags = flags.map(|flag| of(&format!("soiree_durable_{flag}"), &mail));
    assert_eq!(flags, [1, 0, 0, 0, 0]);
    if let Some(promtool) = tool(&["promtool"]) {
        assert_checked(&promtool, text.as_str());
    }

    // What was discarded is no longer parked, and no counter decreases.
    assert!(first.discard("audit", EventId::from(77)).unwrap());
    let dead = || {
        Text::of(&metrics).value(
            "soiree_durable_parked",
            &[("listener", "audit"), ("state", "dead")],
        )
    };
    wait_until("one dead event less", || dead() == 7);
    let redriven = first
        .redrive_all("audit", |dead| dead.record.position.0 == 1)
        .unwrap();
    assert_eq!(redriven, 1);
    let dead_again = [("listener", "audit"), ("outcome", "dead")];
    let given_up = || Text::of(&metrics).value("soiree_durable_outcomes_total", &dead_again);
    wait_until("the redriven event is dead again", || {
        given_up() == 9 && dead() == 7
    });
    let text = Text::of(&metrics);
    let redelivered = |listener| {
        ["retry", "redriven", "crash"].map(|reason| {
            let labels = [("listener", listener), ("reason", reason)];
            text.value("soiree_durable_redelivered_total", &labels)
        })
    };
    assert_eq!(redelivered("audit"), [0, 1, 0]);
    assert_eq!(redelivered("mail"), [0, 0, 0]);

    // The name is free again, and the other listener is an orphan.
    first.close().unwrap();
    drop(first);
    wait_until("the outbox is gone", || {
        !metrics.encode().contains("soiree_outbox")
    });
    let second = outbox(&file, false);
    metrics::add_outbox(&metrics, &second, "main").unwrap();
    let text = Text::of(&metrics);
    let audit = [("listener", "audit")];
    assert_eq!(text.value("soiree_durable_orphan", &audit), 1);
    assert_eq!(text.value("soiree_durable_held", &audit), 0);
    let parked = |state| text.value("soiree_durable_parked", &[audit[0], ("state", state)]);
    assert_eq!(["dead", "retry"].map(parked), [7, 0]);
    assert_eq!(text.value("soiree_durable_waiting", &audit), 0);
    second.emit("order.placed", 2_u64).unwrap();
    let text = Text::of(&metrics);
    assert_eq!(text.value("soiree_durable_waiting", &audit), 1);
    second.close().unwrap();
}
