//! A pattern that gathers many listeners is reported.

use std::sync::{Arc, Mutex};

use soiree::EventPool;
use soiree_core::{ManyListeners, Observer};

use crate::support::{on_one_worker, printed_lines};

/// Collects the reports: pattern, listeners, threshold, and how many listeners each place has subscribed.
#[derive(Default)]
struct Reports(Mutex<Vec<Report>>);

type Report = (String, usize, usize, Vec<usize>);

impl Observer for Reports {
    fn many_listeners(&self, many: &ManyListeners<'_>) {
        let places = many.places.iter();
        let of_this_file = places.map(|place| {
            let location = place.location.expect("it is known");
            assert!(location.file().ends_with("many_listeners.rs"), "{many}");
            assert!(many.to_string().contains(&location.to_string()), "{many}");
            place.listeners
        });
        let report = (
            many.pattern.to_owned(),
            many.listeners,
            many.threshold,
            of_this_file.collect(),
        );
        self.0.lock().unwrap().push(report);
    }
}

impl Reports {
    fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn observed(threshold: usize) -> (EventPool, Arc<Reports>) {
    let reports = Arc::<Reports>::default();
    let builder = EventPool::builder().observer(Arc::clone(&reports));
    let soiree = builder.many_listeners(threshold).build().unwrap();
    (soiree, reports)
}

fn subscribe(soiree: &EventPool, pattern: &str, listeners: usize) {
    for _ in 0..listeners {
        soiree.on(pattern, |_| ()).unwrap();
    }
}

/// The listener that is one too many is reported, once for each pattern, with the places that subscribed all of them.
#[test]
fn a_pattern_that_gathers_many_listeners_is_reported_once() {
    let (soiree, reports) = observed(3);
    subscribe(&soiree, "a.*", 3);
    assert_eq!(reports.take(), []);
    soiree.on("a.*", |_| ()).unwrap();
    assert_eq!(reports.take(), [("a.*".into(), 4, 3, vec![3, 1])]);
    subscribe(&soiree, "a.*", 100);
    assert_eq!(reports.take(), []);
    subscribe(&soiree, "a.b", 10);
    assert_eq!(reports.take(), [("a.b".into(), 4, 3, vec![4])]);
    assert_eq!(soiree.listeners_for("a.b").unwrap().len(), 114);
    soiree.close().unwrap();
}

/// What counts is how many there are at once; with 0 nothing is reported; and the number can be changed.
#[test]
fn listeners_that_are_removed_do_not_count() {
    let (soiree, reports) = observed(3);
    for _ in 0..100 {
        let id = soiree.on("a", |_| ()).unwrap();
        soiree.off("a", &id).unwrap();
    }
    soiree.set_many_listeners(0);
    subscribe(&soiree, "a", 10);
    assert_eq!(reports.take(), []);
    soiree.set_many_listeners(10);
    subscribe(&soiree, "a", 1);
    assert_eq!(reports.take(), [("a".into(), 11, 10, vec![11])]);
    soiree.close().unwrap();
}

/// Without an observer, one line on stderr says so. Tests capture what they print, so another process prints it.
#[test]
fn without_an_observer_a_line_is_printed() {
    let name = "observer::many_listeners::without_an_observer_a_line_is_printed";
    let Some(lines) = printed_lines(name, || {
        let soiree = on_one_worker(1);
        subscribe(&soiree, "a.*", 300);
        subscribe(&soiree, "b", 100);
        soiree.close().unwrap();
    }) else {
        return;
    };
    assert_eq!(lines.len(), 1, "{lines:?}");
    let said = "soiree: 101 listeners are subscribed to a.*, more than 100; do they leak? Subscribed 101 at ";
    assert!(lines[0].starts_with(said), "{lines:?}");
    assert!(lines[0].contains("many_listeners.rs:"), "{lines:?}");
}
