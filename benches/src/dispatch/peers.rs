//! Other crates that call listeners on the caller's thread.

use std::any::Any;
use std::hint::black_box;
use std::sync::Arc;

use hey_listen::sync::{PriorityDispatcher, PriorityDispatcherResult, PriorityListener};
use mod_events::EventDispatcher;
use rs_events::{EventEmitter, EventHandler};
use signals2::{Connect1, Emit1, Signal};

use crate::case::Case;
use crate::emit_loop::{EmitLoop, emit_from_threads};
use crate::listener::{TOPIC, count_call};
use crate::registries::{MqttTopicEngine, MqttTopicTree, Quill, TopicRegistry};

pub(super) fn cases(workload: &str, listeners: u64) -> Vec<Case> {
    vec![
        Case::new(workload, "mod-events", move || {
            EmitLoop::new(listeners, mod_events(listeners))
        }),
        Case::new(workload, "hey_listen", move || {
            EmitLoop::new(listeners, hey_listen(listeners))
        }),
        Case::new(workload, "signals2", move || {
            EmitLoop::new(listeners, signals2(listeners))
        }),
        Case::new(workload, "rs_events", move || {
            EmitLoop::new(listeners, rs_events(listeners))
        }),
        Case::new(workload, "tokio broadcast", move || {
            EmitLoop::new(listeners, broadcast(listeners))
        }),
        Case::new(workload, "quill-pubsub", move || {
            EmitLoop::new(listeners, topic_registry::<Quill>(listeners))
        }),
        Case::new(workload, "mqtt_topic_tree", move || {
            EmitLoop::new(listeners, topic_registry::<MqttTopicTree>(listeners))
        }),
        Case::new(workload, "mqtt-topic-engine", move || {
            EmitLoop::new(listeners, topic_registry::<MqttTopicEngine>(listeners))
        }),
    ]
}

/// For workloads whose listeners read the payload. Those of mod-events always do.
pub(super) fn reading(workload: &str, listeners: u64) -> Case {
    Case::new(workload, "mod-events", move || {
        EmitLoop::new(listeners, mod_events(listeners))
    })
}

pub(super) fn threaded(workload: &str, threads: u64) -> Vec<Case> {
    vec![
        Case::new(workload, "mod-events", move || {
            emit_from_threads(threads, mod_events(1))
        })
        .threaded(),
    ]
}

#[derive(Debug)]
struct Created(u64);

impl mod_events::Event for Created {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// mod-events selects listeners by type and has no topics. It has priorities, and catches every panic.
fn mod_events(listeners: u64) -> impl Fn(u64) + Sync {
    let dispatcher = EventDispatcher::new();
    for _ in 0..listeners {
        dispatcher.subscribe(|event: &Created| {
            black_box(event.0);
            count_call();
            Ok(())
        });
    }
    move |payload| {
        let result = dispatcher.dispatch(black_box(Created(payload)));
        assert!(result.all_succeeded(), "a listener failed");
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Happened {
    UserCreated,
}

struct Counter;

impl PriorityListener<Happened> for Counter {
    fn on_event(&self, _: &Happened) -> Option<PriorityDispatcherResult> {
        count_call();
        None
    }
}

/// hey_listen selects listeners by value and has priorities. It has no payload, and its dispatcher serves one thread only.
fn hey_listen(listeners: u64) -> impl FnMut(u64) {
    let mut dispatcher = PriorityDispatcher::<u32, Happened>::default();
    for _ in 0..listeners {
        dispatcher.add_listener(Happened::UserCreated, Counter, 1);
    }
    move |_| dispatcher.dispatch_event(black_box(&Happened::UserCreated))
}

/// signals2 has no topics: listeners connect to one signal.
fn signals2(listeners: u64) -> impl Fn(u64) {
    let signal = Signal::<(u64,), ()>::new();
    for _ in 0..listeners {
        signal.connect(|payload| {
            black_box(payload);
            count_call();
        });
    }
    move |payload| {
        signal.emit(black_box(payload));
    }
}

fn rs_events(listeners: u64) -> impl FnMut(u64) {
    let mut emitter = EventEmitter::<u64>::new(listeners as usize);
    for _ in 0..listeners {
        let added = emitter.add(TOPIC, None, Arc::new(|_| count_call()));
        assert!(added.is_ok(), "adding the listener failed");
    }
    move |payload| {
        let ended = emitter.emit(black_box(TOPIC), Arc::new(payload));
        assert!(ended.is_ok(), "emitting failed");
    }
}

/// tokio's broadcast channel has no listeners: each receiver stands for one.
fn broadcast(listeners: u64) -> impl FnMut(u64) {
    let (sender, _) = tokio::sync::broadcast::channel(16);
    let mut receivers: Vec<_> = (0..listeners).map(|_| sender.subscribe()).collect();
    move |payload| {
        sender
            .send(black_box(payload))
            .expect("the channel has receivers");
        for receiver in &mut receivers {
            receiver.try_recv().expect("the value was sent");
            count_call();
        }
    }
}

fn topic_registry<R: TopicRegistry>(listeners: u64) -> impl FnMut(u64) {
    let mut registry = R::default();
    let topic = R::native_topic(TOPIC);
    for _ in 0..listeners {
        registry.subscribe(&topic);
    }
    move |payload| registry.emit(black_box(&topic), payload)
}
