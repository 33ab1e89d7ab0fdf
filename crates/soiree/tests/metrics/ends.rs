//! Runs that are cut short.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use soiree::metrics::Metrics;
use soiree::{Event, EventPool, ListenerErrorKind, ListenerOptions, TaskPool};

use crate::text::Text;

/// L4: an async listener that a close cancels counts as delivered and as cancelled.
#[test]
fn cancelled_runs_are_counted() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 4).unwrap();
    let soiree = EventPool::builder().bulkhead("async", tasks);
    let soiree = soiree.build().unwrap();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let (started, has_started) = mpsc::channel();
    let endless = move |_| {
        started.send(()).unwrap();
        std::future::pending::<()>()
    };
    let options = ListenerOptions::new().name("endless");
    soiree.on_async_with("a", options, endless).unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    has_started.recv().unwrap();
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    let report = emission.wait();
    assert_eq!((report.delivered(), report.failed()), (1, 1));
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Cancelled);
    let text = Text::of(&metrics);
    let read = |counter| text.value(&format!("soiree_listener_{counter}_total"), &[]);
    assert_eq!(read("delivered"), 1);
    assert_eq!(read("cancelled"), 1);
    assert_eq!(read("failed") + read("panicked") + read("not_called"), 0);
}

/// E1: a run that exceeds its timeout counts as timed out, whatever it returns later.
#[test]
fn timed_out_runs_are_counted() {
    let soiree = EventPool::new();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let held = move |_: &dyn Event| {
        may_go_on.lock().unwrap().recv().unwrap();
        Err::<(), _>("too late to matter")
    };
    let options = ListenerOptions::new().name("held");
    let options = options.timeout(Duration::from_millis(1));
    soiree.on_with("a", options, held).unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    assert_eq!((report.delivered(), report.timed_out()), (1, 1));
    go_on.send(()).unwrap();
    soiree.close().unwrap();
    let text = Text::of(&metrics);
    let read = |counter| text.value(&format!("soiree_listener_{counter}_total"), &[]);
    assert_eq!(read("delivered"), 1);
    assert_eq!(read("timed_out"), 1);
    assert_eq!(read("failed") + read("cancelled"), 0);
}
