//! Listeners of `emit_sync` read payloads without allocations. In its own process, because it counts them.

use std::hint::black_box;
use std::sync::Mutex;

use allocation_counter::measure;
use soiree::{EventPool, TypedTopic};

const PAID: TypedTopic<u64> = TypedTopic::new("typed");

#[test]
fn reading_a_payload_allocates_nothing_once_the_thread_has_read_one_of_its_type() {
    let soiree = EventPool::new();
    soiree
        .on("borrowed", |event| {
            event.with_payload(|number: &u64| black_box(*number));
        })
        .unwrap();
    soiree
        .on("viewed", |event| {
            event.payload_as::<u64>().map(|number| black_box(*number));
        })
        .unwrap();
    PAID.on(&soiree, |number| {
        black_box(*number);
    })
    .unwrap();
    soiree
        .on("kept", |event| drop(black_box(event.payload())))
        .unwrap();
    let last = Mutex::new(None);
    soiree
        .on("held", move |event| {
            drop(last.lock().unwrap().replace(event.payload()));
        })
        .unwrap();
    let allocations = |topic: &str| {
        for _ in 0..3 {
            assert!(soiree.emit_sync(topic, 7_u64).unwrap().is_ok());
        }
        let counted = measure(|| drop(soiree.emit_sync(topic, 7_u64)));
        counted.count_total
    };
    for topic in ["borrowed", "viewed", "typed"] {
        assert_eq!(allocations(topic), 0, "{topic}");
    }
    for topic in ["kept", "held"] {
        assert_eq!(allocations(topic), 1, "{topic}");
    }
    soiree.close().unwrap();
}
