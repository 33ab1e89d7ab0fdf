//! How runs end that are cut short.

use std::sync::mpsc;
use std::time::Instant;

use soiree::metrics::Metrics;
use soiree::{EventPool, Failure, ListenerOptions, TaskPool};

use crate::text::Text;

/// L4: an async listener that is cancelled by a close was delivered to, and cancelled.
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
    assert_eq!((report.delivered, report.failed), (1, 1));
    assert_eq!(report.errors[0].failure(), Failure::Cancelled);
    let text = Text::of(&metrics);
    let read = |figure| text.value(&format!("soiree_listener_{figure}_total"), &[]);
    assert_eq!(read("delivered"), 1);
    assert_eq!(read("cancelled"), 1);
    assert_eq!(read("failed") + read("panicked") + read("not_called"), 0);
}
