//! User code that panics as it is dropped, two values at a time: a container that drops both must survive that.

use std::fmt;
use std::future::{self, Future};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree::{Builder, EventPool};
use soiree_core::{
    BaseEvent, DrainTimeout, Event, Job, ListenerError, ListenerOptions, Observer, Overflow,
    Payload, Pool, PoolStats, Retry, SubmitError, SubscribeError, WorkerCheck,
};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use crate::support::{Blocker, TestResult, named, on_one_worker, wait_until};

/// Counts the bombs that have gone off.
#[derive(Clone, Default)]
struct Bombs(Arc<AtomicUsize>);

/// Panics as it is dropped.
struct Bomb(Bombs);

impl Bombs {
    fn one(&self) -> Bomb {
        Bomb(self.clone())
    }

    /// Waits until this many have gone off.
    fn wait_for(&self, count: usize) {
        wait_until("the values are dropped", || {
            self.0.load(Ordering::SeqCst) >= count
        });
        assert_eq!(self.0.load(Ordering::SeqCst), count);
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        panic!("dropped");
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bomb")
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

impl Observer for Bomb {}

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {}
}

/// E8: the errors of two listeners, in a report that nobody reads, in one that is read, and beyond the error buffer.
#[test]
fn errors_of_one_report_may_panic_as_they_are_dropped() -> TestResult {
    for buffer in [64, 0] {
        let bombs = Bombs::default();
        let builder = EventPool::builder().pool(WorkerPool::new(1, 4)?);
        let soiree = builder.error_buffer(buffer).build()?;
        for _ in 0..2 {
            let bombs = bombs.clone();
            soiree.on("a", move |_| Err::<(), _>(bombs.one()))?;
        }
        drop(soiree.emit("a", ())?);
        bombs.wait_for(2);
        let report = soiree.emit("a", ())?.wait();
        assert_eq!(report.failed(), 2);
        drop(report);
        assert_eq!(soiree.emit_sync("a", ())?.failed(), 2);
        bombs.wait_for(6);
        soiree.close()?;
    }
    Ok(())
}

/// E8: an error that another one replaces in the error handler, and those of two dead letters that are kept.
#[test]
fn errors_in_handlers_may_panic_as_they_are_dropped() -> TestResult {
    let bombs = Bombs::default();
    let translated = bombs.clone();
    let (letters, kept) = channel::<ListenerError>();
    let soiree = EventPool::builder()
        .pool(ManualPool::new())
        .error_handler(move |_, error| Some(error.with_source(translated.one())))
        .dead_letter_handler(move |letter| letters.send(letter.error.clone()).unwrap())
        .build()?;
    for _ in 0..2 {
        let bombs = bombs.clone();
        let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 1));
        soiree.on_with("a", options, move |_| Err::<(), _>(bombs.one()))?;
    }
    assert_eq!(soiree.emit_sync("a", ())?.failed(), 2);
    bombs.wait_for(2);
    drop(kept);
    bombs.wait_for(4);
    Ok(())
}

/// E8: two listeners and their filters, whose last handle an `emit_sync`, a close, or an emission that runs has.
#[test]
fn listeners_and_filters_may_panic_as_they_are_dropped() -> TestResult {
    let subscribe = |soiree: &EventPool, bombs: &Bombs| {
        let (listener, filter) = (bombs.one(), bombs.one());
        let options = ListenerOptions::new().filter(move |_| {
            let _ = &filter;
            true
        });
        let listener = move |_: &dyn Event| {
            let _ = &listener;
        };
        soiree.on_with("a", options, listener)
    };
    let bombs = Bombs::default();
    let soiree = on_one_worker(4);
    let blocker = Blocker::on(&soiree, "a", named("first"));
    let ids = [
        subscribe(&soiree, &bombs)?,
        subscribe(&soiree, &bombs)?,
        subscribe(&soiree, &bombs)?,
    ];
    thread::scope(|scope| {
        let emits = scope.spawn(|| soiree.emit_sync("a", ()));
        blocker.wait_started();
        ids[..2].iter().for_each(|id| soiree.off("a", id).unwrap());
        blocker.release();
        assert_eq!(emits.join().unwrap().unwrap().delivered(), 4);
    });
    bombs.wait_for(4);
    subscribe(&soiree, &bombs)?;
    soiree.close()?;
    bombs.wait_for(8);
    Ok(())
}

/// E8: a subscription that is rejected is an error, and not a panic.
#[test]
fn a_rejected_listener_may_panic_as_it_is_dropped() {
    let (soiree, bombs) = (on_one_worker(4), Bombs::default());
    let (listener, filter) = (bombs.one(), bombs.one());
    let options = ListenerOptions::new().max_runs(0).filter(move |_| {
        let _ = &filter;
        true
    });
    let listener = move |_: &dyn Event| {
        let _ = &listener;
    };
    let rejected = soiree.on_with("a", options, listener);
    assert!(matches!(rejected, Err(SubscribeError::ZeroRuns)));
    bombs.wait_for(2);
}

