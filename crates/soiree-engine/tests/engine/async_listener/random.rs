//! Random interleavings: each listener is accounted for exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use soiree_core::{ListenerErrorKind, ListenerOptions, Retry};
use soiree_engine::Report;

use super::common::{async_stats, runtime, wait_idle, with_async};
use crate::support::wait_until;

#[derive(Debug, Clone, Copy)]
enum Act {
    Succeeds,
    Fails,
    Panics,
    NeverEnds,
    FailsOnce,
}

#[derive(Debug, Clone)]
struct Plan {
    in_flight: usize,
    capacity: usize,
    acts: Vec<(Act, u8)>,
    resize: Option<usize>,
    close_at_once: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    let act = prop_oneof![
        4 => Just(Act::Succeeds),
        2 => Just(Act::Fails),
        1 => Just(Act::Panics),
        1 => Just(Act::NeverEnds),
        2 => Just(Act::FailsOnce),
    ];
    let acts = prop::collection::vec((act, 0..4_u8), 1..40);
    let limits = (1..5_usize, 0..6_usize);
    let resize = prop::option::of(1..5_usize);
    (limits, acts, resize, any::<bool>()).prop_map(
        |((in_flight, capacity), acts, resize, close_at_once)| Plan {
            in_flight,
            capacity,
            acts,
            resize,
            close_at_once,
        },
    )
}

/// Counts the outcomes of listeners: succeeded, failed, panicked, cancelled, rejected, discarded, discarded with the whole
/// emission.
fn count(reports: &[Report]) -> [u64; 7] {
    let mut counts = [0; 7];
    for report in reports {
        counts[6] += u64::from(report.is_discarded());
        let outcomes = report.delivered() + report.not_called() + u64::from(report.is_discarded());
        assert_eq!(outcomes, 1, "{report:?}");
        counts[0] += report.delivered() - report.failed();
        for error in report.errors() {
            let at = match error.kind() {
                ListenerErrorKind::Failed => 1,
                ListenerErrorKind::Panicked => 2,
                ListenerErrorKind::Cancelled => 3,
                ListenerErrorKind::Rejected => 4,
                ListenerErrorKind::Discarded => 5,
                other => panic!("{other:?}"),
            };
            counts[at] += 1;
        }
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// P1, P2, L6, E4, E6: the bound holds, the figures are balanced at every moment, and every emission ends.
    #[test]
    fn every_listener_is_accounted_for(plan in plans()) {
        let runtime = runtime();
        let soiree = with_async(&runtime, plan.in_flight, plan.capacity);
        let (current, highest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        struct InFlight(Arc<AtomicUsize>);
        impl Drop for InFlight {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let (listener_current, listener_highest) = (Arc::clone(&current), Arc::clone(&highest));
        let retry = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
        soiree.on_async_with("retried", retry, |event| async move {
            tokio::task::yield_now().await;
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        }).unwrap();
        soiree.on_async("a", move |event| {
            let (act, yields) = *event.payload_as::<(Act, u8)>().unwrap();
            let guard = InFlight(Arc::clone(&listener_current));
            listener_highest.fetch_max(guard.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            async move {
                let _guard = guard;
                for _ in 0..yields {
                    tokio::task::yield_now().await;
                }
                match act {
                    Act::Fails => Err("it fails"),
                    Act::Panics => panic!("it panics"),
                    Act::NeverEnds => std::future::pending().await,
                    Act::Succeeds | Act::FailsOnce => Ok(()),
                }
            }
        }).unwrap();
        let payload = Arc::new(());
        let is_over = AtomicBool::new(false);
        let (emitted, retried) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let halves = plan.acts.split_at(plan.acts.len() / 2);
        let reports = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    async_stats(&soiree);
                    thread::yield_now();
                }
            });
            let emitters = [halves.0, halves.1].map(|acts| scope.spawn(|| {
                let emissions: Vec<_> = acts.iter().map(|act| {
                    let _kept = Arc::clone(&payload);
                    emitted.fetch_add(1, Ordering::SeqCst);
                    match act.0 {
                        Act::FailsOnce => {
                            retried.fetch_add(1, Ordering::SeqCst);
                            soiree.emit("retried", Arc::clone(&payload)).unwrap()
                        }
                        _ => soiree.emit("a", *act).unwrap(),
                    }
                }).collect();
                emissions
            }));
            if let Some(limit) = plan.resize {
                soiree.resize_bulkhead("async", limit).unwrap();
            }
            let emissions: Vec<_> = emitters.into_iter().flat_map(|emitter| emitter.join().unwrap()).collect();
            let endless = plan.acts.iter().any(|act| matches!(act.0, Act::NeverEnds));
            if plan.close_at_once || endless {
                // Some listeners end in time and others do not; `count` has a place for each outcome.
                let _ = soiree.close_with_deadline(Instant::now());
            } else {
                soiree.close().unwrap();
            }
            let reports: Vec<Report> = emissions.iter().map(|emission| emission.wait()).collect();
            drop(emissions);
            is_over.store(true, Ordering::SeqCst);
            reports
        });
        let counts = count(&reports);
        prop_assert_eq!(counts.iter().sum::<u64>(), emitted.load(Ordering::SeqCst) as u64);
        let stats = wait_idle(&soiree);
        prop_assert_eq!(stats.submitted, stats.successful + stats.failed + stats.discarded);
        prop_assert_eq!(stats.failed, 0);
        let limit = plan.in_flight.max(plan.resize.unwrap_or(0));
        prop_assert!(highest.load(Ordering::SeqCst) <= limit);
        wait_until("all futures and payloads are dropped", || Arc::strong_count(&payload) == 1 && current.load(Ordering::SeqCst) == 0);
    }
}
