//! A listener that was removed gets no further attempt.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{
    DeadLetter, Event, ListenerId, ListenerOptions, Observer, Pattern, Retry, RetryScheduled,
};
use soiree_engine::{Emission, Emitter, Report, Settings};
use soiree_testkit::{ManualPool, ManualTimer};

use crate::async_listener::common::runtime;
use crate::support::{Blocker, TIME_LIMIT, TestResult, wait_until};

const HOUR: Duration = Duration::from_secs(3600);

fn hourly() -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(HOUR, 10))
}

fn ended(emission: &Emission) -> Report {
    emission.wait_timeout(TIME_LIMIT).expect("it has ended")
}

/// An event pool without threads, and what becomes of its events.
struct Fixture {
    soiree: EventPool,
    pool: ManualPool,
    timer: ManualTimer,
    letters: Arc<Mutex<Vec<DeadLetter>>>,
    calls: Arc<AtomicUsize>,
}

impl Fixture {
    fn new() -> Self {
        let (pool, timer) = (ManualPool::new(), ManualTimer::new());
        let letters = Arc::<Mutex<Vec<DeadLetter>>>::default();
        let kept = Arc::clone(&letters);
        let builder = EventPool::builder().pool(pool.clone()).timer(timer.clone());
        let builder =
            builder.dead_letter_handler(move |letter| kept.lock().unwrap().push(letter.clone()));
        Self {
            soiree: builder.build().unwrap(),
            pool,
            timer,
            letters,
            calls: Arc::default(),
        }
    }

    /// Subscribes a listener that fails.
    fn on(&self, options: ListenerOptions) -> ListenerId {
        let listener = self.failing();
        self.soiree.on_with("t", options, listener).unwrap()
    }

    fn failing(&self) -> impl Fn(&dyn Event) -> Result<(), String> + Send + Sync + 'static {
        let calls = Arc::clone(&self.calls);
        move |event| {
            calls.fetch_add(1, Ordering::SeqCst);
            Err(format!("attempt {}", event.attempt()))
        }
    }

    /// Emits, and runs two attempts.
    fn emit_and_fail_twice(&self) -> Emission {
        let emission = self.soiree.emit("t", ()).unwrap();
        assert_eq!(self.pool.run_all(), 1);
        assert_eq!(self.timer.advance(HOUR), 1);
        assert_eq!(self.pool.run_all(), 1);
        assert_eq!(self.calls(), 2);
        assert!(!emission.is_finished());
        emission
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Nothing is left to be called, and the event is a dead letter after this many attempts.
    fn assert_ended(&self, report: &Report, attempts: u32) {
        assert!(
            !report.is_unfinished() && report.errors().len() == 1,
            "{report:?}"
        );
        let last = format!("attempt {attempts}");
        assert!(
            report.errors()[0].to_string().ends_with(&last),
            "{report:?}"
        );
        assert_eq!((report.delivered(), report.failed()), (1, 1));
        assert_eq!(report.retried(), u64::from(attempts) - 1);
        let letters = std::mem::take(&mut *self.letters.lock().unwrap());
        let letters: Vec<u32> = letters.iter().map(|letter| letter.attempts).collect();
        assert_eq!(letters, [attempts]);
        self.timer.advance(100 * HOUR);
        self.pool.run_all();
        assert_eq!(self.calls(), attempts as usize);
        self.soiree.close().unwrap();
    }
}

/// L11, L7: the emission ends at once, with the last error, and the event is a dead letter.
#[test]
fn a_retry_that_waits_ends_when_its_listener_is_removed() {
    type Remove = fn(&Fixture);
    let ways: [Remove; 4] = [
        |fixture| {
            let id = fixture.on(hourly());
            let emission = fixture.emit_and_fail_twice();
            fixture.soiree.off("t", &id).unwrap();
            fixture.assert_ended(&ended(&emission), 2);
        },
        |fixture| {
            let guard = fixture.soiree.guard("t", fixture.on(hourly()));
            let emission = fixture.emit_and_fail_twice();
            drop(guard);
            fixture.assert_ended(&ended(&emission), 2);
        },
        |fixture| {
            let group = fixture.soiree.group();
            group.on_with("t", hourly(), fixture.failing()).unwrap();
            let emission = fixture.emit_and_fail_twice();
            group.clear();
            fixture.assert_ended(&ended(&emission), 2);
        },
        |fixture| {
            let topic = fixture.soiree.ensure_topic("t").unwrap();
            let id = topic.add_listener_with(hourly(), fixture.failing());
            let emission = fixture.emit_and_fail_twice();
            topic.remove_listener(&id.unwrap()).unwrap();
            fixture.assert_ended(&ended(&emission), 2);
        },
    ];
    for remove in ways {
        remove(&Fixture::new());
    }
}