/// Sets every handler and two observers. Each holds a bomb.
fn with_handlers(builder: Builder, bombs: &Bombs) -> Builder {
    let [error, panic, dead, letter, slow] = std::array::from_fn(|_| bombs.one());
    builder
        .error_handler(move |_, error_of| {
            let _ = &error;
            Some(error_of)
        })
        .panic_handler(move |_| _ = &panic)
        .unheard_event_handler(move |_| _ = &dead)
        .dead_letter_handler(move |_| _ = &letter)
        .slow_listener_handler(move |_| _ = &slow)
        .observer(bombs.one())
        .observer(bombs.one())
}

/// E8: handlers and observers that an event pool that is never built drops, the last emission, or a builder.
#[test]
fn handlers_and_observers_may_panic_as_they_are_dropped() -> TestResult {
    let bombs = Bombs::default();
    drop(with_handlers(Builder::with_pool(ManualPool::new()), &bombs));
    bombs.wait_for(7);
    let soiree = with_handlers(Builder::with_pool(ManualPool::new()), &bombs).build()?;
    soiree.close()?;
    drop(soiree);
    bombs.wait_for(14);
    Ok(())
}

/// A pool of the user's, and its worker check, each with a bomb.
struct BombPool {
    pool: WorkerPool,
    bombs: Bombs,
    _bomb: Bomb,
}

impl Pool for BombPool {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.pool.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.pool.try_submit(job)
    }

    fn stop(&self) {
        self.pool.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.pool.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        let (check, bomb) = (self.pool.worker_check(), self.bombs.one());
        Some(WorkerCheck::new(move || {
            let _ = &bomb;
            check.as_ref().is_some_and(WorkerCheck::is_worker)
        }))
    }
}

/// E8: pools, key functions and the generator of IDs, which an event pool drops with its settings.
#[test]
fn pools_and_key_functions_may_panic_as_they_are_dropped() -> TestResult {
    let bombs = Bombs::default();
    let pool = || BombPool {
        pool: WorkerPool::new(1, 4).unwrap(),
        bombs: bombs.clone(),
        _bomb: bombs.one(),
    };
    let order = || {
        let bomb = bombs.one();
        KeyOrder::by(move |_| {
            let _ = &bomb;
            Some(1)
        })
        .overflow(Overflow::Reject)
    };
    let soiree = Builder::with_pool(pool())
        .bulkhead("one", pool())
        .bulkhead("other", pool())
        .ordered("a.**", order())
        .ordered("b.**", order())
        .build()?;
    let ids = bombs.one();
    soiree.set_id_generator(move || {
        let _ = &ids;
        "id"
    });
    soiree.on("a.b", |_| ())?;
    assert!(soiree.emit("a.b", ())?.wait().is_ok());
    soiree.close()?;
    drop(soiree);
    // Three pools with a check each, two orders and a generator.
    bombs.wait_for(9);
    Ok(())
}

/// E8: the payload of an emission, the one that replaced it, a waker, and an event of the user's own.
#[test]
fn payloads_and_wakers_may_panic_as_they_are_dropped() -> TestResult {
    let bombs = Bombs::default();
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let replacing = bombs.clone();
    soiree.on("a", move |event| {
        event.set_payload(Payload::new(replacing.one()));
    })?;
    drop(soiree.emit("a", bombs.one())?);
    pool.run_all();
    bombs.wait_for(2);
    drop(soiree.emit_sync("a", bombs.one())?);
    bombs.wait_for(4);
    drop(soiree.emit_sync("unread", bombs.one())?);
    bombs.wait_for(5);
    drop(soiree.emit_event(BaseEvent::new("a", bombs.one()))?);
    pool.run_all();
    bombs.wait_for(7);

    let waker = Waker::from(Arc::new(bombs.one()));
    let mut waiting = Box::pin(soiree.emit("a", bombs.one())?.into_future());
    assert!(
        waiting
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    drop(waiting);
    pool.run_all();
    bombs.wait_for(10);
    assert_eq!(soiree.pool_stats().failed, 0, "no job has panicked");

    drop(vec![Payload::new(bombs.one()), Payload::new(bombs.one())]);
    bombs.wait_for(12);
    soiree.close()?;
    drop((
        soiree.emit("a", bombs.one()),
        soiree.emit("b ad", bombs.one()),
    ));
    bombs.wait_for(14);
    Ok(())
}

/// E8: futures of async listeners that are dropped before their end, two of one emission.
#[test]
fn futures_may_panic_as_they_are_dropped() -> TestResult {
    let bombs = Bombs::default();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).build()?;
    let tasks = Arc::new(soiree_tokio::TaskPool::new(runtime.handle().clone(), 2, 2)?);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 4)?)
        .bulkhead("async", Arc::clone(&tasks))
        .build()?;
    let (started, starts) = channel();
    for _ in 0..2 {
        let (bombs, started) = (bombs.clone(), started.clone());
        soiree.on_async("a", move |_| {
            let (bomb, started) = (bombs.one(), started.clone());
            async move {
                let _bomb = bomb;
                started.send(()).unwrap();
                future::pending::<()>().await;
            }
        })?;
    }
    let emission = soiree.emit("a", bombs.one())?;
    starts.recv()?;
    starts.recv()?;
    assert!(tasks.release_with_deadline(Instant::now()).is_err());
    assert_eq!(emission.wait().failed(), 2);
    drop(emission);
    bombs.wait_for(3);
    soiree.close()?;
    Ok(())
}
