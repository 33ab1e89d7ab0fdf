//! What observers are notified of when listeners are async.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    JobEnd, JobEnded, JobOffered, JobStarted, ListenerEnd, ListenerEnded, ListenerOptions,
    ListenerStarted, Observer, Retry,
};
use soiree_testkit::ManualTimer;
use soiree_tokio::TaskPool;

use super::common::{HeldListeners, runtime, wait_idle, with_async};
use crate::support::{CallLog, wait_until};

/// Notes the jobs of the bulkhead `async`, and all listeners.
#[derive(Clone, Default)]
struct RecordingObserver(CallLog);

impl Observer for RecordingObserver {
    fn job_offered(&self, offered: &JobOffered<'_>) {
        if offered.pool == "async" {
            self.0.record("offered");
        }
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        if started.pool == "async" {
            self.0.record("job started");
        }
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        if ended.pool == "async" {
            assert_eq!(ended.run_time.is_some(), ended.outcome != JobEnd::Discarded);
            self.0.record(format!("job {:?}", ended.outcome));
        }
    }

    fn listener_started(&self, started: &ListenerStarted<'_>) {
        assert_eq!(started.listener.pool, Some("async"));
        self.0.record(format!("started {}", started.attempt));
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let what = match ended.outcome {
            ListenerEnd::Succeeded => "succeeded",
            ListenerEnd::Failed(_) => "failed",
            ListenerEnd::Panicked(_) => "panicked",
            ListenerEnd::Cancelled(_) => "cancelled",
            ListenerEnd::Discarded(_) => "discarded",
            ListenerEnd::Rejected(_) => "rejected",
            _ => "something else",
        };
        let ran = !["discarded", "rejected"].contains(&what);
        assert_eq!(ended.run_time.is_some(), ran, "{what}");
        self.0.record(format!("{what} {}", ended.attempt));
    }
}

/// L6, L7: an observer is notified of each attempt of a future: when the bulkhead is offered it, and how it starts and ends.
#[test]
fn observers_are_notified_of_futures() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let notes = RecordingObserver::default();
    soiree.add_observer(Arc::new(notes.clone()));
    let retry = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
    soiree
        .on_async_with("a", retry, |event| async move {
            tokio::task::yield_now().await;
            match event.attempt() {
                1 => panic!("not yet"),
                _ => Ok::<(), String>(()),
            }
        })
        .unwrap();
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    wait_idle(&soiree);
    let attempt = |number, end| {
        let started = format!("started {number}");
        ["offered".into(), "job started".into(), started, end]
    };
    let [first, second] = [
        attempt(1, "panicked 1".to_owned()),
        attempt(2, "succeeded 2".to_owned()),
    ];
    let mut noted = notes.0.take();
    wait_until("the last job has ended", || {
        noted.extend(notes.0.take());
        noted
            .iter()
            .filter(|note| note.starts_with("job C"))
            .count()
            == 2
    });
    // The next attempt may start before the observer is notified that the job of the one before has ended.
    noted.retain(|note| note != "job Completed");
    assert_eq!(noted, [first, second].concat());

    let held = HeldListeners::on(&soiree, "held");
    let emissions = [0; 3].map(|_| soiree.emit("held", ()).unwrap());
    held.wait_started();
    wait_until("one is rejected", || {
        soiree.stats().get("async").unwrap().rejected == 1
    });
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    for emission in emissions {
        assert!(!emission.wait().is_ok());
    }
    wait_idle(&soiree);
    let mut noted = notes.0.take();
    wait_until("the last job has ended", || {
        noted.extend(notes.0.take());
        noted.iter().any(|note| note == "job Cancelled")
    });
    noted.sort();
    let expected = [
        "cancelled 1",
        "discarded 1",
        "job Cancelled",
        "job Discarded",
        "job started",
        "offered",
        "offered",
        "offered",
        "rejected 1",
        "started 1",
    ];
    assert_eq!(noted, expected);
}

/// L4: a slow future is reported while it is in flight, even if it only waits, and once more when it has ended.
#[test]
fn a_slow_future_is_reported_while_it_is_in_flight() {
    let runtime = runtime();
    let (timer, log) = (ManualTimer::new(), CallLog::default());
    let notes = log.clone();
    let limit = Duration::from_secs(10);
    let soiree = EventPool::builder()
        .bulkhead(
            "async",
            TaskPool::new(runtime.handle().clone(), 1, 1).unwrap(),
        )
        .slow_listener_timer(timer.clone())
        .slow_listener_handler(move |slow| {
            notes.record(format!("{:?}, ended: {}", slow.running_for, slow.ended));
        })
        .build()
        .unwrap();
    let held = HeldListeners::on_with(&soiree, "held", ListenerOptions::new().slow_after(limit));
    let emission = soiree.emit("held", ()).unwrap();
    held.wait_started();
    timer.advance(limit);
    assert_eq!(log.take(), ["10s, ended: false"]);
    timer.advance(limit);
    held.finish(1);
    assert!(emission.wait().is_ok());
    assert_eq!(log.take(), ["20s, ended: true"]);
    assert_eq!(timer.pending(), 0);
}
