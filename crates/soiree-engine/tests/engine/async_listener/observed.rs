//! What observers are told of async listeners.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    JobEnd, JobEnded, JobOffered, JobStarted, ListenerEnd, ListenerEnded, ListenerOptions,
    ListenerStarted, Observer, Retry,
};
use soiree_testkit::ManualTimer;
use soiree_tokio::TaskPool;

use super::common::{Diary, Held, at_rest, runtime, until, with_async};

/// Notes what it is told of the bulkhead `async`, and of listeners.
#[derive(Clone, Default)]
struct Notes(Diary);

impl Observer for Notes {
    fn job_offered(&self, offered: &JobOffered<'_>) {
        if offered.pool == "async" {
            self.0.note("offered");
        }
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        if started.pool == "async" {
            self.0.note("job started");
        }
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        if ended.pool == "async" {
            assert_eq!(ended.run_time.is_some(), ended.outcome != JobEnd::Discarded);
            self.0.note(format!("job {:?}", ended.outcome));
        }
    }

    fn listener_started(&self, started: &ListenerStarted<'_>) {
        assert_eq!(started.listener.pool, Some("async"));
        self.0.note(format!("started {}", started.attempt));
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let what = match ended.outcome {
            ListenerEnd::Succeeded => "succeeded",
            ListenerEnd::Failed(_) => "failed",
            ListenerEnd::Panicked(_) => "panicked",
            ListenerEnd::Cancelled(_) => "cancelled",
            ListenerEnd::Discarded(_) => "discarded",
            ListenerEnd::Rejected(_) => "refused",
            _ => "something else",
        };
        let ran = !["discarded", "refused"].contains(&what);
        assert_eq!(ended.run_time.is_some(), ran, "{what}");
        self.0.note(format!("{what} {}", ended.attempt));
    }
}

/// L6, L7: an observer is told of a future from its offer to its end, whatever that is, and of each attempt.
#[test]
fn observers_are_told_of_futures() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let notes = Notes::default();
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
    at_rest(&soiree);
    let attempt = |number, end| {
        let started = format!("started {number}");
        ["offered".into(), "job started".into(), started, end]
    };
    let [first, second] = [
        attempt(1, "panicked 1".to_owned()),
        attempt(2, "succeeded 2".to_owned()),
    ];
    let mut told = notes.0.take();
    until("the last job has ended", || {
        told.extend(notes.0.take());
        told.iter().filter(|note| note.starts_with("job C")).count() == 2
    });
    // The next attempt may begin before it is told that the job of the one before has ended.
    told.retain(|note| note != "job Completed");
    assert_eq!(told, [first, second].concat());

    let held = Held::on(&soiree, "held");
    let emissions = [0; 3].map(|_| soiree.emit("held", ()).unwrap());
    held.has_started();
    until("one is refused", || {
        soiree.stats().get("async").unwrap().rejected == 1
    });
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    for emission in emissions {
        assert!(!emission.wait().is_ok());
    }
    at_rest(&soiree);
    let mut told = notes.0.take();
    until("the last job has ended", || {
        told.extend(notes.0.take());
        told.iter().any(|note| note == "job Cancelled")
    });
    told.sort();
    let expected = [
        "cancelled 1",
        "discarded 1",
        "job Cancelled",
        "job Discarded",
        "job started",
        "offered",
        "offered",
        "offered",
        "refused 1",
        "started 1",
    ];
    assert_eq!(told, expected);
}

/// L4: a future is told of as slow while it is in flight, as it holds a place there, and once more when it has ended.
#[test]
fn a_slow_future_is_told_of_while_it_is_in_flight() {
    let runtime = runtime();
    let (timer, told) = (ManualTimer::new(), Diary::default());
    let notes = told.clone();
    let limit = Duration::from_secs(10);
    let soiree = EventPool::builder()
        .bulkhead(
            "async",
            TaskPool::new(runtime.handle().clone(), 1, 1).unwrap(),
        )
        .slow_listener_timer(timer.clone())
        .slow_listener_handler(move |slow| {
            notes.note(format!("{:?}, ended: {}", slow.running_for, slow.ended));
        })
        .build()
        .unwrap();
    let held = Held::on_with(&soiree, "held", ListenerOptions::new().slow_after(limit));
    let emission = soiree.emit("held", ()).unwrap();
    held.has_started();
    timer.advance(limit);
    assert_eq!(told.take(), ["10s, ended: false"]);
    timer.advance(limit);
    held.let_go(1);
    assert!(emission.wait().is_ok());
    assert_eq!(told.take(), ["20s, ended: true"]);
    assert_eq!(timer.pending(), 0);
}
