//! Jobs, and waiting for them.

use std::future::{Future, poll_fn};
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, Job, JobOutcome, ObservedPool, Observer, Pool, PoolStats, SubmitError,
    SubmitErrorReason, WaitError,
};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Starts a thread for each job. It counts a job when the test says so.
#[derive(Default)]
struct ThreadPerJob {
    submitted: AtomicU64,
    counts: Arc<Counts>,
    may_count: Mutex<Option<Receiver<()>>>,
    is_full: AtomicBool,
    polls_futures: AtomicBool,
    on_worker: AtomicBool,
}

#[derive(Default)]
struct Counts {
    successful: AtomicU64,
    failed: AtomicU64,
}

impl Pool for ThreadPerJob {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        if self.is_full.load(SeqCst) {
            let reason = SubmitErrorReason::Full { capacity: 0 };
            return Err(SubmitError::new(job, reason));
        }
        self.submitted.fetch_add(1, SeqCst);
        let counts = Arc::clone(&self.counts);
        let may_count = self.may_count.lock().unwrap().take();
        thread::spawn(move || {
            let ended = job.run_for_pool();
            if let Some(may_count) = may_count {
                may_count.recv_timeout(TIME_LIMIT).unwrap();
            }
            let count = match ended.outcome() {
                JobOutcome::Panicked(_) => &counts.failed,
                _ => &counts.successful,
            };
            count.fetch_add(1, SeqCst);
        });
        Ok(())
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.submit(job)
    }

    fn stop(&self) {}

    fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
        Ok(())
    }

    fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        stats.successful = self.counts.successful.load(SeqCst);
        stats.failed = self.counts.failed.load(SeqCst);
        stats.submitted = self.submitted.load(SeqCst);
        stats.active = (stats.submitted - stats.completed()) as usize;
        stats
    }

    fn on_worker(&self) -> bool {
        self.on_worker.load(SeqCst)
    }

    fn polls_futures(&self) -> bool {
        self.polls_futures.load(SeqCst)
    }
}

/// Runs `work` on a thread of its own, and fails if it has not ended in time.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = channel();
    thread::spawn(move || sender.send(work()));
    result.recv_timeout(TIME_LIMIT).expect("it has ended")
}

/// P1: a thread that waited for a job finds it counted, whether it succeeded or panicked.
#[test]
fn a_job_is_counted_before_the_thread_that_waits_for_it_wakes() {
    let pool = Arc::new(ThreadPerJob::default());
    for failed in [0, 1] {
        let (count, may_count) = channel();
        *pool.may_count.lock().unwrap() = Some(may_count);
        let (sender, waited) = channel();
        let (ran, has_run) = channel();
        let waiting = Arc::clone(&pool);
        thread::spawn(move || {
            let result = waiting.submit_and_wait(Job::new(move || {
                ran.send(()).unwrap();
                assert_eq!(failed, 0);
            }));
            sender.send((result.is_err(), waiting.stats())).unwrap();
        });
        has_run.recv_timeout(TIME_LIMIT).unwrap();
        assert!(
            waited.try_recv().is_err(),
            "the job has run and is not counted"
        );
        count.send(()).unwrap();
        let (is_err, stats) = waited.recv_timeout(TIME_LIMIT).unwrap();
        assert_eq!((is_err, stats.failed), (failed == 1, failed));
        assert_eq!((stats.completed(), stats.active), (failed + 1, 0));
    }
}

/// P1: the thread that waits gets the value of the panic, and its text.
#[test]
fn a_wait_returns_the_value_of_the_panic() {
    let failed =
        in_time(|| ThreadPerJob::default().submit_and_wait(Job::new(|| panic_any(Arc::new(7_u8)))));
    let Err(WaitError::Panicked(payload)) = failed else {
        panic!("the job panicked: {failed:?}");
    };
    assert_eq!(**payload.get().downcast_ref::<Arc<u8>>().unwrap(), 7);
    let failed =
        in_time(|| ThreadPerJob::default().submit_and_wait(Job::new(|| panic!("no disk"))));
    assert_eq!(failed.unwrap_err().to_string(), "the job panicked: no disk");
}

/// P1: the pool keeps the value of the panic if it asks for the outcome, and the thread that waits gets the text.
#[test]
fn the_outcome_of_a_job_that_panicked_holds_its_value() {
    let ended = Job::new(|| panic_any(7_u8)).run_for_pool();
    let JobOutcome::Panicked(payload) = ended.into_outcome() else {
        panic!("the job panicked");
    };
    assert_eq!(payload.get().downcast_ref(), Some(&7_u8));
}

/// P3: the job in the error is the one that was submitted; running it later wakes nobody.
#[test]
fn a_rejected_job_comes_back_as_it_was() {
    let pool = ThreadPerJob::default();
    pool.is_full.store(true, SeqCst);
    let (sender, ran) = channel();
    let job = Job::new(move || sender.send(()).unwrap());
    let Err(WaitError::Rejected(rejected)) = pool.submit_and_wait(job) else {
        panic!("the pool is full");
    };
    assert!(matches!(rejected.into_job().run(), JobOutcome::Completed));
    assert_eq!(ran.try_recv(), Ok(()));
    let future = Job::from_future(async {});
    let Err(WaitError::Rejected(rejected)) = pool.submit_and_wait(future) else {
        panic!("the pool is full");
    };
    assert!(rejected.into_job().is_future());
}

