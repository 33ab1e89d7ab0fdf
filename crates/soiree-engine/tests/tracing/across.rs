//! Spans from the emitter to the listeners, across pools and threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{BaseEvent, Event, ListenerOptions, Overflow, Retry};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use tracing::info_span;

use crate::recorder::{numbered, record, span, spans, wait_closed, with_message};

/// L1, E1: the span of a listener is in that of the emission, which is in the span that was current at the emit.
#[test]
fn spans_follow_the_event_to_the_worker() {
    record();
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    let options = ListenerOptions::new().name("follower");
    let id = soiree
        .on_with("follow.*", options, |_| tracing::info!("followed"))
        .unwrap();
    let request = info_span!("request", topic = "follow.request");
    let emission = request.in_scope(|| soiree.emit("follow.me", 1).unwrap());
    assert_eq!(emission.wait().delivered(), 1);

    let inner = with_message("followed").remove(0);
    assert_ne!(inner.on, std::thread::current().id());
    let listener = numbered(inner.inside);
    assert_eq!(listener.name, "listener");
    assert_eq!(listener.fields.get("topic"), Some("follow.me"));
    assert_eq!(listener.fields.get("listener"), Some("follower"));
    assert_eq!(listener.fields.get("listener_id"), Some(id.as_str()));
    assert_eq!(listener.fields.get("pattern"), Some("follow.*"));
    assert_eq!(listener.fields.get("attempt"), Some("1"));
    assert_eq!(listener.entered_on, [inner.on]);
    let emission = numbered(listener.parent);
    assert_eq!(emission.name, "emission");
    assert_eq!(emission.fields.names(), ["pool", "topic"]);
    assert_eq!(emission.fields.get("topic"), Some("follow.me"));
    assert_eq!(emission.fields.get("pool"), Some("default"));
    assert_eq!(emission.entered_on, [inner.on]);
    assert_eq!(
        numbered(emission.parent).fields.get("topic"),
        Some("follow.request")
    );
    soiree.close().unwrap();
    wait_closed(emission.number);
    wait_closed(listener.number);
}

/// L6, L7: a listener on its own pool, and each of its attempts, is in the span of the emission.
#[test]
fn listeners_on_other_pools_and_retries_are_in_the_span_of_the_emission() {
    record();
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(1, 4).unwrap())
        .build()
        .unwrap();
    let retry = Retry::fixed(Duration::from_millis(1), 3);
    let options = ListenerOptions::new().pool("http").retry(retry);
    let attempts = AtomicU32::new(0);
    soiree
        .on_with("other.pool", options, move |_| {
            if attempts.fetch_add(1, Ordering::SeqCst) < 2 {
                return Err("not yet");
            }
            tracing::info!("done on the other pool");
            Ok(())
        })
        .unwrap();
    soiree.on("other.pool", |_| {}).unwrap();
    for emit_sync in [false, true] {
        let topic = "other.pool";
        let known = spans("listener", topic).len();
        let emissions = spans("emission", topic).len();
        let report = match emit_sync {
            true => soiree.emit_sync(topic, 1).unwrap(),
            false => soiree.emit(topic, 1).unwrap().wait(),
        };
        assert!(report.is_ok());
        let emission = spans("emission", topic).remove(emissions);
        assert_eq!(emission.fields.get("pool").is_none(), emit_sync);
        let listeners = spans("listener", topic).split_off(known);
        assert_eq!(listeners.len(), if emit_sync { 2 } else { 4 });
        assert!(
            listeners
                .iter()
                .all(|span| span.parent == Some(emission.number))
        );
        let attempts = listeners
            .iter()
            .filter(|span| span.fields.get("pool") == Some("http"));
        let attempts: Vec<_> = attempts.map(|span| span.fields.get("attempt")).collect();
        let expected = [Some("1"), Some("2"), Some("3")];
        assert_eq!(attempts, if emit_sync { &expected[..1] } else { &expected });
        wait_closed(emission.number);
    }
    let inner = with_message("done on the other pool").remove(0);
    assert_eq!(numbered(inner.inside).fields.get("attempt"), Some("3"));
    soiree.close().unwrap();
}

/// L3: an emission from a listener is in the listener's span, whichever thread runs it.
#[test]
fn an_emission_from_a_listener_is_in_its_span() {
    record();
    // The second emission runs on the emitter's thread.
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(1)
        .overflow(Overflow::CallerRuns);
    let soiree = EventPool::with_pool(pool.build().unwrap());
    let inside = soiree.downgrade();
    soiree
        .on("nested.outer", move |_| {
            let soiree = inside.upgrade().unwrap();
            soiree.emit("nested.inner", 1).unwrap();
            soiree.emit("nested.inner", 1).unwrap();
            soiree.emit_sync("nested.inner", 1).unwrap();
        })
        .unwrap();
    soiree.on("nested.inner", |_| {}).unwrap();
    soiree.emit("nested.outer", 1).unwrap().wait();
    soiree.close().unwrap();
    let outer = span("listener", "nested.outer");
    let emissions = spans("emission", "nested.inner");
    assert_eq!(emissions.len(), 3);
    assert!(
        emissions
            .iter()
            .all(|span| span.parent == Some(outer.number))
    );
    let listeners = spans("listener", "nested.inner");
    let mut parents: Vec<_> = listeners.iter().map(|span| span.parent).collect();
    parents.sort();
    assert!(
        parents
            .into_iter()
            .eq(emissions.iter().map(|span| Some(span.number)))
    );
}

