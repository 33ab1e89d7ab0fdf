//! Random plans and many threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use soiree::EventPool;
use soiree_core::{ListenerOptions, Overflow, Retry};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use crate::support::worker_pool;

/// What happens to an event.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Attempts that fail before one succeeds; with 3 it never does.
    failures: u32,
    panics: bool,
    is_bulk: bool,
    is_sync: bool,
}

#[derive(Clone, Copy)]
struct Planned {
    key: u32,
    number: u32,
    fate: Fate,
}

fn fates() -> impl Strategy<Value = Fate> {
    let failures = prop_oneof![4 => Just(0_u32), 1 => 1..4_u32];
    let fate = (failures, any::<bool>(), any::<bool>(), 0..8_u8);
    fate.prop_map(|(failures, panics, is_bulk, sync)| Fate {
        failures,
        panics,
        is_bulk,
        is_sync: sync == 0,
    })
}

/// What one listener was called with, in order: by key, the number of the event and of the attempt.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<ByKey>>);

type ByKey = BTreeMap<u32, Vec<(u32, u32)>>;

impl Calls {
    fn subscribe(&self, soiree: &EventPool, options: ListenerOptions) {
        let calls = self.clone();
        soiree
            .on_with("key.**", options, move |event| {
                let planned = *event.payload_as::<Planned>().unwrap();
                let attempt = event.attempt();
                let mut all = calls.0.lock().unwrap();
                let call = (planned.number, attempt);
                all.entry(planned.key).or_default().push(call);
                drop(all);
                match planned.fate {
                    fate if attempt > fate.failures => Ok(()),
                    fate if fate.panics => panic!("as planned"),
                    _ => Err("as planned"),
                }
            })
            .unwrap();
    }

