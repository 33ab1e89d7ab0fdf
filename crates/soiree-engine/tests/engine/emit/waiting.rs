//! Waiting for an emission.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, Recorder};

use crate::support::{CountWakes, TIME_LIMIT, TestResult, on_one_worker};

/// E3
#[test]
fn a_wait_on_the_only_worker_runs_the_emission_there() -> TestResult {
    let soiree = on_one_worker(8);
    let weak = soiree.downgrade();
    let (sender, threads) = channel();
    let inner_sender = sender.clone();
    soiree.on("inner", move |_| {
        inner_sender.send(thread::current().id()).unwrap()
    })?;
    soiree.on("outer", move |_| {
        sender.send(thread::current().id()).unwrap();
        let soiree = weak.upgrade().unwrap();
        for wait in 0..3 {
            let emission = soiree.emit("inner", ()).unwrap();
            match wait {
                0 => assert_eq!(emission.wait().delivered(), 1),
                1 => assert_eq!(emission.wait_timeout(TIME_LIMIT).unwrap().delivered(), 1),
                _ => assert_eq!(emission.errors().count(), 0),
            }
        }
    })?;
    soiree.emit("outer", ())?.wait();
    let threads: Vec<_> = threads.try_iter().collect();
    assert_eq!(threads.len(), 4);
    assert!(
        threads
            .iter()
            .all(|id| *id == threads[0] && *id != thread::current().id())
    );
    Ok(())
}

/// E3: also after the last handles of the event pool and the pool are dropped.
#[test]
fn a_job_may_wait_for_an_emission_behind_it_after_the_last_handle_is_dropped() -> TestResult {
    let pool = Arc::new(WorkerPool::new(1, 8)?);
    let (give, given) = channel::<soiree_engine::Emission>();
    let (sender, receiver) = channel();
    pool.submit(move || {
        let behind = given.recv().unwrap();
        sender.send(behind.wait().delivered()).unwrap();
    })?;
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree.on("t", |_| {})?;
    let behind = soiree.emit("t", ())?;
    soiree.set_pool(WorkerPool::new(1, 1)?)?;
    drop(pool);
    give.send(behind)?;
    assert_eq!(receiver.recv_timeout(TIME_LIMIT)?, 1);
    Ok(())
}

/// E3: such a wait could never end, so it returns at once.
#[test]
fn a_listener_that_waits_for_its_own_emission_gets_an_unfinished_report() -> TestResult {
    let soiree = on_one_worker(8);
    let (give, given) = channel::<soiree_engine::Emission>();
    let given = Mutex::new(given);
    soiree.on("t", move |_| {
        let own = given.lock().unwrap().recv().unwrap();
        assert!(own.wait().is_unfinished());
        assert_eq!(own.errors().count(), 0);
    })?;
    give.send(soiree.emit("t", ())?)?;
    soiree.close()?;
    Ok(())
}

/// E1
#[test]
fn an_emission_can_be_awaited_without_a_runtime() -> TestResult {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let recorder = Recorder::failing("awaited");
    soiree.listen_with("t", ListenerOptions::new(), recorder.clone())?;
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(soiree.emit("t", ())?.into_future());
    assert!(future.as_mut().poll(&mut context).is_pending());
    recorder.assert_no_events();
    assert!(pool.run_next());
    recorder.assert_received("t").once();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    let ready = future.as_mut().poll(&mut context);
    assert!(matches!(ready, Poll::Ready(report) if report.errors().len() == 1));
    Ok(())
}

/// E3, E6: each emission ends when its own job ends, in whatever order the pool runs or drops the jobs.
#[test]
fn emissions_end_in_the_order_in_which_their_jobs_do() -> TestResult {
    let pool = ManualPool::with_capacity(3);
    let soiree = EventPool::with_pool(pool.clone());
    let recorder = Recorder::new();
    soiree.listen_with("t.*", ListenerOptions::new(), recorder.clone())?;
    let emissions = [
        soiree.emit("t.a", 1)?,
        soiree.emit("t.b", 2)?,
        soiree.emit("t.c", 3)?,
    ];
    let finished = || {
        emissions
            .each_ref()
            .map(soiree_engine::Emission::is_finished)
    };
    let full = soiree.emit("t.d", 4).unwrap_err();
    assert!(matches!(full, EmitError::Rejected { .. }));
    assert!(pool.run_newest());
    assert_eq!(finished(), [false, false, true]);
    assert!(pool.discard_next());
    assert_eq!(finished(), [true, false, true]);
    assert!(emissions[0].wait().is_discarded());
    assert_eq!(pool.run_all(), 1);
    assert_eq!(emissions[1].wait().delivered(), 1);
    recorder.assert_topics(["t.c", "t.b"]);
    recorder.assert_received("t.b").once().with(&2);
    Ok(())
}

/// E1
#[test]
fn a_wait_that_is_dropped_leaves_no_waker() -> TestResult {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    soiree.on("t", |_| {})?;
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut future = Box::pin(soiree.emit("t", ())?.into_future());
    let mut context = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop((future, waker));
    assert_eq!(Arc::strong_count(&wakes), 1);
    assert!(pool.run_next());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    Ok(())
}

/// Lets a listener go on as it is dropped, and waits until its emission has ended.
struct EndsEmission {
    release: Sender<()>,
    ended: Mutex<Receiver<()>>,
    has_ended: Arc<AtomicBool>,
}

impl Wake for EndsEmission {
    fn wake(self: Arc<Self>) {}
}

impl Drop for EndsEmission {
    fn drop(&mut self) {
        let _ = self.release.send(());
        let ended = self.ended.get_mut().unwrap().recv_timeout(TIME_LIMIT);
        self.has_ended.store(ended.is_ok(), Ordering::SeqCst);
    }
}

/// L3: the emission can end meanwhile, whether the waker is replaced by another one or dropped with the wait.
#[test]
fn a_waker_is_dropped_without_a_lock() -> TestResult {
    for is_replaced in [true, false] {
        let soiree = on_one_worker(8);
        let (release, released) = channel();
        let (sender, ended) = channel();
        let released = Mutex::new(released);
        soiree.on("t", move |_| {
            released.lock().unwrap().recv_timeout(TIME_LIMIT).unwrap();
            Err::<(), _>("kept by the emission")
        })?;
        // The worker gets to it once the first emission has ended.
        soiree.on("next", move |_| sender.send(()).unwrap())?;
        let has_ended = Arc::new(AtomicBool::new(false));
        let waker = Waker::from(Arc::new(EndsEmission {
            release,
            ended: Mutex::new(ended),
            has_ended: Arc::clone(&has_ended),
        }));
        let mut future = Box::pin(soiree.emit("t", ())?.into_future());
        soiree.emit("next", ())?;
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop(waker);
        if is_replaced {
            let _ = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        } else {
            drop(future);
        }
        assert!(has_ended.load(Ordering::SeqCst));
        soiree.close()?;
    }
    Ok(())
}
