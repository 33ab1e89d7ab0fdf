//! The exact spans and events in their exact order, checked by tracing's own mock subscriber.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{ThreadId, current};

use soiree::EventPool;
use soiree_core::{ListenerOptions, Priority};
use soiree_testkit::ManualPool;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Subscriber, info, info_span};
use tracing_mock::{expect, subscriber};

/// The panics of the mock. The engine catches panics of subscribers, so the test has to look for them.
static MOCK_PANICS: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

fn collect_mock_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            let place = panic.location().map(|place| place.file());
            if place.is_some_and(|file| file.contains("tracing-mock")) {
                let mut panics = MOCK_PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                panics.push((current().id(), panic.to_string()));
            }
            before(panic);
        }));
    });
}

fn mock_panics_of_this_thread() -> Vec<String> {
    let panics = MOCK_PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    let here = panics
        .iter()
        .filter(|(thread, _)| *thread == current().id());
    here.map(|(_, panic)| panic.clone()).collect()
}

/// L1, L4: the spans of calls are in that of the emission, and a failure is an event in its call.
#[test]
fn an_emission_and_its_calls_are_traced_in_order() {
    collect_mock_panics();
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let options = ListenerOptions::from(Priority::High).name("audit");
    soiree
        .on_with("mock.*", options, |_| Err::<(), _>("no"))
        .unwrap();
    soiree
        .on_with("mock.me", ListenerOptions::new().name("next"), |_| {
            info!("inside")
        })
        .unwrap();

    let request = expect::span().named("request");
    let emission = expect::span()
        .named("emission")
        .with_target("soiree")
        .at_level(Level::INFO);
    let audit_id = expect::id();
    let audit = expect::span().named("listener").with_id(audit_id.clone());
    let next_id = expect::id();
    let next = expect::span().named("listener").with_id(next_id.clone());
    let field = |name: &'static str, value: &'static str| expect::field(name).with_value(&value);
    let of_audit = || {
        field("topic", "mock.me")
            .and(field("listener", "audit"))
            .and(field("pattern", "mock.*"))
            .and(expect::field("attempt").with_value(&1_u64))
    };
    let (mock, handle) = subscriber::mock()
        .new_span(request.clone())
        .enter(request.clone())
        .new_span(
            emission
                .clone()
                .with_ancestry(expect::has_contextual_parent("request"))
                .with_fields(
                    field("topic", "mock.me")
                        .and(field("pool", "default"))
                        .only(),
                ),
        )
        .exit(request.clone())
        .enter(emission.clone())
        .new_span(
            audit
                .clone()
                .with_ancestry(expect::has_contextual_parent("emission"))
                .with_fields(of_audit()),
        )
        .enter(audit.clone())
        .exit(audit.clone())
        .enter(audit.clone())
        .event(
            expect::event()
                .at_level(Level::ERROR)
                .with_target("soiree")
                .with_ancestry(expect::has_contextual_parent(&audit_id))
                .with_fields(of_audit().and(expect::msg("listener failed"))),
        )
        .exit(audit.clone())
        .new_span(
            next.clone()
                .with_ancestry(expect::has_contextual_parent("emission"))
                .with_fields(field("listener", "next")),
        )
        .enter(next.clone())
        .event(
            expect::event()
                .with_ancestry(expect::has_contextual_parent(&next_id))
                .with_fields(expect::msg("inside")),
        )
        .exit(next)
        .exit(emission)
        .only()
        .run_with_handle();
    with_default(mock, || {
        let request = info_span!("request");
        request.in_scope(|| soiree.emit("mock.me", 1).unwrap());
        pool.run_all();
    });
    handle.assert_finished();
    assert_eq!(mock_panics_of_this_thread(), [""; 0]);
    soiree.close().unwrap();
}

/// E1: if the subscriber filters out spans of this level, failures are still events.
#[test]
fn failures_are_events_even_if_spans_are_filtered_out() {
    collect_mock_panics();
    let soiree = EventPool::with_pool(ManualPool::new());
    soiree.on("mock.fails", |_| Err::<(), _>("no")).unwrap();
    let (mock, handle) = subscriber::mock()
        .with_filter(|metadata| *metadata.level() <= Level::WARN)
        .event(
            expect::event()
                .at_level(Level::ERROR)
                .with_ancestry(expect::is_contextual_root()),
        )
        .only()
        .run_with_handle();
    with_default(mock, || {
        soiree.emit_sync("mock.fails", 1).unwrap();
    });
    handle.assert_finished();
    assert_eq!(mock_panics_of_this_thread(), [""; 0]);
    soiree.close().unwrap();
}

/// Panics in every method that the engine can reach.
struct Broken;

impl Subscriber for Broken {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        // Only spans of listeners get an ID, to have spans that can be entered.
        assert_eq!(attributes.metadata().name(), "listener");
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        panic!("record")
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("event")
    }

    fn enter(&self, _: &Id) {
        panic!("enter")
    }

    fn exit(&self, _: &Id) {
        panic!("exit")
    }

    fn try_close(&self, _: Id) -> bool {
        panic!("close")
    }
}

/// L4, E4: all listeners are called, and no emission is left at the close.
#[test]
fn a_subscriber_that_panics_changes_nothing() {
    let pool = ManualPool::with_capacity(1);
    let soiree = EventPool::with_pool(pool.clone());
    soiree.on("mock.broken", |_| Err::<(), _>("no")).unwrap();
    soiree.on("mock.broken", |_| {}).unwrap();
    with_default(Broken, || {
        let emission = soiree.emit("mock.broken", 1).unwrap();
        assert!(soiree.emit("mock.broken", 1).is_err(), "the queue is full");
        pool.run_all();
        let report = emission.wait();
        assert_eq!((report.delivered(), report.failed()), (2, 1));
        let report = soiree.emit_sync("mock.broken", 1).unwrap();
        assert_eq!((report.delivered(), report.failed()), (2, 1));
        assert!(soiree.emit("mock..broken", 1).is_err());
        soiree.emit("mock.broken", 1).unwrap();
        pool.discard_next();
        soiree.close().unwrap();
    });
}