    /// Checks that each event was called with all its attempts before the next one of its key.
    fn check(&self, key: u32, fates: &[Fate]) {
        let expected: Vec<_> = (0..)
            .zip(fates)
            .flat_map(|(number, fate)| (1..=3.min(fate.failures + 1)).map(move |n| (number, n)))
            .collect();
        let calls = self.0.lock().unwrap();
        let of_key = calls.get(&key).cloned().unwrap_or_default();
        assert_eq!(of_key, expected, "key {key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// L8, L7, P2: several threads emit for their own keys, on small pools that are resized meanwhile. Each event is handled
    /// once, after the one before it of its key, and no more events wait than the capacity allows.
    #[test]
    fn events_are_handled_in_the_order_of_their_emits(
        plans in vec(vec(vec(fates(), 0..12), 1..4), 1..4),
        capacities in (0..3_usize, 0..3_usize, 0..4_usize),
        sizes in vec(1..4_usize, 0..12),
    ) {
        let (rest, bulk, queues) = capacities;
        let soiree = EventPool::builder()
            .pool(worker_pool("rest", 2, rest))
            .bulkhead("bulk", worker_pool("bulk", 1, bulk))
            .bulkhead("http", worker_pool("http", 1, 64))
            .route("key.bulk", "bulk")
            .ordered("key.*", KeyOrder::by(|event| {
                event.payload_as::<Planned>().map(|planned| planned.key)
            }).capacity(queues))
            .build()
            .unwrap();
        let retry = Retry::fixed(Duration::from_micros(10), 3);
        let (own, other) = (Calls::default(), Calls::default());
        own.subscribe(&soiree, ListenerOptions::new().retry(retry.clone()));
        other.subscribe(&soiree, ListenerOptions::new().retry(retry).pool("http"));
        let weak = soiree.downgrade();
        let most = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&most);
        soiree.on("key.*", move |_| {
            if let Some(soiree) = weak.upgrade() {
                seen.fetch_max(soiree.stats().orders[0].waiting, Ordering::SeqCst);
            }
        }).unwrap();
        thread::scope(|scope| {
            for (of, keys) in (0..).zip(&plans) {
                let soiree = &soiree;
                scope.spawn(move || {
                    for number in 0..12 {
                        for (key, fates) in (0..).zip(keys) {
                            let Some(&fate) = fates.get(number as usize) else { continue };
                            let planned = Planned { key: of * 100 + key, number, fate };
                            let topic = if fate.is_bulk { "key.bulk" } else { "key.rest" };
                            if fate.is_sync {
                                soiree.emit_sync(topic, planned).unwrap();
                            } else {
                                soiree.emit(topic, planned).unwrap();
                            }
                        }
                    }
                });
            }
            for workers in &sizes {
                soiree.resize_bulkhead("default", *workers).unwrap();
                thread::yield_now();
                soiree.resize_bulkhead("bulk", *workers).unwrap();
            }
        });
        soiree.close().unwrap();
        for (of, keys) in (0..).zip(&plans) {
            for (key, fates) in (0..).zip(keys) {
                own.check(of * 100 + key, fates);
                other.check(of * 100 + key, fates);
            }
        }
        prop_assert!(most.load(Ordering::SeqCst) <= queues);
    }

    /// L8, E6: on a pool that runs and drops jobs in any order, all events that it does not drop are handled in order.
    #[test]
    fn events_that_the_pool_does_not_drop_are_handled_in_order(
        steps in vec((0..6_u8, 0..4_u32, any::<bool>()), 0..80),
        places in 1..4_usize,
        queues in 0..6_usize,
    ) {
        let manual = ManualPool::with_capacity(places);
        let soiree = EventPool::with_pool(manual.clone());
        let order = KeyOrder::by(|event| event.payload_as::<(u32, u32, bool)>().map(|event| event.0));
        soiree.add_order("key", order.capacity(queues).overflow(Overflow::Reject)).unwrap();
        let emitted: Arc<Mutex<Vec<_>>> = Arc::default();
        let handled: Arc<Mutex<Vec<(u32, u32)>>> = Arc::default();
        let (weak, log, recorded) = (soiree.downgrade(), Arc::clone(&emitted), Arc::clone(&handled));
        let emit = move |key, nests| {
            let soiree = weak.upgrade().unwrap();
            let number = log.lock().unwrap().len() as u32;
            if let Ok(emission) = soiree.emit("key", (key, number, nests)) {
                log.lock().unwrap().push((key, number, emission));
            }
        };
        let nested = emit.clone();
        soiree.on("key", move |event| {
            let (key, number, nests) = *event.payload_as::<(u32, u32, bool)>().unwrap();
            recorded.lock().unwrap().push((key, number));
            if nests {
                nested(key, false);
                panic!("as planned");
            }
        }).unwrap();
        for (step, number, nests) in steps {
            match step {
                0..3 => emit(number, nests),
                3 | 4 => drop(manual.run_nth(number as usize)),
                _ => drop(manual.discard_next()),
            }
            let order = &soiree.stats().orders[0];
            prop_assert!(manual.pending() <= places && order.waiting <= queues);
        }
        while soiree.stats().orders[0].keys > 0 {
            manual.run_all();
            // The timer thread retries events that wait for the pool.
            thread::yield_now();
        }
        soiree.close().unwrap();
        let emitted = emitted.lock().unwrap();
        let handled = handled.lock().unwrap();
        for key in 0..4 {
            let rest = emitted.iter().filter(|(of, _, emission)| *of == key && !emission.wait().is_discarded());
            let of_key = handled.iter().filter(|(of, _)| *of == key);
            prop_assert!(of_key.map(|handled| handled.1).eq(rest.map(|(_, number, _)| *number)), "key {}", key);
        }
    }
}

/// L8, P2: many threads, few keys, little room: the sums are exact, the order is that of each thread, and no queue is left.
#[test]
fn little_room_for_many_threads_loses_nothing() {
    const THREADS: u32 = 6;
    const EVENTS: u32 = 2_000;
    for (room, overflow) in [
        (0, Overflow::Block),
        (3, Overflow::Block),
        (3, Overflow::Reject),
    ] {
        let soiree = EventPool::with_pool(WorkerPool::new(2, 1).unwrap());
        let order = KeyOrder::by(|event| event.payload_as::<(u32, u32)>().map(|event| event.1 % 3));
        soiree
            .add_order("key", order.capacity(room).overflow(overflow))
            .unwrap();
        let last: Arc<Vec<_>> = Arc::new((0..THREADS * 3).map(|_| Mutex::new(None)).collect());
        let handled = Arc::new(AtomicUsize::new(0));
        let (seen, count) = (Arc::clone(&last), Arc::clone(&handled));
        soiree
            .on("key", move |event| {
                let (thread, number) = *event.payload_as::<(u32, u32)>().unwrap();
                let mut last = seen[(thread * 3 + number % 3) as usize].try_lock().unwrap();
                assert!(last.replace(number) < Some(number));
                count.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
        let accepted: usize = thread::scope(|scope| {
            let emit = |thread| {
                let soiree = &soiree;
                scope.spawn(move || {
                    let emitted = (0..EVENTS).map(|number| soiree.emit("key", (thread, number)));
                    emitted.filter(Result::is_ok).count()
                })
            };
            let threads: Vec<_> = (0..THREADS).map(emit).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        soiree.close().unwrap();
        assert_eq!(handled.load(Ordering::SeqCst), accepted);
        if overflow == Overflow::Block {
            assert_eq!(accepted, (THREADS * EVENTS) as usize);
        }
        let orders = soiree.stats().orders;
        assert_eq!((orders[0].keys, orders[0].waiting), (0, 0));
        assert!(last.iter().all(|last| !last.is_poisoned()));
    }
}
