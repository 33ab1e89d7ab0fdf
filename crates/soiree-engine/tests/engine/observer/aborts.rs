//! Emissions on the calling thread take a shorter path if only observers are notified. An abort that does not last counts there too.

use std::any::Any;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{BaseEvent, BoxError, Event, EventId, Payload, Properties};
use soiree_testkit::Journal;

use crate::support::{CallLog, named};

/// An event that other threads abort and no longer abort: each look finds what its bit says.
struct Looked {
    event: BaseEvent,
    found: u32,
    looks: AtomicU32,
}

impl Event for Looked {
    fn id(&self) -> EventId {
        self.event.id()
    }

    fn topic(&self) -> &str {
        self.event.topic()
    }

    fn payload(&self) -> Payload {
        self.event.payload()
    }

    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.event.payload_ref()
    }

    fn set_payload(&self, payload: Payload) {
        self.event.set_payload(payload);
    }

    fn properties(&self) -> Properties {
        self.event.properties()
    }

    fn set_properties(&self, properties: Properties) {
        self.event.set_properties(properties);
    }

    fn is_aborted(&self) -> bool {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        self.found >> look.min(31) & 1 == 1
    }

    fn set_aborted(&self, _: bool) {}
}

/// Which listeners are called, and what the report and an observer say.
fn seen(found: u32, fails: usize, prepare: impl Fn(&EventPool)) -> (Vec<String>, Vec<String>) {
    let soiree = EventPool::new();
    prepare(&soiree);
    let journal = Journal::new();
    soiree.add_observer(journal.clone());
    let calls = CallLog::default();
    for number in 0..3 {
        let calls = calls.clone();
        let listener = move |_: &dyn Event| -> Result<(), BoxError> {
            calls.record(number.to_string());
            match number == fails {
                true => Err("no".into()),
                false => Ok(()),
            }
        };
        let options = named(&number.to_string());
        soiree.on_with("a", options, listener).unwrap();
    }
    // From the third time on, the topic is cached.
    for _ in 0..2 {
        soiree.emit_sync("a", ()).unwrap();
    }
    calls.take();
    let event = Looked {
        event: BaseEvent::new("a", ()),
        found,
        looks: AtomicU32::new(0),
    };
    let report = soiree.emit_event_sync(&event).unwrap();
    let aborted_by = report.abort().map(ToString::to_string);
    let mut said = calls.take();
    let (delivered, failed) = (report.delivered(), report.failed());
    said.push(format!(
        "{delivered} called, {failed} failed, {aborted_by:?}"
    ));
    (said, journal.lines())
}

/// E1, L2: an event that was found aborted is not called a success, whatever later looks find.
#[test]
fn an_abort_that_is_undone_meanwhile_is_reported() {
    let general = |soiree: &EventPool| soiree.set_slow_listeners(Duration::MAX);
    for fails in 0..4 {
        for found in 0..1 << 6 {
            let expected = seen(found, fails, general);
            let short = seen(found, fails, |_| ());
            assert_eq!(short, expected, "{found:06b}, the listener {fails} fails");
        }
    }
}
