//! Async listeners that wait for emissions.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use soiree::EventPool;
use soiree_core::{ListenerError, ListenerErrorKind, SubmitErrorReason};
use tokio::sync::Semaphore;

use super::common::{Held, at_rest, both_ways, figures, runtime, until, with_async};

/// Each listener of `depth.n` counts, and waits for `depth.n+1`, up to a depth.
fn nested(soiree: &EventPool, deepest: usize) -> Arc<AtomicUsize> {
    let ran = Arc::new(AtomicUsize::new(0));
    let (count, weak) = (Arc::clone(&ran), soiree.downgrade());
    soiree
        .on_async("depth.*", move |event| {
            let (count, soiree) = (Arc::clone(&count), weak.upgrade());
            async move {
                // The first one comes without.
                let depth = event.payload_as::<usize>().map_or(0, |depth| *depth);
                count.fetch_add(1, Ordering::SeqCst);
                let soiree = soiree.ok_or("it is gone")?;
                if depth < deepest {
                    let topic = format!("depth.{}", depth + 1);
                    let inner = soiree.emit(&topic, depth + 1).map_err(|e| e.to_string())?;
                    let report = inner.await;
                    assert!(!report.unfinished);
                }
                Ok::<(), String>(())
            }
        })
        .unwrap();
    ran
}

/// L3, P4: a bulkhead of one place does not wait for itself when its listener awaits an emission that needs that place.
#[test]
fn an_await_inside_a_listener_needs_no_second_place() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 100);
    let ran = nested(&soiree, 10);
    both_ways(&soiree, "depth.0", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    assert_eq!(ran.load(Ordering::SeqCst), 22);
    let stats = at_rest(&soiree);
    assert_eq!((stats.submitted, stats.rejected), (22, 0));
    soiree.close().unwrap();
}

/// P4: sixteen run inside one another, and the next one is refused.
#[test]
fn listeners_inside_one_another_end_at_a_stated_depth() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 100);
    let errors = Arc::new(Mutex::new(Vec::<ListenerError>::new()));
    let seen = Arc::clone(&errors);
    soiree.set_error_handler(move |_, error| {
        seen.lock().unwrap().push(error);
        None
    });
    let ran = nested(&soiree, usize::MAX);
    assert!(soiree.emit("depth.0", ()).unwrap().wait().is_ok());
    assert_eq!(ran.load(Ordering::SeqCst), 17);
    let errors = std::mem::take(&mut *errors.lock().unwrap());
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].kind(), ListenerErrorKind::Rejected);
    let source = std::error::Error::source(&errors[0]).unwrap();
    let reason = source.downcast_ref::<SubmitErrorReason>().unwrap();
    assert!(
        matches!(reason, SubmitErrorReason::RecursionLimit { depth: 17 }),
        "{reason}"
    );
    soiree.close().unwrap();
}

/// L3: blocking on what needs the own bulkhead returns at once, unfinished, rather than never; nothing is lost.
#[test]
fn blocking_on_the_own_bulkhead_does_not_hang() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_async("inner", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { tokio::task::yield_now().await }
        })
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                assert!(soiree.emit("inner", ()).unwrap().wait().unfinished);
                assert!(soiree.emit_sync("inner", ()).unwrap().unfinished);
                let emission = soiree.emit("inner", ()).unwrap();
                assert_eq!(emission.errors().count(), 0);
            }
        })
        .unwrap();
    both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    soiree.close().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 6);
}

/// L3: to await something that is over, or has no async listeners, or several at once, is as anywhere else.
#[test]
fn a_listener_may_await_several_emissions() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    soiree.on("inner", |_| {}).unwrap();
    for _ in 0..3 {
        let inner = |_| async { tokio::task::yield_now().await };
        soiree.on_async("inner", inner).unwrap();
    }
    let weak = soiree.downgrade();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                let mut several =
                    [0; 3].map(|_| Some(Box::pin(soiree.emit("inner", ()).unwrap().into_future())));
                poll_fn(|context| {
                    for one in &mut several {
                        let polled = one.as_mut().map(|one| one.as_mut().poll(context));
                        if let Some(Poll::Ready(report)) = polled {
                            assert_eq!(report.delivered, 4);
                            *one = None;
                        }
                    }
                    match several.iter().all(Option::is_none) {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    }
                })
                .await;
                assert_eq!(soiree.emit("nobody", ()).unwrap().await.delivered, 0);
            }
        })
        .unwrap();
    both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    soiree.close().unwrap();
}

/// Emits `held` from inside `outer`, awaits it until its listener has started there, and then gives up.
fn gives_up(soiree: &EventPool, held: &Held) {
    let weak = soiree.downgrade();
    let started = Arc::new(Semaphore::new(0));
    let told = Arc::clone(&started);
    soiree.on("started", move |_| told.add_permits(1)).unwrap();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                let mut awaited = pin!(soiree.emit("held", ()).unwrap().into_future());
                poll_fn(|context| {
                    assert!(awaited.as_mut().poll(context).is_pending());
                    // It is polled again for as long as the listener has not been taken on.
                    match figures(&soiree).waiting {
                        0 => {
                            context.waker().wake_by_ref();
                            Poll::Pending
                        }
                        _ => {
                            assert!(awaited.as_mut().poll(context).is_pending());
                            Poll::Ready(())
                        }
                    }
                })
                .await;
            }
        })
        .unwrap();
    soiree.emit("outer", ()).unwrap();
    held.has_started();
    until("the outer one has ended", || {
        figures(soiree).successful >= 1
    });
}

/// L6: what runs inside a listener that gives up on it goes on in the bulkhead.
#[test]
fn what_nobody_awaits_any_more_goes_back_to_the_bulkhead() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = Held::on(&soiree, "held");
    let failed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&failed);
    soiree.set_error_handler(move |_, error| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(error)
    });
    gives_up(&soiree, &held);
    until("it is in flight", || figures(&soiree).active == 1);
    held.let_go(1);
    soiree.close().unwrap();
    assert_eq!(failed.load(Ordering::SeqCst), 0);
    assert_eq!(held.permits.available_permits(), 0);
}

/// L6: if the bulkhead has no place for it then, it is cancelled, and that is said.
#[test]
fn what_goes_back_to_a_full_bulkhead_is_cancelled() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let held = Held::on(&soiree, "held");
    let failures = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&failures);
    soiree.set_error_handler(move |_, error| {
        seen.lock().unwrap().push(error.kind());
        Some(error)
    });
    gives_up(&soiree, &held);
    soiree.close().unwrap();
    assert_eq!(*failures.lock().unwrap(), [ListenerErrorKind::Cancelled]);
    assert_eq!(at_rest(&soiree).submitted, 2);
}
