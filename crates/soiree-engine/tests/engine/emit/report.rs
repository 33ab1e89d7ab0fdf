//! What the report of an emission contains.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::Event;
use soiree_engine::{Emission, Report, ReportError};
use soiree_testkit::ManualPool;

use crate::support::{Blocker, TestResult, emit_both_ways, on_one_worker, wait_until};

/// E1
#[test]
fn every_error_reaches_the_handler_and_the_report_keeps_what_the_buffer_holds() -> TestResult {
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
    emit_both_ways(&soiree, "t", |report| {
        assert_eq!(handled.swap(0, Ordering::SeqCst), 5);
        assert_eq!((report.delivered(), report.failed()), (5, 5));
        let errors: Vec<_> = report.errors().iter().map(ToString::to_string).collect();
        assert!(errors[0].ends_with("for t: one") && errors[1].ends_with("for t: two"));
        assert_eq!((errors.len(), report.omitted_errors()), (2, 2));
        assert!(matches!(
            report.into_result(),
            Err(ReportError::Failed { failed: 4, .. })
        ));
    });
    Ok(())
}

/// E1, E5: without errors that are kept, the report still says what is wrong.
#[test]
fn a_report_that_is_not_ok_says_why() {
    let pool = ManualPool::new();
    let builder = EventPool::builder().pool(pool.clone());
    let soiree = builder.error_buffer(0).build().unwrap();
    let why = |report: Report| report.into_result().unwrap_err();

    let discarded = soiree.emit("discarded", ()).unwrap();
    assert!(pool.discard_next());
    assert!(matches!(why(discarded.wait()), ReportError::Discarded));

    soiree.on("fails", |_| Err::<(), _>("no")).unwrap();
    let failed = soiree.emit("fails", ()).unwrap();
    assert_eq!(pool.run_all(), 1);
    let omitted = why(failed.wait());
    assert!(matches!(omitted, ReportError::Omitted { omitted: 1 }));

    let emission = Arc::new(Mutex::new(None::<Emission>));
    let inside = Arc::clone(&emission);
    let (sender, receiver) = channel();
    let waits = move |_: &dyn Event| {
        let emission = inside.lock().unwrap().take().unwrap();
        sender.send(emission.wait()).unwrap();
    };
    soiree.on("waits", waits).unwrap();
    *emission.lock().unwrap() = Some(soiree.emit("waits", ()).unwrap());
    assert_eq!(pool.run_all(), 1);
    let unfinished = why(receiver.recv().unwrap());
    assert!(matches!(unfinished, ReportError::Unfinished));
    soiree.close().unwrap();
}

/// E1
#[test]
fn iterating_an_emission_yields_each_error_when_it_happens() -> TestResult {
    let soiree = on_one_worker(4);
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    soiree.on("t", |_| Err::<(), _>("first"))?;
    soiree.on("t", move |_| {
        released.lock().unwrap().recv().map_err(|_| "second")
    })?;
    let emission = soiree.emit("t", ())?;
    let mut errors = emission.errors();
    assert!(errors.next().unwrap().to_string().ends_with("first"));
    assert!(!emission.is_finished());
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    drop(release);
    assert!(errors.next().unwrap().to_string().ends_with("second"));
    assert!(errors.next().is_none());
    assert_eq!(emission.into_iter().count(), 2);
    Ok(())
}

/// E1
#[test]
fn a_swallowed_error_leaves_a_report_that_is_ok() -> TestResult {
    let soiree = EventPool::builder()
        .error_handler(|_, _| None)
        .build()
        .unwrap();
    soiree.on("t", |_| Err::<(), _>("swallowed"))?;
    let report = soiree.emit("t", ())?.wait();
    assert!(report.is_ok());
    assert_eq!((report.failed(), report.errors().len()), (1, 0));
    Ok(())
}

/// E1, L3: unread errors block no worker and no emitter.
#[test]
fn a_thousand_unread_errors_block_nothing() -> TestResult {
    let soiree = on_one_worker(1);
    for _ in 0..1_000 {
        soiree.on("t", |_| Err::<(), _>("unread"))?;
    }
    for _ in 0..20 {
        let _ = soiree.emit("t", ())?;
    }
    let report = soiree.emit("t", ())?.wait();
    assert_eq!(
        (
            report.failed(),
            report.errors().len(),
            report.omitted_errors()
        ),
        (1_000, 64, 936)
    );
    soiree.close()?;
    Ok(())
}

/// An error that runs a function as it is dropped.
struct ErrorWithDrop(Box<dyn Fn() + Send + Sync>);

impl Drop for ErrorWithDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl std::fmt::Debug for ErrorWithDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ErrorWithDrop")
    }
}

impl std::fmt::Display for ErrorWithDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("error with drop")
    }
}

impl std::error::Error for ErrorWithDrop {}

/// L4, E1: an error that the buffer has no room for is dropped where its drop can neither deadlock nor stop the emission.
#[test]
fn dropping_an_omitted_error_may_panic_or_wait_for_the_emission() -> TestResult {
    let soiree = on_one_worker(4);
    soiree.set_error_buffer(0);
    let own = Arc::new(Mutex::new(None::<soiree_engine::Emission>));
    let looked = Arc::clone(&own);
    soiree.on("t", move |_| {
        let own = Arc::clone(&looked);
        Err::<(), _>(ErrorWithDrop(Box::new(move || {
            if let Some(emission) = own.lock().unwrap().as_ref() {
                assert!(emission.wait().is_unfinished());
            }
        })))
    })?;
    soiree.on("t", |_| {
        Err::<(), _>(ErrorWithDrop(Box::new(|| panic!("as it is dropped"))))
    })?;
    soiree.on("t", |_| {})?;
    let blocker = Blocker::worker(&soiree);
    let emission = soiree.emit("t", ())?;
    *own.lock().unwrap() = Some(emission);
    blocker.release();
    let ended = || {
        own.lock()
            .unwrap()
            .as_ref()
            .is_some_and(soiree_engine::Emission::is_finished)
    };
    wait_until("it has ended", ended);
    let report = own.lock().unwrap().take().unwrap().wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.omitted_errors()),
        (3, 2, 2)
    );
    let report = soiree.emit_sync("t", ())?;
    assert_eq!(
        (report.delivered(), report.failed(), report.omitted_errors()),
        (3, 2, 2)
    );
    Ok(())
}
