//! Introspection: listeners, patterns, pools and routes as data.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use soiree::EventPool;
use soiree_core::{InvalidTopicKind, ListenerId, ListenerOptions, Pattern, Priority, Retry};
use soiree_engine::Soiree;
use soiree_pool::WorkerPool;

use crate::support::{TestResult, wait_until};

/// A random operation on an event pool.
#[derive(Debug, Clone)]
enum Operation {
    On {
        pattern: String,
        priority: i32,
        once: bool,
        never: bool,
    },
    Off(prop::sample::Index),
    Emit(String),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let on = (
        "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,3}",
        1..6,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    let on = on.prop_map(|(pattern, priority, once, never)| Operation::On {
        pattern,
        priority,
        once,
        never,
    });
    let operation = prop_oneof![
        3 => on,
        1 => any::<prop::sample::Index>().prop_map(Operation::Off),
        3 => "[ab](\\.[ab]){0,3}".prop_map(Operation::Emit),
    ];
    prop::collection::vec(operation, 0..60)
}

/// Matching by definition, one segment after another.
fn matches(pattern: &[&str], topic: &[&str]) -> bool {
    match pattern.split_first() {
        None => topic.is_empty(),
        Some((&"**", [])) => !topic.is_empty(),
        Some((&"**", rest)) => (0..=topic.len()).any(|taken| matches(rest, &topic[taken..])),
        Some((first, rest)) => {
            topic
                .first()
                .is_some_and(|next| *first == "*" || first == next)
                && matches(rest, &topic[1..])
        }
    }
}

struct Subscribed {
    pattern: Pattern,
    priority: Priority,
    id: ListenerId,
    once: bool,
    never: bool,
}

impl Subscribed {
    fn is_called_for(&self, topic: &str) -> bool {
        let pattern: Vec<&str> = self.pattern.as_str().split('.').collect();
        let topic: Vec<&str> = topic.split('.').collect();
        matches(&pattern, &topic)
    }
}

proptest! {
    /// L1: `listeners_for` lists the listeners in the order in which an emission calls them, and `has_listeners` is true exactly
    /// if that list is not empty.
    #[test]
    fn listeners_for_lists_the_listeners_that_an_emission_calls(operations in operations()) {
        let soiree = EventPool::new();
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut subscribed: Vec<Subscribed> = Vec::new();
        for operation in operations {
            match operation {
                Operation::On { pattern, priority, once, never } => {
                    let priority = Priority::try_from(priority).unwrap();
                    let mut options = ListenerOptions::from(priority);
                    if once { options = options.once(); }
                    if never { options = options.filter(|_| false); }
                    let number = subscribed.len().to_string();
                    let calls = Arc::clone(&called);
                    let id = soiree.on_with(&pattern, options.name(number.clone()), move |_| {
                        calls.lock().unwrap().push(number.clone());
                    }).unwrap();
                    let pattern = Pattern::new(&pattern).unwrap();
                    subscribed.push(Subscribed { pattern, priority, id, once, never });
                }
                Operation::Off(_) if subscribed.is_empty() => {}
                Operation::Off(index) => {
                    let index = index.index(subscribed.len());
                    let removed = subscribed.remove(index);
                    soiree.off(removed.pattern.as_str(), &removed.id).unwrap();
                }
                Operation::Emit(topic) => {
                    let mut expected: Vec<&Subscribed> = subscribed.iter().filter(|one| one.is_called_for(&topic)).collect();
                    expected.sort_by_key(|one| std::cmp::Reverse(one.priority));
                    let found = soiree.listeners_for(&topic).unwrap();
                    prop_assert!(found.iter().map(|one| &one.id).eq(expected.iter().map(|one| &one.id)));
                    prop_assert!(found.iter().map(|one| &one.pattern).eq(expected.iter().map(|one| &one.pattern)));
                    prop_assert!(found.iter().map(|one| one.priority).eq(expected.iter().map(|one| one.priority)));
                    prop_assert!(found.iter().map(|one| one.has_filter).eq(expected.iter().map(|one| one.never)));
                    prop_assert!(found.iter().map(|one| one.runs_left.is_some()).eq(expected.iter().map(|one| one.once)));
                    prop_assert!(found.is_sorted_by_key(|one| (std::cmp::Reverse(one.priority), one.registration)));
                    prop_assert_eq!(soiree.has_listeners(&topic).unwrap(), !found.is_empty());
                    soiree.emit_sync(&topic, 1).unwrap();
                    let names = found.iter().filter(|one| !one.has_filter).map(|one| one.name.as_deref().unwrap());
                    let called = std::mem::take(&mut *called.lock().unwrap());
                    prop_assert!(names.eq(called.iter().map(String::as_str)));
                    subscribed.retain(|one| !one.once || one.never || !one.is_called_for(&topic));
                }
            }
            let mut counts: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
            for one in &subscribed {
                *counts.entry(one.pattern.as_str().split('.').collect()).or_default() += 1;
            }
            let topics = soiree.topics();
            let found = topics.iter().map(|topic| (topic.pattern.as_str().split('.').collect(), topic.listeners));
            prop_assert!(found.eq(counts));
            let patterns = soiree.graph().patterns;
            prop_assert!(patterns.iter().map(|info| (&info.pattern, info.listeners.len()))
                .eq(topics.iter().map(|topic| (&topic.pattern, topic.listeners))));
        }
        soiree.close().unwrap();
    }
}

/// T1: an invalid topic is an error, and not a topic without listeners.
#[test]
fn an_invalid_topic_is_an_error() {
    let soiree = EventPool::new();
    soiree.on("**", |_| {}).unwrap();
    let kind = soiree.listeners_for("user.*").unwrap_err().kind;
    assert_eq!(kind, InvalidTopicKind::WildcardInTopic { at: 5 });
    let kind = soiree.has_listeners("user..x").unwrap_err().kind;
    assert_eq!(kind, InvalidTopicKind::EmptySegment { at: 5 });
    let group = soiree.group();
    drop(soiree);
    assert_eq!(group.has_listeners("user..x").unwrap_err().kind, kind);
    assert!(group.listeners_for("").is_err());
}

/// L1, L6: the description of a listener has everything that decides when and where it is called.
#[test]
fn a_listener_is_listed_with_its_options() -> TestResult {
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(1, 1)?)
        .route("hook.**", "http")
        .build()?;
    let retry = Retry::fixed(Duration::from_millis(1), 3);
    let options = ListenerOptions::from(Priority::Low)
        .name("audit")
        .max_runs(3)
        .pool("http")
        .retry(retry.clone())
        .timeout(Duration::from_secs(9000))
        .slow_after(Duration::from_millis(7))
        .filter(|_| true);
    let line = line!() + 1;
    let id = soiree.on_with("hook.*", options, |_| {})?;
    let plain = soiree.on("hook.sent", |_| {})?;
    soiree.emit("hook.sent", 1)?.wait();
    wait_until("the pool has counted the job", || {
        let pools = soiree.graph().pools;
        pools.iter().all(|pool| pool.stats.active == 0)
    });