/// E3: if the thread that waits for an emission runs it, the spans are the same.
#[test]
fn an_emission_that_its_waiter_runs_keeps_its_spans() {
    record();
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    let inside = soiree.downgrade();
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    soiree
        .on("waits", move |_| {
            let soiree = inside.upgrade().unwrap();
            let report = soiree.emit("awaited", 1).unwrap().wait();
            sender.lock().unwrap().send(report.delivered()).unwrap();
        })
        .unwrap();
    soiree.on("awaited", |_| {}).unwrap();
    soiree.emit("waits", 1).unwrap().wait();
    assert_eq!(receiver.recv().unwrap(), 1);
    let (outer, emission) = (span("listener", "waits"), span("emission", "awaited"));
    assert_eq!(emission.parent, Some(outer.number));
    assert_eq!(span("listener", "awaited").parent, Some(emission.number));
    soiree.close().unwrap();
}

/// L1: an event that waits for another of its key is in the span that emitted it, not in that of the event before it.
#[test]
fn an_event_that_waits_for_another_of_its_key_keeps_its_spans() {
    record();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 4).unwrap())
        .ordered("keyed.*", KeyOrder::by(|_| Some(1_u64)))
        .build()
        .unwrap();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    soiree
        .on("keyed.first", move |_| {
            released.lock().unwrap().recv().unwrap()
        })
        .unwrap();
    soiree.on("keyed.second", |_| {}).unwrap();
    soiree.emit("keyed.first", 1).unwrap();
    let request = info_span!("request", topic = "keyed.request");
    let second = request.in_scope(|| soiree.emit("keyed.second", 1).unwrap());
    release.send(()).unwrap();
    assert_eq!(second.wait().delivered(), 1);
    let emission = span("emission", "keyed.second");
    assert_eq!(numbered(emission.parent).name, "request");
    assert_eq!(
        span("listener", "keyed.second").parent,
        Some(emission.number)
    );
    wait_closed(span("emission", "keyed.first").number);
    wait_closed(emission.number);
    soiree.close().unwrap();
}

/// L6, E1: on whichever thread it is polled.
#[test]
fn an_async_listener_is_in_its_span_at_every_poll() {
    record();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let tasks = soiree_tokio::TaskPool::new(runtime.handle().clone(), 4, 4).unwrap();
    let soiree = EventPool::builder()
        .bulkhead("async", tasks)
        .build()
        .unwrap();
    let line = line!() + 1;
    let added = soiree.on_async("polled", |_| async {
        tokio::task::yield_now().await;
        tracing::info!("polled again");
        Err::<(), _>("no")
    });
    added.unwrap();
    let info = soiree.listeners_for("polled").unwrap().remove(0);
    assert!(info.is_async);
    assert_eq!(info.registered_at.map(|place| place.line()), Some(line));
    assert_eq!(soiree.emit("polled", 1).unwrap().wait().failed(), 1);
    let listener = span("listener", "polled");
    assert_eq!(listener.parent, Some(span("emission", "polled").number));
    assert_eq!(
        with_message("polled again").remove(0).inside,
        Some(listener.number)
    );
    assert_eq!(
        crate::recorder::events("polled").remove(0).inside,
        Some(listener.number)
    );
    soiree.close().unwrap();
    wait_closed(listener.number);
}

/// E1: a span has the ID of an event that already has one; tracing generates none.
#[test]
fn a_span_has_the_event_id_if_it_is_known() {
    record();
    let soiree = EventPool::new();
    soiree.on("id.*", |_| {}).unwrap();
    let event = BaseEvent::new("id.known", 1).with_id(7_u128);
    let id = event.id().to_string();
    soiree.emit_event(event).unwrap().wait();
    soiree.emit("id.unknown", 1).unwrap().wait();
    for name in ["emission", "listener"] {
        assert_eq!(span(name, "id.known").fields.get("event_id"), Some(&*id));
        assert_eq!(span(name, "id.unknown").fields.get("event_id"), None);
    }
    soiree
        .on("id.made", |event| {
            event.id();
        })
        .unwrap();
    soiree.emit("id.made", 1).unwrap().wait();
    let known = spans("listener", "id.made");
    let known: Vec<_> = known
        .iter()
        .map(|span| span.fields.get("event_id"))
        .collect();
    assert_eq!(known, [None, None]);
    soiree.close().unwrap();
}
