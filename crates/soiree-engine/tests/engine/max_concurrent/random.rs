//! Random loads on many threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use soiree::EventPool;
use soiree_core::{ListenerOptions, Retry};

use super::{assert_at_rest, wait};
use crate::support::worker_pool;

#[derive(Clone, Copy, Debug)]
struct Planned {
    number: usize,
    /// `None`: its calls are not limited.
    key: Option<u8>,
    /// Attempts that fail.
    failures: u32,
    panics: bool,
    is_sync: bool,
    is_bulk: bool,
}

fn events() -> impl Strategy<Value = Planned> {
    let key = prop_oneof![6 => (0..3_u8).prop_map(Some), 1 => Just(None)];
    let failures = prop_oneof![4 => Just(0_u32), 1 => 1..4_u32];
    let flags = (any::<bool>(), prop::bool::weighted(0.2), any::<bool>());
    (key, failures, flags).prop_map(|(key, failures, (panics, is_sync, is_bulk))| Planned {
        number: 0,
        key,
        failures,
        panics,
        is_sync,
        is_bulk,
    })
}

/// What a listener was called with: by the event's number, how many attempts.
#[derive(Clone, Default)]
struct Oracle {
    calls: Arc<Mutex<BTreeMap<usize, u32>>>,
    active: Arc<[AtomicUsize; 4]>,
    /// Calls that were too many at once, or came in the wrong order.
    violations: Arc<AtomicUsize>,
}

impl Oracle {
    /// Makes one call. No more than `limit` calls may run at once for its key.
    fn call(&self, planned: Planned, attempt: u32, limit: usize) -> Result<(), &'static str> {
        let place = planned.key.map_or(3, usize::from);
        let active = self.active[place].fetch_add(1, Ordering::SeqCst) + 1;
        let is_kept = active <= limit || planned.key.is_none();
        thread::yield_now();
        let calls = *self
            .calls
            .lock()
            .unwrap()
            .entry(planned.number)
            .and_modify(|calls| *calls += 1)
            .or_insert(1);
        self.active[place].fetch_sub(1, Ordering::SeqCst);
        if !is_kept || calls != attempt {
            // Not a panic, which counts as planned.
            self.violations.fetch_add(1, Ordering::SeqCst);
        }
        match attempt > planned.failures {
            true => Ok(()),
            false if planned.panics => panic!("as planned"),
            false => Err("as planned"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// W5, L7, P2: several threads emit at once, on small pools, for a listener that fails, panics and is retried. Never more than the
    /// limit of its calls run at once, for each key, and each event is called exactly as often as it has to be.
    #[test]
    fn never_more_than_the_limit_and_all_exactly_once(
        plans in vec(vec(events(), 0..40), 1..4),
        limit in 1..4_usize,
        workers in 1..4_usize,
        capacity in 0..4_usize,
        has_own_pool in any::<bool>(),
    ) {
        let soiree = EventPool::builder()
            .pool(worker_pool("default", workers, capacity))
            .bulkhead("bulk", worker_pool("bulk", 2, capacity))
            .bulkhead("own", worker_pool("own", 4, 256))
            .route("a.bulk", "bulk")
            .build()
            .unwrap();
        let by_key = |event: &dyn soiree::Event| event.payload_as::<Planned>()?.key;
        let retry = Retry::fixed(Duration::from_micros(10), 3);
        let options = ListenerOptions::new().max_concurrent_by(limit, by_key).retry(retry);
        let options = if has_own_pool { options.pool("own") } else { options };
        let oracle = Oracle::default();
        let calls = oracle.clone();
        soiree.on_with("a.*", options, move |event| {
            let planned = *event.payload_as::<Planned>().unwrap();
            calls.call(planned, event.attempt(), limit)
        }).unwrap();
        thread::scope(|scope| {
            for (of, plan) in plans.iter().enumerate() {
                let soiree = &soiree;
                scope.spawn(move || {
                    let mut emissions = Vec::new();
                    for (number, planned) in plan.iter().enumerate() {
                        let planned = Planned { number: of * 1_000 + number, ..*planned };
                        let topic = if planned.is_bulk { "a.bulk" } else { "a.rest" };
                        if planned.is_sync {
                            assert_eq!(soiree.emit_sync(topic, planned).unwrap().delivered(), 1);
                        } else {
                            emissions.push(soiree.emit(topic, planned).unwrap());
                        }
                    }
                    for emission in &emissions {
                        assert_eq!(wait(emission).delivered(), 1);
                    }
                });
            }
        });
        assert_at_rest(&soiree);
        soiree.close().unwrap();
        prop_assert_eq!(oracle.violations.load(Ordering::SeqCst), 0);
        let calls = oracle.calls.lock().unwrap();
        for (of, plan) in plans.iter().enumerate() {
            for (number, planned) in plan.iter().enumerate() {
                let expected = 3.min(planned.failures + 1);
                prop_assert_eq!(calls.get(&(of * 1_000 + number)), Some(&expected));
            }
        }
    }
}
