//! E1 to E3, E5 and E6.

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{InvalidTopicKind, ListenerOptions, Overflow, Pool, SubmitErrorReason};
use soiree_engine::{EmitError, ReportError};
use soiree_pool::WorkerPool;

use soiree_testkit::{ManualPool, Recorder};

use crate::support::{BoxResult, Diary, Hold, PATIENCE, both_ways, on_one_worker, until};

/// E1
#[test]
fn every_error_reaches_the_handler_and_the_report_keeps_what_the_buffer_holds() -> BoxResult {
    let soiree = EventPool::new();
    soiree.set_error_buffer(2);
    let handled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handled);
    soiree.set_error_handler(move |event, error| {
        assert_eq!(event.topic(), error.topic());
        count.fetch_add(1, Ordering::SeqCst);
        (!error.to_string().contains("swallow")).then_some(error)
    });
    for name in ["one", "swallow", "two", "three", "four"] {
        soiree.on("t", move |_| Err::<(), _>(name))?;
    }
    both_ways(&soiree, "t", |report| {
        assert_eq!(handled.swap(0, Ordering::SeqCst), 5);
        assert_eq!((report.delivered, report.failed), (5, 5));
        let errors: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
        assert!(errors[0].ends_with("for t: one") && errors[1].ends_with("for t: two"));
        assert_eq!((errors.len(), report.omitted_errors), (2, 2));
        assert!(matches!(
            report.into_result(),
            Err(ReportError::Failed { failed: 4, .. })
        ));
    });
    Ok(())
}

/// E1
#[test]
fn iterating_an_emission_yields_each_error_as_it_comes() -> BoxResult {
    let soiree = on_one_worker(4);
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    soiree.on("t", |_| Err::<(), _>("first"))?;
    soiree.on("t", move |_| {
        told.lock().unwrap().recv().map_err(|_| "second")
    })?;
    let emission = soiree.emit("t", ())?;
    let mut errors = emission.errors();
    assert!(errors.next().unwrap().to_string().ends_with("first"));
    assert!(!emission.is_finished());
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    drop(go);
    assert!(errors.next().unwrap().to_string().ends_with("second"));
    assert!(errors.next().is_none());
    assert_eq!(emission.into_iter().count(), 2);
    Ok(())
}

/// E1
#[test]
fn a_swallowed_error_leaves_a_report_that_is_ok() -> BoxResult {
    let soiree = EventPool::builder()
        .error_handler(|_, _| None)
        .build()
        .unwrap();
    soiree.on("t", |_| Err::<(), _>("swallowed"))?;
    let report = soiree.emit("t", ())?.wait();
    assert!(report.is_ok());
    assert_eq!((report.failed, report.errors.len()), (1, 0));
    Ok(())
}

/// E2
#[test]
fn what_is_not_accepted_comes_back_in_an_error() -> BoxResult {
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(0)
        .overflow(Overflow::Reject)
        .build()?;
    let soiree = EventPool::with_pool(pool);
    let held = Hold::worker_of(&soiree);
    let refused = soiree.emit("t", 1_u8).unwrap_err();
    assert!(matches!(
        refused,
        EmitError::Rejected {
            source: SubmitErrorReason::Full { capacity: 0 },
            ..
        }
    ));
    assert_eq!(refused.into_payload().downcast_ref(), Some(&1_u8));
    let invalid = soiree.emit("a.*", 2_u8).unwrap_err();
    let EmitError::InvalidTopic { source, .. } = &invalid else {
        panic!("{invalid}")
    };
    assert_eq!(source.kind, InvalidTopicKind::WildcardInTopic { at: 2 });
    assert_eq!(invalid.into_payload().downcast_ref(), Some(&2_u8));
    held.let_go();
    soiree.close()?;
    let closed = soiree.emit("t", 3_u8).unwrap_err();
    assert!(matches!(closed, EmitError::Closed { .. }));
    assert_eq!(closed.into_payload().downcast_ref(), Some(&3_u8));
    assert!(matches!(
        soiree.emit_sync("t", 4_u8),
        Err(EmitError::Closed { .. })
    ));
    Ok(())
}