/// L11: a retry that is due, and waits for a worker.
#[test]
fn a_retry_that_is_queued_ends_when_its_listener_is_removed() {
    let fixture = Fixture::new();
    let id = fixture.on(hourly());
    let emission = fixture.soiree.emit("t", ()).unwrap();
    fixture.pool.run_all();
    fixture.timer.advance(HOUR);
    assert_eq!(fixture.pool.pending(), 1);
    fixture.soiree.off("t", &id).unwrap();
    fixture.assert_ended(&ended(&emission), 1);
}

struct CountScheduled(Arc<AtomicUsize>);

impl Observer for CountScheduled {
    fn retry_scheduled(&self, _: &RetryScheduled<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// L11: in its first attempt, or a later one. Observers are not notified of a retry that is not to come.
#[test]
fn a_listener_that_removes_itself_gets_no_further_attempt() {
    for last in [1, 2] {
        let fixture = Fixture::new();
        let (own, weak) = (
            Arc::<Mutex<Option<ListenerId>>>::default(),
            fixture.soiree.downgrade(),
        );
        let (id, fails) = (Arc::clone(&own), fixture.failing());
        let listener = move |event: &dyn Event| {
            if event.attempt() == last {
                let id = id.lock().unwrap().take().unwrap();
                weak.upgrade().unwrap().off("t", &id).unwrap();
            }
            fails(event)
        };
        let subscribed = fixture.soiree.on_with("t", hourly(), listener).unwrap();
        *own.lock().unwrap() = Some(subscribed);
        let scheduled = Arc::new(AtomicUsize::new(0));
        let observer = CountScheduled(Arc::clone(&scheduled));
        fixture.soiree.add_observer(observer);
        let emission = fixture.soiree.emit("t", ()).unwrap();
        fixture.pool.run_all();
        if last == 2 {
            fixture.timer.advance(HOUR);
            fixture.pool.run_all();
        }
        fixture.assert_ended(&ended(&emission), last);
        assert_eq!(scheduled.load(Ordering::SeqCst), last as usize - 1);
    }
}

/// L5, L11: a listener that had its last run is removed, and is retried all the same. Only its guard ends that.
#[test]
fn the_last_run_of_a_listener_is_retried_until_its_guard_is_dropped() {
    let fixture = Fixture::new();
    let id = fixture.on(hourly().once());
    let guard = fixture.soiree.guard("t", id.clone());
    let emission = fixture.emit_and_fail_twice();
    assert!(fixture.soiree.is_empty());
    fixture.soiree.off("t", &id).unwrap_err();
    assert!(!emission.is_finished());
    drop(guard);
    fixture.assert_ended(&ended(&emission), 2);
}

/// L11: retries of other listeners go on, also of one that has got the same ID meanwhile.
#[test]
fn retries_of_other_listeners_go_on() {
    let fixture = Fixture::new();
    fixture.soiree.set_id_generator(|| "the same");
    let id = fixture.on(hourly());
    let first = fixture.emit_and_fail_twice();
    fixture.soiree.off("t", &id).unwrap();
    assert!(first.is_finished());
    fixture.on(hourly());
    let second = fixture.soiree.emit("t", ()).unwrap();
    fixture.pool.run_all();
    assert!(fixture.soiree.off("other", &id).is_err());
    for _ in 0..8 {
        assert!(!second.is_finished());
        fixture.timer.advance(HOUR);
        fixture.pool.run_all();
    }
    fixture.timer.advance(HOUR);
    fixture.pool.run_all();
    assert_eq!(ended(&second).retried(), 9);
    assert_eq!(fixture.calls(), 12);
    fixture.soiree.close().unwrap();
}

/// L11: the thread that waits in `emit_sync` goes on.
#[test]
fn an_emit_sync_returns_when_the_listener_that_it_waits_for_is_removed() {
    let fixture = Fixture::new();
    let id = fixture.on(hourly());
    let (soiree, (sender, reported)) = (fixture.soiree.clone(), channel());
    std::thread::spawn(move || sender.send(soiree.emit_sync("t", ()).unwrap()));
    wait_until("the first attempt has failed", || fixture.calls() == 1);
    fixture.soiree.off("t", &id).unwrap();
    fixture.assert_ended(&reported.recv_timeout(TIME_LIMIT).unwrap(), 1);
}

/// Removes a listener when it is called.
struct Removes(EventPool, Mutex<Option<ListenerId>>);

impl Removes {
    fn remove(&self) {
        if let Some(id) = self.1.lock().unwrap().take() {
            self.0.off("t", &id).unwrap();
        }
    }
}

impl Wake for Removes {
    fn wake(self: Arc<Self>) {
        self.remove();
    }
}

impl Observer for Removes {
    fn retry_scheduled(&self, _: &RetryScheduled<'_>) {
        self.remove();
    }
}

/// L11: by the task that awaits the emission, which is woken, or by an observer.
#[test]
fn a_listener_may_be_removed_while_its_retry_is_scheduled() {
    for is_observer in [true, false] {
        let fixture = Fixture::new();
        let removes = || {
            let id = fixture.on(hourly());
            Arc::new(Removes(fixture.soiree.clone(), Mutex::new(Some(id))))
        };
        if is_observer {
            fixture.soiree.add_observer(removes());
        }
        let waker = if is_observer {
            Waker::noop().clone()
        } else {
            removes().into()
        };
        let mut context = Context::from_waker(&waker);
        let mut emission = Box::pin(fixture.soiree.emit("t", ()).unwrap().into_future());
        assert!(emission.as_mut().poll(&mut context).is_pending());
        fixture.pool.run_all();
        let Poll::Ready(report) = emission.as_mut().poll(&mut context) else {
            panic!("the emission has not ended");
        };
        fixture.assert_ended(&report, 1);
    }
}

/// L11: by a program that uses the engine without the facade.
#[test]
fn a_listener_that_is_removed_from_the_registry_gets_no_further_attempt() -> TestResult {
    let (pool, timer) = (ManualPool::new(), ManualTimer::new());
    let mut settings = Settings::new(pool.clone());
    settings.timer = Some(Arc::new(timer.clone()));
    let emitter = Emitter::new(settings);
    let (pattern, id) = (Pattern::new("t")?, ListenerId::new("one"));
    let fails = Arc::new(|_: &dyn Event| Err::<(), _>("no"));
    emitter.subscribe(&pattern, id.clone(), hourly(), fails)?;
    let emission = emitter.emit("t", ())?;
    pool.run_all();
    emitter.registry().remove(&pattern, &id)?;
    assert!(!emission.is_finished());
    timer.advance(HOUR);
    assert_eq!(ended(&emission).retried(), 0);
    Ok(())
}

/// L11
#[test]
fn an_async_listener_that_is_removed_gets_no_further_attempt() -> TestResult {
    let runtime = runtime();
    let tasks = soiree_tokio::TaskPool::new(runtime.handle().clone(), 2, 8)?;
    let fixture = Fixture::new();
    fixture.soiree.add_bulkhead("async", tasks)?;
    let fails = Arc::new(fixture.failing());
    let listener = move |event: Arc<dyn Event>| {
        let fails = Arc::clone(&fails);
        async move { fails(&*event) }
    };
    let id = fixture.soiree.on_async_with("t", hourly(), listener)?;
    let emission = fixture.soiree.emit("t", ())?;
    fixture.pool.run_all();
    wait_until("the retry waits", || fixture.timer.pending() == 1);
    fixture.soiree.off("t", &id)?;
    fixture.assert_ended(&ended(&emission), 1);
    Ok(())
}

/// L9, L11: the attempt that has timed out still runs, and the next one waits for it.
#[test]
fn a_retry_that_waits_for_the_attempt_before_ends_when_its_listener_is_removed() -> TestResult {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(soiree_pool::WorkerPool::new(2, 8)?)
        .timer(timer.clone())
        .build()?;
    let (block, blocker) = Blocker::new();
    let (sender, calls) = channel();
    let options = hourly().timeout(HOUR / 2);
    let id = soiree.on_with("t", options, move |_| {
        sender.send(()).unwrap();
        block();
    })?;
    let emission = soiree.emit("t", ())?;
    blocker.wait_started();
    // It times out, and an hour later its retry is due.
    timer.advance(HOUR / 2);
    timer.advance(HOUR);
    assert!(!emission.is_finished());
    soiree.off("t", &id)?;
    let report = ended(&emission);
    assert_eq!(
        (report.failed(), report.timed_out(), report.retried()),
        (1, 1, 0)
    );
    blocker.release();
    soiree.close()?;
    timer.advance(10 * HOUR);
    assert_eq!(calls.try_iter().count(), 1);
    Ok(())
}
