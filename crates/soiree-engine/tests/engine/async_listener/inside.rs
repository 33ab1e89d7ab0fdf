//! Async listeners that wait for emissions of their own.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use soiree::EventPool;
use soiree_core::{ListenerError, ListenerErrorKind, SubmitErrorReason};

use super::common::{HeldListeners, async_stats, runtime, wait_idle, with_async};
use crate::support::{emit_both_ways, wait_until};

/// Subscribes a listener that counts its runs, and in `depth.n` emits and awaits `depth.n+1`, down to `depth.deepest`.
fn subscribe_nested(soiree: &EventPool, deepest: usize) -> Arc<AtomicUsize> {
    let ran = Arc::new(AtomicUsize::new(0));
    let (count, weak) = (Arc::clone(&ran), soiree.downgrade());
    soiree
        .on_async("depth.*", move |event| {
            let (count, soiree) = (Arc::clone(&count), weak.upgrade());
            async move {
                // The first emission has no depth as its payload.
                let depth = event.payload_as::<usize>().map_or(0, |depth| *depth);
                count.fetch_add(1, Ordering::SeqCst);
                let soiree = soiree.ok_or("the event pool is gone")?;
                if depth < deepest {
                    let topic = format!("depth.{}", depth + 1);
                    let inner = soiree.emit(&topic, depth + 1).map_err(|e| e.to_string())?;
                    let report = inner.await;
                    assert!(!report.is_unfinished());
                }
                Ok::<(), String>(())
            }
        })
        .unwrap();
    ran
}

/// L3, P4: in a bulkhead with a limit of one, a listener can await an emission whose listeners run on the same bulkhead.
#[test]
fn an_await_inside_a_listener_needs_no_second_place() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 100);
    let ran = subscribe_nested(&soiree, 10);
    emit_both_ways(&soiree, "depth.0", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    assert_eq!(ran.load(Ordering::SeqCst), 22);
    let stats = wait_idle(&soiree);
    assert_eq!((stats.submitted, stats.rejected), (22, 0));
    soiree.close().unwrap();
}

/// P4: sixteen listeners run inside one another, and the next one is rejected.
#[test]
fn listeners_run_inside_one_another_up_to_a_limit() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 100);
    let errors = Arc::new(Mutex::new(Vec::<ListenerError>::new()));
    let seen = Arc::clone(&errors);
    soiree.set_error_handler(move |_, error| {
        seen.lock().unwrap().push(error);
        None
    });
    let ran = subscribe_nested(&soiree, usize::MAX);
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

/// L3: blocking on an emission that needs the same bulkhead returns at once and unfinished, instead of never. Its listeners run
/// later.
#[test]
fn blocking_on_the_same_bulkhead_does_not_hang() {
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
                assert!(soiree.emit("inner", ()).unwrap().wait().is_unfinished());
                assert!(soiree.emit_sync("inner", ()).unwrap().is_unfinished());
                let emission = soiree.emit("inner", ()).unwrap();
                assert_eq!(emission.errors().count(), 0);
            }
        })
        .unwrap();
    emit_both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    soiree.close().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 6);
}

/// L3: a listener may await an emission that has ended or has no async listeners, and several emissions at once.
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
                let mut emissions =
                    [0; 3].map(|_| Some(Box::pin(soiree.emit("inner", ()).unwrap().into_future())));
                poll_fn(|context| {
                    for emission in &mut emissions {
                        let polled = emission
                            .as_mut()
                            .map(|emission| emission.as_mut().poll(context));
                        if let Some(Poll::Ready(report)) = polled {
                            assert_eq!(report.delivered(), 4);
                            *emission = None;
                        }
                    }
                    match emissions.iter().all(Option::is_none) {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    }
                })
                .await;
                assert_eq!(soiree.emit("nobody", ()).unwrap().await.delivered(), 0);
            }
        })
        .unwrap();
    emit_both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    soiree.close().unwrap();
}

/// Emits `held` from inside `outer`, awaits it until its listener has started there, and then drops the future. With `fill`, the queue
/// of the bulkhead is full by then.
fn await_and_give_up(soiree: &EventPool, held: &HeldListeners, fill: bool) {
    let weak = soiree.downgrade();
    soiree.on_async("other", |_| async {}).unwrap();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                let mut awaited = pin!(soiree.emit("held", ()).unwrap().into_future());
                let mut has_filled = !fill;
                poll_fn(|context| {
                    // Once its job was submitted, this future takes the listener over at the next poll.
                    let is_submitted = async_stats(&soiree).submitted >= 2;
                    assert!(awaited.as_mut().poll(context).is_pending());
                    if is_submitted && !has_filled {
                        soiree.emit("other", ()).unwrap();
                        has_filled = true;
                    }
                    let is_full = !fill || async_stats(&soiree).waiting == 1;
                    if is_submitted && has_filled && is_full {
                        return Poll::Ready(());
                    }
                    context.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
            }
        })
        .unwrap();
    soiree.emit("outer", ()).unwrap();
    held.wait_started();
    wait_until("the outer listener has ended", || {
        let stats = async_stats(soiree);
        stats.successful >= 2
    });
}

/// L6: a listener that ran inside another one goes on in the bulkhead when the other one gives up on it.
#[test]
fn a_listener_that_is_no_longer_awaited_goes_back_to_the_bulkhead() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = HeldListeners::on(&soiree, "held");
    let failed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&failed);
    soiree.set_error_handler(move |_, error| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(error)
    });
    await_and_give_up(&soiree, &held, false);
    wait_until("the held listener is in flight again", || {
        async_stats(&soiree).active == 1
    });
    held.finish(1);
    soiree.close().unwrap();
    assert_eq!(failed.load(Ordering::SeqCst), 0);
    assert_eq!(held.permits.available_permits(), 0);
}

/// L6, E7: if the bulkhead has no room for it then, it waits for room, and goes on.
#[test]
fn a_listener_that_goes_back_to_a_full_bulkhead_is_not_lost() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let held = HeldListeners::on(&soiree, "held");
    let failures = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&failures);
    soiree.set_error_handler(move |_, error| {
        seen.lock().unwrap().push(error.kind());
        Some(error)
    });
    await_and_give_up(&soiree, &held, true);
    held.finish(1);
    soiree.close().unwrap();
    assert_eq!(*failures.lock().unwrap(), []);
    assert_eq!(held.permits.available_permits(), 0);
    let stats = wait_idle(&soiree);
    assert_eq!((stats.rejected, stats.discarded), (0, 0));
}