/// E2
#[test]
fn an_event_without_listeners_is_no_error_and_the_dead_event_handler_sees_it() -> BoxResult {
    let dead = Diary::default();
    let seen = dead.clone();
    let soiree = EventPool::builder()
        .dead_event_handler(move |e| seen.note(e.topic()))
        .build()
        .unwrap();
    soiree.on("a.**", |_| {})?;
    let report = soiree.emit("a", ())?.wait();
    assert!(report.is_ok() && report.delivered == 0);
    soiree.emit_sync("b", ())?;
    soiree.emit_sync("a.b", ())?;
    assert_eq!(dead.take(), ["a", "b"]);
    Ok(())
}

/// E3
#[test]
fn waiting_on_the_only_worker_runs_the_emission_there() -> BoxResult {
    let soiree = on_one_worker(8);
    let weak = soiree.downgrade();
    let (said, threads) = channel();
    let inner_said = said.clone();
    soiree.on("inner", move |_| {
        inner_said.send(thread::current().id()).unwrap()
    })?;
    soiree.on("outer", move |_| {
        said.send(thread::current().id()).unwrap();
        let soiree = weak.upgrade().unwrap();
        for wait in 0..3 {
            let emission = soiree.emit("inner", ()).unwrap();
            match wait {
                0 => assert_eq!(emission.wait().delivered, 1),
                1 => assert_eq!(emission.wait_timeout(PATIENCE).unwrap().delivered, 1),
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

/// E3: also when the last handles of `EventPool` and pool are gone.
#[test]
fn a_job_may_wait_for_an_emission_behind_it_after_the_last_handle_is_gone() -> BoxResult {
    let pool = Arc::new(WorkerPool::new(1, 8)?);
    let (give, given) = channel::<soiree_engine::Emission>();
    let (say, said) = channel();
    pool.submit(move || {
        let behind = given.recv().unwrap();
        say.send(behind.wait().delivered).unwrap();
    })?;
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree.on("t", |_| {})?;
    let behind = soiree.emit("t", ())?;
    soiree.set_pool(WorkerPool::new(1, 1)?);
    drop(pool);
    give.send(behind)?;
    assert_eq!(said.recv_timeout(PATIENCE)?, 1);
    Ok(())
}

/// E3: waiting for oneself would never end; it ends at once.
#[test]
fn a_listener_that_waits_for_its_own_emission_gets_an_unfinished_report() -> BoxResult {
    let soiree = on_one_worker(8);
    let (give, given) = channel::<soiree_engine::Emission>();
    let given = Mutex::new(given);
    soiree.on("t", move |_| {
        let own = given.lock().unwrap().recv().unwrap();
        assert!(own.wait().unfinished);
        assert_eq!(own.errors().count(), 0);
    })?;
    give.send(soiree.emit("t", ())?)?;
    soiree.close()?;
    Ok(())
}

struct CountWakes(AtomicU64);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// E1: awaited, without a runtime.
#[test]
fn an_emission_can_be_awaited_without_a_runtime() -> BoxResult {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let heard = Recorder::failing("awaited");
    soiree.listen("t", ListenerOptions::new(), heard.clone())?;
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(soiree.emit("t", ())?.into_future());
    assert!(future.as_mut().poll(&mut context).is_pending());
    heard.heard_nothing();
    assert!(pool.run_next());
    heard.heard("t").once();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    let ready = future.as_mut().poll(&mut context);
    assert!(matches!(ready, Poll::Ready(report) if report.errors.len() == 1));
    Ok(())
}

/// E5
#[test]
fn dropping_the_last_handle_loses_nothing_and_ends_the_threads() -> BoxResult {
    let soiree = on_one_worker(100);
    let (said, ran) = channel();
    let sender = Mutex::new(said);
    soiree.on("t", move |event| {
        sender
            .lock()
            .unwrap()
            .send(*event.payload_as::<u32>().unwrap())
            .unwrap();
    })?;
    let held = Hold::worker_of(&soiree);
    for number in 0..50_u32 {
        let _ = soiree.emit("t", number)?;
    }
    let kept = soiree.emit("t", 50_u32)?;
    let weak = soiree.downgrade();
    drop(soiree);
    assert!(weak.upgrade().is_none());
    held.let_go();
    assert_eq!(kept.wait().delivered, 1);
    let ran: Vec<_> = ran.iter().take(51).collect();
    assert_eq!(ran, (0..=50).collect::<Vec<_>>());
    Ok(())
}

/// E5: the threads of a pool that was handed over end, also those that were to stay when idle.
#[test]
fn the_threads_end_when_the_last_handle_is_gone_and_the_work_is_done() -> BoxResult {
    struct Living(Arc<AtomicU64>);
    impl Drop for Living {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let living = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&living);
    let pool = WorkerPool::builder()
        .min_workers(1)
        .max_workers(1)
        .idle_timeout(PATIENCE * 60)
        .spawn_handler(move |builder, body| {
            count.fetch_add(1, Ordering::SeqCst);
            let guard = Living(Arc::clone(&count));
            let run = move || {
                let _guard = guard;
                body();
            };
            builder.spawn(run).map(drop)
        })
        .build()?;
    let soiree = EventPool::with_pool(pool);
    soiree.emit("t", ())?.wait();
    assert_eq!(living.load(Ordering::SeqCst), 1);
    drop(soiree);
    until("no thread lives", || living.load(Ordering::SeqCst) == 0);
    Ok(())
}

/// E5: a kept emission keeps no thread.
#[test]
fn a_kept_emission_keeps_no_pool_alive() -> BoxResult {
    let pool = Arc::new(WorkerPool::new(1, 1)?);
    let watched = Arc::downgrade(&pool);
    let soiree = EventPool::with_pool(pool);
    let emission = soiree.emit("t", ())?;
    emission.wait();
    drop(soiree);
    until("the pool is gone", || watched.strong_count() == 0);
    assert!(emission.is_finished());
    Ok(())
}

/// E6
#[test]
fn an_emission_whose_job_is_dropped_says_so_and_wakes_every_waiter() -> BoxResult {
    let pool = Arc::new(WorkerPool::new(1, 8)?);
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    let held = Hold::worker_of(&soiree);
    let emission = soiree.emit("t", ())?;
    let awaited = soiree.emit("t", ())?;
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| emission.wait())).collect();
        let iterating = scope.spawn(|| emission.errors().count());
        pool.stop();
        for waiter in waiters {
            let report = waiter.join().unwrap();
            assert!(report.discarded && !report.is_ok());
        }
        assert_eq!(iterating.join().unwrap(), 0);
    });
    let mut future = pin!(awaited.into_future());
    let ready = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ready, Poll::Ready(report) if report.discarded));
    held.let_go();
    soiree.close()?;
    Ok(())
}

/// E6
#[test]
fn whoever_awaits_a_discarded_emission_is_woken_once() -> BoxResult {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(soiree.emit("t", ())?.into_future());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert!(pool.discard_next());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Ready(report) if report.discarded));
    soiree.close()?;
    Ok(())
}

/// E6
#[test]
fn drop_oldest_ends_the_oldest_emission_as_discarded() -> BoxResult {
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(1)
        .overflow(Overflow::DropOldest)
        .build()?;
    let soiree = EventPool::with_pool(pool);
    soiree.on("t", |_| {})?;
    let held = Hold::worker_of(&soiree);
    let (oldest, newest) = (soiree.emit("t", 1)?, soiree.emit("t", 2)?);
    assert!(oldest.wait().discarded);
    held.let_go();
    assert_eq!(newest.wait().delivered, 1);
    Ok(())
}
