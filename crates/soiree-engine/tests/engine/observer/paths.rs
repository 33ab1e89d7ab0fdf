//! Emissions on the calling thread take a shorter path if only observers are notified. Nobody can tell.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{BaseEvent, EmissionAccepted, ListenerEnded, ListenerStarted, Observer};
use soiree_engine::Report;
use soiree_testkit::Journal;

use super::behavior::Behavior;

/// What no journal holds: emissions that are accepted, and whether a call was timed.
#[derive(Default)]
struct More(Mutex<Vec<String>>);

impl Observer for More {
    fn emission_accepted(&self, accepted: &EmissionAccepted<'_>) {
        self.0.lock().unwrap().push(format!("{accepted:?}"));
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let is_timed = ended.run_time.is_some();
        self.0.lock().unwrap().push(format!("timed: {is_timed}"));
    }
}

/// What is seen of two emissions to these listeners.
#[derive(Debug, PartialEq)]
struct Seen {
    reports: Vec<String>,
    lines: Vec<String>,
    more: Vec<String>,
}

fn shown(report: &Report) -> String {
    let aborted_by = report.abort().map(ToString::to_string);
    let errors: Vec<_> = report.errors().iter().map(ToString::to_string).collect();
    let (delivered, failed) = (report.delivered(), report.failed());
    let replies = report.replies();
    format!("{delivered} called, {failed} failed: {errors:?}, {replies} replies, {aborted_by:?}")
}

fn seen(behaviors: &[Behavior], prepare: impl Fn(&EventPool)) -> Seen {
    let soiree = EventPool::new();
    prepare(&soiree);
    let (journal, more) = (Journal::new(), Arc::<More>::default());
    soiree.add_observer(journal.clone());
    soiree.add_observer(Arc::clone(&more));
    for (number, behavior) in behaviors.iter().enumerate() {
        behavior.subscribe(&soiree, &number.to_string());
    }
    let event = BaseEvent::new("a.b", 1_u64);
    // A topic is cached when it is emitted for the second time.
    let mut reports: Vec<_> = (0..3)
        .map(|_| shown(&soiree.emit_sync("a.b", 1_u64).unwrap()))
        .collect();
    reports.push(shown(&soiree.emit_event_sync(&event).unwrap()));
    Seen {
        reports,
        lines: journal.lines(),
        more: std::mem::take(&mut *more.0.lock().unwrap()),
    }
}

/// E1, L1, L2, L4: reports, notifications and their order are those of the general path, which emissions take when slow listeners are
/// looked for, whatever the listeners do. Also if another observer panics.
#[test]
fn the_short_path_is_seen_as_the_general_one() {
    struct Panics;

    impl Observer for Panics {
        fn listener_started(&self, _: &ListenerStarted<'_>) {
            panic!("an observer");
        }

        fn listener_ended(&self, _: &ListenerEnded<'_>) {
            panic!("an observer");
        }
    }

    let general = |soiree: &EventPool| soiree.set_slow_listeners(Duration::MAX);
    let histories = Behavior::histories(3);
    assert_eq!(histories.len(), 1 + 7 + 49 + 343);
    for behaviors in histories {
        let expected = seen(&behaviors, general);
        assert_eq!(seen(&behaviors, |_| ()), expected, "{behaviors:?}");
        let panics = |soiree: &EventPool| soiree.add_observer(Panics);
        assert_eq!(seen(&behaviors, panics), expected, "{behaviors:?}");
    }
}
