//! Looking at an `EventPool`: what is told is what is so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use soiree::EventPool;
use soiree_core::{InvalidTopicKind, ListenerId, ListenerOptions, Pattern, Priority, Retry};
use soiree_engine::Soiree;
use soiree_pool::WorkerPool;

use crate::support::TestResult;

/// What may be done to an `EventPool`, by numbers that are cut to what there is.
#[derive(Debug, Clone)]
enum Act {
    On {
        pattern: String,
        priority: i32,
        once: bool,
        never: bool,
    },
    Off(prop::sample::Index),
    Emit(String),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let on = (
        "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,3}",
        1..6,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    let on = on.prop_map(|(pattern, priority, once, never)| Act::On {
        pattern,
        priority,
        once,
        never,
    });
    let act = prop_oneof![
        3 => on,
        1 => any::<prop::sample::Index>().prop_map(Act::Off),
        3 => "[ab](\\.[ab]){0,3}".prop_map(Act::Emit),
    ];
    prop::collection::vec(act, 0..60)
}

/// Matching as its definition says it, one segment after another.
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

struct Listed {
    pattern: Pattern,
    priority: Priority,
    id: ListenerId,
    once: bool,
    never: bool,
}

impl Listed {
    fn hears(&self, topic: &str) -> bool {
        let pattern: Vec<&str> = self.pattern.as_str().split('.').collect();
        let topic: Vec<&str> = topic.split('.').collect();
        matches(&pattern, &topic)
    }
}

proptest! {
    /// L1: the listeners are told in the order in which an emission then calls them, and somebody is said to listen exactly
    /// if there is one.
    #[test]
    fn what_is_told_of_a_topic_is_what_an_emission_does(acts in acts()) {
        let soiree = EventPool::new();
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut listed: Vec<Listed> = Vec::new();
        for act in acts {
            match act {
                Act::On { pattern, priority, once, never } => {
                    let priority = Priority::try_from(priority).unwrap();
                    let mut options = ListenerOptions::from(priority);
                    if once { options = options.once(); }
                    if never { options = options.filter(|_| false); }
                    let number = listed.len().to_string();
                    let calls = Arc::clone(&called);
                    let id = soiree.on_with(&pattern, options.name(number.clone()), move |_| {
                        calls.lock().unwrap().push(number.clone());
                    }).unwrap();
                    let pattern = Pattern::new(&pattern).unwrap();
                    listed.push(Listed { pattern, priority, id, once, never });
                }
                Act::Off(_) if listed.is_empty() => {}
                Act::Off(index) => {
                    let index = index.index(listed.len());
                    let gone = listed.remove(index);
                    soiree.off(gone.pattern.as_str(), &gone.id).unwrap();
                }
                Act::Emit(topic) => {
                    let mut expected: Vec<&Listed> = listed.iter().filter(|one| one.hears(&topic)).collect();
                    expected.sort_by_key(|one| std::cmp::Reverse(one.priority));
                    let told = soiree.listeners_for(&topic).unwrap();
                    prop_assert!(told.iter().map(|one| &one.id).eq(expected.iter().map(|one| &one.id)));
                    prop_assert!(told.iter().map(|one| &one.pattern).eq(expected.iter().map(|one| &one.pattern)));
                    prop_assert!(told.iter().map(|one| one.priority).eq(expected.iter().map(|one| one.priority)));
                    prop_assert!(told.iter().map(|one| one.has_filter).eq(expected.iter().map(|one| one.never)));
                    prop_assert!(told.iter().map(|one| one.runs_left.is_some()).eq(expected.iter().map(|one| one.once)));
                    prop_assert!(told.is_sorted_by_key(|one| (std::cmp::Reverse(one.priority), one.registration)));
                    prop_assert_eq!(soiree.has_listeners(&topic).unwrap(), !told.is_empty());
                    soiree.emit_sync(&topic, 1).unwrap();
                    let names = told.iter().filter(|one| !one.has_filter).map(|one| one.name.as_deref().unwrap());
                    let called = std::mem::take(&mut *called.lock().unwrap());
                    prop_assert!(names.eq(called.iter().map(String::as_str)));
                    listed.retain(|one| !one.once || one.never || !one.hears(&topic));
                }
            }
            let mut counts: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
            for one in &listed {
                *counts.entry(one.pattern.as_str().split('.').collect()).or_default() += 1;
            }
            let topics = soiree.topics();
            let told = topics.iter().map(|topic| (topic.pattern.as_str().split('.').collect(), topic.listeners));
            prop_assert!(told.eq(counts));
            let patterns = soiree.graph().patterns;
            prop_assert!(patterns.iter().map(|info| (&info.pattern, info.listeners.len()))
                .eq(topics.iter().map(|topic| (&topic.pattern, topic.listeners))));
        }
        soiree.close().unwrap();
    }
}

/// T1: a topic that could not be emitted is refused, and not taken for one that nobody listens to.
#[test]
fn asking_after_a_bad_topic_is_an_error() {
    let soiree = EventPool::new();
    soiree.on("**", |_| {}).unwrap();
    let fault = soiree.listeners_for("user.*").unwrap_err().kind;
    assert_eq!(fault, InvalidTopicKind::WildcardInTopic { at: 5 });
    let fault = soiree.has_listeners("user..x").unwrap_err().kind;
    assert_eq!(fault, InvalidTopicKind::EmptySegment { at: 5 });
    let group = soiree.group();
    drop(soiree);
    assert_eq!(group.has_listeners("user..x").unwrap_err().kind, fault);
    assert!(group.listeners_for("").is_err());
}

/// L1, L6: everything that decides when and where a listener is called is told.
#[test]
fn a_listener_is_told_with_all_that_decides_its_calls() -> TestResult {
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(1, 1)?)
        .route("hook.**", "http")
        .build()?;
    let retry = Retry::fixed(Duration::from_millis(1), 3);
    let options = ListenerOptions::from(Priority::Low)
        .name("audit")
        .max_runs(3)
        .pool("http")
        .retry(retry)
        .timeout(Duration::from_secs(9000))
        .slow_after(Duration::from_millis(7))
        .filter(|_| true);
    let line = line!() + 1;
    let id = soiree.on_with("hook.*", options, |_| {})?;
    let plain = soiree.on("hook.sent", |_| {})?;
    soiree.emit("hook.sent", 1)?.wait();

