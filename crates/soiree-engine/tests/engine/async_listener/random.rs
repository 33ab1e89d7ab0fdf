//! Random interleavings: whatever happens, each listener is accounted for once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use soiree_core::{ListenerErrorKind, ListenerOptions, Retry};
use soiree_engine::Report;

use super::common::{at_rest, figures, runtime, until, with_async};

#[derive(Debug, Clone, Copy)]
enum Act {
    Works,
    Fails,
    Panics,
    Forever,
    FailsOnce,
}

#[derive(Debug, Clone)]
struct Plan {
    in_flight: usize,
    capacity: usize,
    acts: Vec<(Act, u8)>,
    resize: Option<usize>,
    cut: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    let act = prop_oneof![
        4 => Just(Act::Works),
        2 => Just(Act::Fails),
        1 => Just(Act::Panics),
        1 => Just(Act::Forever),
        2 => Just(Act::FailsOnce),
    ];
    let acts = prop::collection::vec((act, 0..4_u8), 1..40);
    let limits = (1..5_usize, 0..6_usize);
    let resize = prop::option::of(1..5_usize);
    (limits, acts, resize, any::<bool>()).prop_map(|((in_flight, capacity), acts, resize, cut)| {
        Plan {
            in_flight,
            capacity,
            acts,
            resize,
            cut,
        }
    })
}

/// How many listeners each outcome befell: worked, failed, panicked, cancelled, refused, discarded,
/// discarded with the whole emission.
fn count(reports: &[Report]) -> [u64; 7] {
    let mut counts = [0; 7];
    for report in reports {
        counts[6] += u64::from(report.discarded);
        let befell = report.delivered + report.not_called + u64::from(report.discarded);
        assert_eq!(befell, 1, "{report:?}");
        counts[0] += report.delivered - report.failed;
        for error in &report.errors {
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
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        struct InFlight(Arc<AtomicUsize>);
        impl Drop for InFlight {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let (counted, highest) = (Arc::clone(&now), Arc::clone(&most));
        let retry = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
        soiree.on_async_with("retried", retry, |event| async move {
            tokio::task::yield_now().await;
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        }).unwrap();
        soiree.on_async("a", move |event| {
            let (act, yields) = *event.payload_as::<(Act, u8)>().unwrap();
            let here = InFlight(Arc::clone(&counted));
            highest.fetch_max(here.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            async move {
                let _here = here;
                for _ in 0..yields {
                    tokio::task::yield_now().await;
                }
                match act {
                    Act::Fails => Err("it fails"),
                    Act::Panics => panic!("it panics"),
                    Act::Forever => std::future::pending().await,
                    Act::Works | Act::FailsOnce => Ok(()),
                }
            }
        }).unwrap();
        let payload = Arc::new(());
        let is_over = AtomicBool::new(false);
        let (sent, retried) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let halves = plan.acts.split_at(plan.acts.len() / 2);
        let reports = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    figures(&soiree);
                    thread::yield_now();
                }
            });
            let emitters = [halves.0, halves.1].map(|acts| scope.spawn(|| {
                let emissions: Vec<_> = acts.iter().map(|act| {
                    let _kept = Arc::clone(&payload);
                    sent.fetch_add(1, Ordering::SeqCst);
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
            let endless = plan.acts.iter().any(|act| matches!(act.0, Act::Forever));
            if plan.cut || endless {
                // What ends in time and what does not is open, and each has its place in the sums.
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
        prop_assert_eq!(counts.iter().sum::<u64>(), sent.load(Ordering::SeqCst) as u64);
        let stats = at_rest(&soiree);
        prop_assert_eq!(stats.submitted, stats.successful + stats.failed + stats.discarded);
        prop_assert_eq!(stats.failed, 0);
        let limit = plan.in_flight.max(plan.resize.unwrap_or(0));
        prop_assert!(most.load(Ordering::SeqCst) <= limit);
        until("all is dropped", || Arc::strong_count(&payload) == 1 && now.load(Ordering::SeqCst) == 0);
    }
}
