//! Retries that know their errors: predicates, permanent errors, hints of when to retry, and jitter.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree::{EventPool, TypedTopic};
use soiree_core::{
    BoxError, DeadLetter, Event, Jitter, ListenerErrorKind, ListenerOptions, Observer, Permanent,
    Retry, RetryAfter, RetryScheduled,
};
use soiree_engine::Report;
use soiree_testkit::ManualTimer;

use crate::async_listener::common::{runtime, with_async};
use crate::support::{Blocker, TIME_LIMIT, emit_both_ways, wait_until, worker_pool};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error, PartialEq)]
enum Failure {
    #[error("busy")]
    Busy,
    #[error("gone")]
    Gone,
}

/// At once, and up to four times.
fn at_once() -> Retry {
    Retry::fixed(Duration::ZERO, 4)
}

fn options(retry: Retry) -> ListenerOptions {
    ListenerOptions::new().retry(retry)
}

/// An event pool that keeps its dead letters.
fn with_letters() -> (EventPool, Arc<Mutex<Vec<DeadLetter>>>) {
    let letters = Arc::<Mutex<Vec<DeadLetter>>>::default();
    let kept = Arc::clone(&letters);
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .dead_letter_handler(move |letter| kept.lock().unwrap().push(letter.clone()))
        .build()
        .unwrap();
    (soiree, letters)
}

/// Checks a report of a listener that was given up after this many retries, and its dead letter.
fn check_given_up(report: &Report, letters: &Mutex<Vec<DeadLetter>>, retried: u64) {
    assert_eq!(
        (report.failed(), report.retried()),
        (1, retried),
        "{report:?}"
    );
    assert_eq!(report.errors().len(), 1);
    let letters = std::mem::take(&mut *letters.lock().unwrap());
    assert_eq!(letters.len(), 1);
    assert_eq!(u64::from(letters[0].attempts), retried + 1);
    assert_eq!(letters[0].error.to_string(), report.errors()[0].to_string());
}

/// W4: a permanent error ends retrying at once, wherever it is put around the error: by `?`, as a boxed error, as the return type. The
/// report and the dead letter show the error inside.
#[test]
fn a_permanent_error_is_not_retried() {
    fn by_question_mark(event: &dyn Event) -> Result<(), BoxError> {
        if event.attempt() > 1 {
            Err(Permanent(Failure::Gone))?;
        }
        Err(Failure::Busy)?
    }
    fn boxed(event: &dyn Event) -> Result<(), BoxError> {
        Err(match event.attempt() {
            1 => Failure::Busy.into(),
            _ => Permanent(Failure::Gone).into(),
        })
    }
    for listener in [by_question_mark, boxed] {
        let (soiree, letters) = with_letters();
        soiree.on_with("a", options(at_once()), listener).unwrap();
        emit_both_ways(&soiree, "a", |report| {
            check_given_up(&report, &letters, 1);
            let error = &report.errors()[0];
            assert_eq!(error.kind(), ListenerErrorKind::Failed);
            assert_eq!(error.downcast_ref(), Some(&Failure::Gone));
            let source = std::error::Error::source(error).unwrap();
            assert_eq!(source.downcast_ref(), Some(&Failure::Gone));
            assert!(error.to_string().ends_with("failed for a: gone"), "{error}");
        });
        soiree.close().unwrap();
    }
    let (soiree, letters) = with_letters();
    let typed = |_: &dyn Event| Err::<(), _>(Permanent("gone"));
    soiree.on_with("a", options(at_once()), typed).unwrap();
    emit_both_ways(&soiree, "a", |report| check_given_up(&report, &letters, 0));
    soiree.close().unwrap();
}

/// W4: typed topics and groups of subscriptions know permanent errors as well.
#[test]
fn a_permanent_error_of_a_typed_listener_is_not_retried() {
    const TOPIC: TypedTopic<u32> = TypedTopic::new("a");
    let (soiree, letters) = with_letters();
    TOPIC
        .on_with(&soiree, options(at_once()), |number, _| {
            Err::<(), _>(Permanent(format!("never {number}")))
        })
        .unwrap();
    let report = TOPIC.emit(&soiree, 7).unwrap().wait();
    check_given_up(&report, &letters, 0);
    assert!(report.errors()[0].to_string().ends_with("never 7"));
    let group = soiree.group();
    group
        .on_with("b", options(at_once()), |_| Err::<(), _>(Permanent("b")))
        .unwrap();
    check_given_up(&soiree.emit("b", ()).unwrap().wait(), &letters, 0);
    drop(group);
    soiree.close().unwrap();
}

