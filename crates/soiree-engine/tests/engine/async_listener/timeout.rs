//! Async listeners that take longer than their timeout.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    Event, ListenerEnded, ListenerErrorKind, ListenerOptions, Observer, Retry, Timer, TimerError,
    TimerId,
};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;
use soiree_tokio::TaskPool;
use tokio::runtime::Runtime;

use super::common::{async_stats, runtime, wait_idle};
use crate::support::{CallLog, TIME_LIMIT, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

fn limited() -> ListenerOptions {
    ListenerOptions::new().timeout(LIMIT).name("slow")
}

/// An event pool with this timer, and the bulkhead `async` with this many futures in flight.
fn with_timer(runtime: &Runtime, timer: impl Timer + 'static, in_flight: usize) -> EventPool {
    let tasks = TaskPool::new(runtime.handle().clone(), in_flight, 4).unwrap();
    EventPool::builder()
        .pool(WorkerPool::new(2, 64).unwrap())
        .bulkhead("async", tasks)
        .timer(timer)
        .build()
        .unwrap()
}

/// Says when it is dropped.
struct Held(Sender<&'static str>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// Subscribes a listener that holds a value and never ends in its first attempts. Returns what happens to it, in order.
fn hang_on(soiree: &EventPool, options: ListenerOptions, attempts: u32) -> Receiver<&'static str> {
    let (sender, happened) = channel();
    let listener = move |event: Arc<dyn Event>| {
        let sender = sender.clone();
        async move {
            let held = Held(sender);
            held.0.send("started").unwrap();
            if event.attempt() <= attempts {
                pending::<()>().await;
            }
        }
    };
    soiree.on_async_with("a", options, listener).unwrap();
    happened
}

fn next(happened: &Receiver<&'static str>) -> &'static str {
    happened.recv_timeout(TIME_LIMIT).unwrap()
}

/// A6: when the time runs out, the future is dropped and its place is free. The report and the error say that it has timed out.
#[test]
fn a_future_whose_time_runs_out_is_dropped() {
    let runtime = runtime();
    let timer = ManualTimer::new();
    let soiree = with_timer(&runtime, timer.clone(), 1);
    let happened = hang_on(&soiree, limited(), u32::MAX);
    let emission = soiree.emit("a", ()).unwrap();
    assert_eq!(next(&happened), "started");
    timer.advance(LIMIT - Duration::from_nanos(1));
    assert!(!emission.is_finished() && happened.try_recv().is_err());
    timer.advance(Duration::from_nanos(1));
    let report = emission.wait();
    assert_eq!(happened.try_recv(), Ok("dropped"), "before the report");
    assert_eq!(
        (report.delivered(), report.failed(), report.timed_out()),
        (1, 1, 1)
    );
    let error = &report.errors()[0];
    assert_eq!(error.kind(), ListenerErrorKind::TimedOut);
    let text = error.to_string();
    assert!(text.starts_with("listener slow on a ("), "{text}");
    assert!(text.ends_with("had not returned after 30s for a"), "{text}");
    assert_eq!(wait_idle(&soiree).successful, 1);
    assert_eq!(timer.pending(), 0);
    soiree.close().unwrap();
}

/// A6: a future that ends in time is not affected, and leaves nothing in the timer.
#[test]
fn a_future_that_ends_in_time_leaves_no_timeout_behind() {
    let runtime = runtime();
    let timer = ManualTimer::new();
    let soiree = with_timer(&runtime, timer.clone(), 2);
    soiree
        .on_async_with("a", limited(), |_| async {
            tokio::task::yield_now().await;
        })
        .unwrap();
    soiree
        .on_async_with("a", limited().filter(|_| false), |_| async {})
        .unwrap();
    let panics = |_: Arc<dyn Event>| -> std::future::Ready<()> { panic!("no future") };
    soiree.on_async_with("a", limited(), panics).unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.timed_out()),
        (2, 1, 0)
    );
    wait_until("no timeout is left", || timer.pending() == 0);
    soiree.close().unwrap();
}

/// A6, L7: an attempt that has timed out is retried. The next one begins after the future of the one before was dropped.
#[test]
fn an_attempt_that_times_out_is_retried() {
    let runtime = runtime();
    let timer = ManualTimer::new();
    let soiree = with_timer(&runtime, timer.clone(), 2);
    let options = limited().retry(Retry::fixed(Duration::ZERO, 3));
    let happened = hang_on(&soiree, options, 2);
    let emission = soiree.emit("a", ()).unwrap();
    assert_eq!(next(&happened), "started");
    for _ in 0..2 {
        timer.advance(LIMIT);
        assert_eq!(next(&happened), "dropped");
        wait_until("the next attempt has started", || {
            timer.advance(Duration::ZERO);
            happened.try_recv() == Ok("started")
        });
    }
    let report = emission.wait();
    assert_eq!(
        (
            report.delivered(),
            report.failed(),
            report.timed_out(),
            report.retried()
        ),
        (1, 0, 0, 2),
        "{report:?}"
    );
    assert_eq!(happened.try_iter().collect::<Vec<_>>(), ["dropped"]);
    soiree.close().unwrap();
}

/// Records how calls end.
struct Ends(CallLog);

impl Observer for Ends {
    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        self.0.record(format!("{:?}", ended.outcome));
    }
}