    let graph = (&soiree as &dyn Soiree).graph();
    assert_eq!(graph, soiree.group().graph());
    assert_eq!(graph.patterns.len(), 2);
    let [audit] = &graph.patterns[0].listeners[..] else {
        panic!("not one listener: {graph:?}");
    };
    assert_eq!((audit.pattern.as_str(), &audit.id), ("hook.*", &id));
    assert_eq!(audit.name.as_deref(), Some("audit"));
    assert_eq!((audit.priority, audit.runs_left), (Priority::Low, Some(2)));
    assert_eq!(
        (audit.pool.as_deref(), audit.retry.clone()),
        (Some("http"), Some(retry))
    );
    assert_eq!(audit.timeout, Some(Duration::from_secs(9000)));
    assert_eq!(audit.slow_after, Some(Duration::from_millis(7)));
    assert!(audit.has_filter);
    let place = audit.registered_at.expect("on_with sets it");
    assert_eq!((place.file(), place.line()), (file!(), line));

    let listeners = soiree.listeners_for("hook.sent")?;
    assert_eq!(
        listeners.iter().map(|one| &one.id).collect::<Vec<_>>(),
        [&plain, &id]
    );
    assert!(listeners[0].registration > audit.registration);
    assert_eq!(
        (listeners[0].pool.as_ref(), listeners[0].runs_left),
        (None, None)
    );

    let pools: Vec<_> = graph
        .pools
        .iter()
        .map(|pool| (&*pool.name, pool.stats.max_workers))
        .collect();
    assert_eq!(pools[1..], [("http", 1)]);
    assert_eq!(pools[0].0, "default");
    assert_eq!(graph.routes.len(), 1);
    assert_eq!(
        (graph.routes[0].pattern.as_str(), &*graph.routes[0].pool),
        ("hook.**", "http")
    );
    soiree.close()?;
    assert!(soiree.topics().is_empty() && !soiree.has_listeners("hook.sent")?);
    Ok(())
}

/// L5: once its last run has started, no other emission calls a listener, so it is not listed.
#[test]
fn an_exhausted_listener_is_not_listed() {
    let soiree = EventPool::new();
    let inside = soiree.downgrade();
    soiree
        .on_with("a", ListenerOptions::new().once(), move |_| {
            let soiree = inside.upgrade().unwrap();
            assert_eq!(soiree.has_listeners("a"), Ok(false));
            assert_eq!(soiree.listeners_for("a"), Ok(Vec::new()));
        })
        .unwrap();
    assert_eq!(soiree.has_listeners("a"), Ok(true));
    assert!(soiree.emit_sync("a", 1).unwrap().is_ok());
}