    let graph = (&soiree as &dyn Soiree).graph();
    assert_eq!(graph, soiree.group().graph());
    assert_eq!(graph.patterns.len(), 2);
    let [told] = &graph.patterns[0].listeners[..] else {
        panic!("one listener is told of: {graph:?}");
    };
    assert_eq!((told.pattern.as_str(), &told.id), ("hook.*", &id));
    assert_eq!(told.name.as_deref(), Some("audit"));
    assert_eq!((told.priority, told.runs_left), (Priority::Low, Some(2)));
    assert_eq!(
        (told.pool.as_deref(), told.retry),
        (Some("http"), Some(retry))
    );
    assert_eq!(told.timeout, Some(Duration::from_secs(9000)));
    assert_eq!(told.slow_after, Some(Duration::from_millis(7)));
    assert!(told.has_filter);
    let place = told.registered_at.expect("on_with says it");
    assert_eq!((place.file(), place.line()), (file!(), line));

    let listeners = soiree.listeners_for("hook.sent")?;
    assert_eq!(
        listeners.iter().map(|one| &one.id).collect::<Vec<_>>(),
        [&plain, &id]
    );
    assert!(listeners[0].registration > told.registration);
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

/// L5: a listener whose last run has begun is called by no other emission, and so is not told of.
#[test]
fn a_listener_whose_runs_are_used_up_is_not_told_of() {
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