/// A6, E1: observers are notified of the timeout once. What a future returns that was being polled when the time ran out goes to the
/// error handler, and nowhere else.
#[test]
fn a_future_that_is_polled_over_its_time_has_timed_out() {
    let runtime = runtime();
    let (timer, log) = (ManualTimer::new(), CallLog::default());
    let handled = CallLog::default();
    let errors = handled.clone();
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 4).unwrap();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 64).unwrap())
        .bulkhead("async", tasks)
        .timer(timer.clone())
        .observer(Ends(log.clone()))
        .error_handler(move |_, error| {
            errors.record(format!("{:?}", error.kind()));
            Some(error)
        })
        .build()
        .unwrap();
    let (sender, polled) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Arc::new(Mutex::new(may_go_on));
    soiree
        .on_async_with("a", limited(), move |_| {
            let (sender, may_go_on) = (sender.clone(), Arc::clone(&may_go_on));
            async move {
                sender.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
                Err::<(), _>("late")
            }
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    polled.recv_timeout(TIME_LIMIT).unwrap();
    timer.advance(LIMIT);
    assert!(!emission.is_finished(), "its poll has not returned");
    go_on.send(()).unwrap();
    let report = emission.wait();
    assert_eq!((report.failed(), report.timed_out()), (1, 1));
    assert_eq!(report.errors().len(), 1);
    assert_eq!(handled.take(), ["TimedOut", "Failed"]);
    let ends = log.take();
    assert_eq!(ends.len(), 1);
    assert!(ends[0].starts_with("TimedOut("), "{ends:?}");
    soiree.close().unwrap();
}

/// A timer that takes no tasks, or panics.
struct Unwilling {
    clock: ManualTimer,
    panics: bool,
}

impl Timer for Unwilling {
    fn now(&self) -> Instant {
        assert!(!self.panics, "a timer that panics");
        self.clock.now()
    }

    fn at(&self, _: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        drop(task);
        assert!(!self.panics, "a timer that panics");
        Err(TimerError::Spawn(std::io::Error::other("no thread")))
    }

    fn cancel(&self, _: TimerId) -> bool {
        false
    }
}

/// A6, E8: without the timer, the time is looked at whenever the future is polled. A timer that panics limits no time.
#[test]
fn a_timer_that_takes_no_tasks_limits_the_time_at_each_poll() {
    let runtime = runtime();
    let clock = ManualTimer::new();
    for panics in [false, true] {
        let timer = Unwilling {
            clock: clock.clone(),
            panics,
        };
        let soiree = with_timer(&runtime, timer, 1);
        let (wake, woken) = tokio::sync::oneshot::channel::<()>();
        let woken = Mutex::new(Some(woken));
        let (sender, started) = channel();
        soiree
            .on_async_with("a", limited(), move |_| {
                let woken = woken.lock().unwrap().take().unwrap();
                sender.send(()).unwrap();
                async move {
                    let _ = woken.await;
                }
            })
            .unwrap();
        let emission = soiree.emit("a", ()).unwrap();
        started.recv_timeout(TIME_LIMIT).unwrap();
        clock.advance(LIMIT);
        wake.send(()).unwrap();
        let report = emission.wait();
        assert_eq!(report.timed_out(), u64::from(!panics), "{report:?}");
        soiree.close().unwrap();
    }
}

/// A future that never ends, and panics when it is dropped.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the drop of a future");
    }
}

/// A6, E8: a future that panics when it is dropped has timed out all the same, and its place is free.
#[test]
fn a_future_whose_drop_panics_has_timed_out() {
    let runtime = runtime();
    let timer = ManualTimer::new();
    let soiree = with_timer(&runtime, timer.clone(), 1);
    soiree.on_async_with("a", limited(), |_| Bomb).unwrap();
    for _ in 0..2 {
        let emission = soiree.emit("a", ()).unwrap();
        wait_until("the time runs", || timer.pending() == 1);
        timer.advance(LIMIT);
        let report = emission.wait_timeout(TIME_LIMIT).unwrap();
        assert_eq!((report.failed(), report.timed_out()), (1, 1));
    }
    assert_eq!(wait_idle(&soiree).active, 0);
    soiree.close().unwrap();
}

/// A6: a listener that runs inside one that waits for it is dropped as well when its time runs out, and the outer one goes on.
#[test]
fn a_future_that_runs_inside_another_one_is_dropped_too() {
    let runtime = runtime();
    let timer = ManualTimer::new();
    let soiree = with_timer(&runtime, timer.clone(), 1);
    let happened = hang_on(&soiree, limited(), u32::MAX);
    let weak = soiree.downgrade();
    let (sender, inner) = channel();
    soiree
        .on_async("outer", move |_| {
            let (soiree, sender) = (weak.upgrade().unwrap(), sender.clone());
            async move {
                let report = soiree.emit("a", ()).unwrap().await;
                sender.send(report.timed_out()).unwrap();
            }
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    assert_eq!(next(&happened), "started");
    assert_eq!(async_stats(&soiree).active, 1);
    timer.advance(LIMIT);
    assert_eq!(next(&happened), "dropped");
    assert_eq!(inner.recv_timeout(TIME_LIMIT), Ok(1));
    assert!(outer.wait().is_ok());
    soiree.close().unwrap();
}

/// A6, E4: a close waits for a future until its time runs out, on the timer thread of the event pool.
#[test]
fn a_close_waits_no_longer_than_the_timeout() {
    let runtime = runtime();
    let tasks = TaskPool::new(runtime.handle().clone(), 4, 4).unwrap();
    let soiree = EventPool::builder()
        .bulkhead("async", tasks)
        .build()
        .unwrap();
    let options = ListenerOptions::new().timeout(Duration::from_millis(10));
    let happened = hang_on(&soiree, options, u32::MAX);
    let emissions: Vec<_> = (0..4).map(|_| soiree.emit("a", ()).unwrap()).collect();
    soiree.close().unwrap();
    assert!(
        emissions
            .iter()
            .all(|emission| emission.wait().timed_out() == 1)
    );
    assert_eq!(
        happened
            .try_iter()
            .filter(|what| *what == "dropped")
            .count(),
        4
    );
}