/// W4, A1: the same for an async listener, whose hint is kept too.
#[test]
fn an_async_listener_says_whether_it_is_retried() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    soiree
        .on_async_with("gone", options(at_once()), |_| async {
            Err::<(), _>(Permanent(Failure::Gone))
        })
        .unwrap();
    let hour = options(Retry::fixed(3600 * SECOND, 3));
    soiree
        .on_async_with("busy", hour, |event| async move {
            match event.attempt() {
                1 => Err(RetryAfter(Duration::ZERO, Failure::Busy)),
                _ => Ok(()),
            }
        })
        .unwrap();
    let report = soiree.emit("gone", ()).unwrap().wait();
    assert_eq!((report.failed(), report.retried()), (1, 0));
    assert_eq!(report.errors()[0].downcast_ref(), Some(&Failure::Gone));
    let busy = soiree.emit("busy", ()).unwrap();
    let report = busy.wait_timeout(TIME_LIMIT).expect("it does not wait");
    assert_eq!((report.delivered(), report.retried()), (1, 1));
    soiree.close().unwrap();
}

/// W4: an error that the predicate turns down is treated as that of the last attempt. The predicate sees returned errors, panics and
/// timeouts, as the listener left them; and is not asked when there is no further attempt anyway.
#[test]
fn an_error_that_the_predicate_turns_down_is_not_retried() {
    let letters = Arc::<Mutex<Vec<DeadLetter>>>::default();
    let kept = Arc::clone(&letters);
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .dead_letter_handler(move |letter| kept.lock().unwrap().push(letter.clone()))
        .error_handler(|_, error| Some(error.with_source("translated")))
        .build()
        .unwrap();
    let (ask, asked) = channel();
    let retry = Retry::fixed(Duration::ZERO, 3).when(move |error| {
        ask.send(error.kind()).unwrap();
        error.is_panic() || error.downcast_ref() == Some(&Failure::Busy)
    });
    let listener = |event: &dyn Event| {
        let steps = event.payload_as::<Vec<i32>>().unwrap();
        match steps[event.attempt() as usize - 1] {
            0 => Err::<(), _>(Failure::Busy),
            1 => Err(Failure::Gone),
            _ => panic!("as well as an error"),
        }
    };
    soiree.on_with("a", options(retry), listener).unwrap();
    let check = |steps: Vec<i32>, retried, kinds: &[ListenerErrorKind]| {
        let report = soiree.emit("a", steps).unwrap().wait();
        check_given_up(&report, &letters, retried);
        assert!(report.errors()[0].to_string().ends_with("translated"));
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), kinds);
    };
    use ListenerErrorKind::{Failed, Panicked};
    check(vec![1], 0, &[Failed]);
    check(vec![0, 1], 1, &[Failed, Failed]);
    check(vec![2, 0, 0], 2, &[Panicked, Failed]);
    check(vec![0, 2, 1], 2, &[Failed, Panicked]);
    soiree.close().unwrap();
}

/// W4: a predicate is asked about a timeout, on the timer thread.
#[test]
fn the_predicate_decides_about_timeouts() {
    for retries in [false, true] {
        let timer = ManualTimer::new();
        let soiree = EventPool::builder()
            .pool(worker_pool("default", 2, 16))
            .timer(timer.clone())
            .build()
            .unwrap();
        let retry = Retry::fixed(Duration::ZERO, 2)
            .when(move |error| retries && error.kind() == ListenerErrorKind::TimedOut);
        let blocker = Blocker::on(&soiree, "a", options(retry).timeout(SECOND));
        let emission = soiree.emit("a", ()).unwrap();
        blocker.wait_started();
        timer.advance(SECOND);
        assert_eq!(emission.is_finished(), !retries);
        drop(blocker);
        // An attempt is skipped that is due before the one before has returned.
        wait_until("the listener has returned", || {
            soiree.pool_stats().active == 0
        });
        timer.advance(Duration::ZERO);
        let report = emission.wait();
        assert_eq!(report.retried(), u64::from(retries), "{report:?}");
        soiree.close().unwrap();
    }
}

