//! Random events, on pools that the test runs by hand.

use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;
use soiree::EventPool;
use soiree_testkit::ManualPool;

use super::{assert_at_rest, ordered, wait};

#[derive(Debug, Clone)]
enum Step {
    /// Emits for this key, on one of two pools, or on this thread.
    Emit(u32, u8),
    Run(bool, usize),
    Discard(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_u32, 0..2_u8).prop_map(|(key, to)| Step::Emit(key, to)),
        4 => (any::<bool>(), 0..6_usize).prop_map(|(pool, at)| Step::Run(pool, at)),
        1 => any::<bool>().prop_map(Step::Discard),
    ];
    vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// L8, E6: whatever order two pools run or drop their jobs in, the events of each key that are not lost are handled once, in the
    /// order of their emits.
    #[test]
    fn events_of_a_key_are_handled_in_the_order_of_their_emits(steps in steps()) {
        let pools = [ManualPool::new(), ManualPool::new()];
        let soiree = EventPool::builder()
            .pool(pools[0].clone())
            .bulkhead("other", pools[1].clone())
            .route("b", "other")
            .build()
            .unwrap();
        let handled: Arc<Mutex<Vec<(u32, u32)>>> = Arc::default();
        let log = Arc::clone(&handled);
        soiree.on_with("*", ordered(), move |event| {
            log.lock().unwrap().push(*event.payload_as().unwrap());
        }).unwrap();
        let mut emissions = Vec::new();
        for step in steps {
            match step {
                Step::Emit(key, to) => {
                    let event = (key, emissions.len() as u32);
                    let topic = ["a", "b"][usize::from(to)];
                    emissions.push((event, soiree.emit(topic, event).unwrap()));
                }
                Step::Run(pool, at) => drop(pools[usize::from(pool)].run_nth(at)),
                Step::Discard(pool) => drop(pools[usize::from(pool)].discard_next()),
            }
        }
        while pools[0].run_all() + pools[1].run_all() > 0 {}
        assert_at_rest(&soiree);
        let handled = handled.lock().unwrap();
        for key in 0..3 {
            let of_key = handled.iter().filter(|event| event.0 == key);
            let expected = emissions.iter().filter(|(event, emission)| {
                event.0 == key && wait(emission).delivered() == 1
            });
            prop_assert!(of_key.eq(expected.map(|(event, _)| event)));
        }
        for (_, emission) in &emissions {
            let report = wait(emission);
            prop_assert_eq!(report.delivered() + report.not_called() + u64::from(report.is_discarded()), 1);
        }
        soiree.close().unwrap();
    }
}