/// P3: a job that is dropped unrun wakes the thread that waits for it, also one that is observed or has a deadline.
#[test]
fn a_dropped_job_wakes_the_thread_that_waits_for_it() {
    struct Nothing;
    impl Observer for Nothing {}
    struct Dropping;
    impl Pool for Dropping {
        fn submit(&self, job: Job) -> Result<(), SubmitError> {
            drop(job.before(Instant::now() + TIME_LIMIT));
            Ok(())
        }
        fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
            self.submit(job)
        }
        fn stop(&self) {}
        fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
            Ok(())
        }
        fn stats(&self) -> PoolStats {
            PoolStats::default()
        }
    }
    let waited =
        in_time(|| ObservedPool::new(Dropping, "a", Nothing).submit_and_wait(Job::new(|| {})));
    assert!(matches!(waited, Err(WaitError::Discarded)));
}

/// P4: a future is rejected where waiting for it would block a thread that polls futures. Other jobs run there.
#[test]
fn a_future_is_not_run_inline_on_a_worker_of_a_pool_that_polls_futures() {
    let pool = ThreadPerJob::default();
    pool.polls_futures.store(true, SeqCst);
    pool.on_worker.store(true, SeqCst);
    let future = || Job::from_future(std::future::pending());
    let errors = [
        pool.submit_and_wait(future()),
        pool.submit_all_and_wait(vec![Job::new(|| {}), future()]),
        pool.run_inline(future()).map(drop).map_err(Into::into),
    ];
    for error in errors {
        let Err(WaitError::Rejected(rejected)) = error else {
            panic!("the future was not rejected: {error:?}");
        };
        assert!(matches!(rejected.reason, SubmitErrorReason::WouldBlock));
        assert!(rejected.into_job().is_future());
    }
    assert!(pool.submit_and_wait(Job::new(|| {})).is_ok());
    pool.polls_futures.store(false, SeqCst);
    assert!(pool.submit_and_wait(Job::from_future(async {})).is_ok());
}

/// P4: a thread that waits for a future hands it to the pool as a future, so that it holds no thread of a pool that polls.
#[test]
fn a_future_that_is_waited_for_is_still_a_future() {
    struct Polling(Mutex<Option<Job>>);
    impl Pool for Polling {
        fn submit(&self, job: Job) -> Result<(), SubmitError> {
            *self.0.lock().unwrap() = Some(job);
            Ok(())
        }
        fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
            self.submit(job)
        }
        fn stop(&self) {}
        fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
            Ok(())
        }
        fn stats(&self) -> PoolStats {
            PoolStats::default()
        }
    }
    let pool = Arc::new(Polling(Mutex::new(None)));
    let (sender, waited) = channel();
    let waiting = Arc::clone(&pool);
    thread::spawn(move || {
        let job = Job::from_future(async { panic!("late") });
        sender.send(waiting.submit_and_wait(job)).unwrap();
    });
    let until = Instant::now() + TIME_LIMIT;
    let job = loop {
        assert!(Instant::now() < until, "the job was not submitted");
        if let Some(job) = pool.0.lock().unwrap().take() {
            break job;
        }
        thread::yield_now();
    };
    assert!(job.is_future());
    let mut future = job.into_future();
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(outcome) = Pin::new(&mut future).poll(&mut context) else {
        panic!("the future is ready at once");
    };
    let ended = future.ended(outcome);
    assert!(waited.try_recv().is_err(), "the job is not counted yet");
    drop(ended);
    let waited = waited.recv_timeout(TIME_LIMIT).unwrap();
    assert!(matches!(waited, Err(WaitError::Panicked(payload)) if payload.message() == "late"));
}

/// P4: a future that is run on a thread is polled again after it was woken inside a poll, even if that poll has parked its thread
/// meanwhile and so has taken the wake-up of the thread.
#[test]
fn a_future_that_parks_its_thread_loses_no_wake_up() {
    let outcome = in_time(|| {
        let mut polls = 0;
        let future = poll_fn(move |context: &mut Context<'_>| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(());
            }
            if polls == 1 {
                context.waker().wake_by_ref();
            } else {
                let waker = context.waker().clone();
                thread::spawn(move || waker.wake()).join().unwrap();
            }
            thread::park();
            Poll::Pending
        });
        Job::from_future(future).run()
    });
    assert!(matches!(outcome, JobOutcome::Completed));
}

/// P1: by default a pool is idle when its statistics show no job.
#[test]
fn a_wait_for_an_idle_pool_ends_with_its_last_job() {
    let pool = Arc::new(ThreadPerJob::default());
    let (end, ended) = channel();
    pool.submit(Job::new(move || ended.recv().unwrap_or(())))
        .unwrap();
    assert!(!pool.wait_idle(Instant::now()));
    let waiting = Arc::clone(&pool);
    let (sender, idle) = channel();
    thread::spawn(move || sender.send(waiting.wait_idle(Instant::now() + TIME_LIMIT)));
    assert!(idle.try_recv().is_err(), "the job still runs");
    drop(end);
    assert_eq!(idle.recv_timeout(TIME_LIMIT), Ok(true));
    pool.on_worker.store(true, SeqCst);
    assert!(!pool.wait_idle(Instant::now() + TIME_LIMIT));
}
