//! Handles to topics.

use soiree::{BaseEvent, EventPool, Priority};

use crate::support::TestResult;

/// T3
#[test]
fn topics_are_found_while_they_have_a_listener_or_a_handle() -> TestResult {
    let soiree = EventPool::new();
    assert!(soiree.topic("t").is_err());
    let topic = soiree.ensure_topic("t")?;
    assert_eq!(soiree.topic("t")?, topic);
    assert_ne!(soiree.ensure_topic("u")?, topic);
    let id = topic.add_listener(|_| {})?;
    assert_eq!((topic.name(), topic.len()), ("t", 1));
    drop(topic);
    assert_eq!(soiree.topic("t")?.len(), 1);
    soiree.topic("t")?.remove_listener(&id)?;
    assert!(soiree.topic("t").is_err());
    assert!(soiree.off("t", &id).is_err());
    Ok(())
}

/// L1
#[test]
fn triggering_a_topic_calls_its_listeners_alone() -> TestResult {
    let soiree = EventPool::new();
    soiree.on("**", |_| panic!("a listener of another pattern"))?;
    let topic = soiree.ensure_topic("t")?;
    topic.add_listener(|_| Ok::<(), &str>(()))?;
    topic.add_listener_with(Priority::Low, |_| Err::<(), _>("listener error 2"))?;
    let report = topic.trigger(&BaseEvent::new("t", ()))?;
    assert_eq!((report.delivered(), report.errors().len()), (2, 1));
    assert!(report.errors()[0].to_string().contains("listener error 2"));
    Ok(())
}