/// W4, E8: a predicate that panics turns the error down, also if its panic or its own `Drop` panics again when dropped.
#[test]
fn a_predicate_that_panics_turns_the_error_down() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !thread::panicking() {
                panic!("a value of the predicate");
            }
        }
    }
    let (soiree, letters) = with_letters();
    let held = Bomb;
    let retry = at_once().when(move |_| {
        let _ = &held;
        std::panic::resume_unwind(Box::new(Bomb))
    });
    let fails = |_: &dyn Event| Err::<(), _>("no");
    let id = soiree.on_with("a", options(retry), fails).unwrap();
    emit_both_ways(&soiree, "a", |report| check_given_up(&report, &letters, 0));
    soiree.off("a", &id).unwrap();
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    soiree.close().unwrap();
}

/// W4, E8: an error whose sources never end, or panic, harms nothing.
#[test]
fn hostile_sources_of_an_error_harm_nothing() {
    #[derive(Debug)]
    struct Hostile(bool);
    impl std::fmt::Display for Hostile {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("hostile")
        }
    }
    impl std::error::Error for Hostile {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            assert!(!self.0, "a source that panics");
            Some(self)
        }
    }
    for (panics, retried) in [(false, 3), (true, 0)] {
        let (soiree, letters) = with_letters();
        let fails = move |_: &dyn Event| Err::<(), _>(Hostile(panics));
        soiree.on_with("a", options(at_once()), fails).unwrap();
        let report = soiree.emit("a", ()).unwrap().wait();
        check_given_up(&report, &letters, retried);
        soiree.close().unwrap();
    }
}

/// Records the delays of retries.
struct Delays(Sender<Duration>);

impl Observer for Delays {
    fn retry_scheduled(&self, scheduled: &RetryScheduled<'_>) {
        self.0.send(scheduled.delay).unwrap();
    }
}

/// The delays of a listener that fails always, on a timer that the test advances.
fn delays(retry: Retry, error: fn() -> BoxError, emits: usize) -> Vec<Vec<Duration>> {
    let (sender, scheduled): (_, Receiver<Duration>) = channel();
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .timer(timer.clone())
        .observer(Delays(sender))
        .build()
        .unwrap();
    let fails = move |_: &dyn Event| Err::<(), _>(error());
    soiree.on_with("a", options(retry), fails).unwrap();
    let one = |_| {
        let emission = soiree.emit("a", ()).unwrap();
        while !emission.is_finished() {
            timer.advance(3600 * SECOND);
            thread::yield_now();
        }
        scheduled.try_iter().collect()
    };
    let all = (0..emits).map(one).collect();
    soiree.close().unwrap();
    all
}

/// W4: a hint of when to retry replaces the delay, and is kept to the longest one.
#[test]
fn a_hint_is_kept_to_the_longest_delay() {
    let retry = Retry::exponential(SECOND, 3).max_delay(10 * SECOND);
    let seven = || RetryAfter(7 * SECOND, "busy").into();
    let minute = || RetryAfter(60 * SECOND, "busy").into();
    assert_eq!(delays(retry.clone(), seven, 1), [[7 * SECOND; 2]]);
    assert_eq!(delays(retry, minute, 1), [[10 * SECOND; 2]]);
}

/// W4: by default, exponential delays have full jitter, and fixed ones have none. Without jitter they are exact.
#[test]
fn exponential_delays_have_jitter_by_default() {
    let no: fn() -> BoxError = || "no".into();
    let exact = [SECOND, 2 * SECOND, 4 * SECOND];
    let exponential = Retry::exponential(SECOND, 4);
    assert_eq!(
        delays(exponential.clone().jitter(Jitter::None), no, 2),
        [exact; 2]
    );
    assert_eq!(delays(Retry::fixed(SECOND, 3), no, 2), [[SECOND; 2]; 2]);
    let jittered = delays(exponential, no, 20);
    for emission in &jittered {
        assert_eq!(emission.len(), 3);
        let mut within = emission.iter().zip(exact);
        assert!(within.all(|(delay, most)| *delay <= most), "{emission:?}");
    }
    let (first, others) = jittered.split_first().unwrap();
    assert!(others.iter().all(|other| other != first), "{jittered:?}");
}
