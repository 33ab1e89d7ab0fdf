//! More keys, bulkheads and routes.

use std::hint::black_box;
use std::sync::Arc;

use soiree::{Builder, EventPool, KeyOrder};
use soiree_testkit::ManualPool;

use super::event_pool::{emit, emit_sync, emits, grown, guest, listen, subscribes};
use super::grown::{Grown, Growth, Law, Operation, time};
use crate::listener::TOPIC;

pub(super) const KEYS: Growth = Growth {
    name: "keys",
    about: "The topic is ordered by key, and of each key one event waits in the pool. The events that are emitted have keys of their \
            own. What waits is handled before the close is measured.",
    sizes: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
    laws: &[
        // Of a million keys, none is in a cache of the processor.
        ("emit_sync", Law::Logarithmic),
        ("emit", Law::Logarithmic),
        ("subscribe", Law::Logarithmic),
        ("unsubscribe", Law::Logarithmic),
        ("close", Law::Constant),
        ("memory", Law::Linear),
    ],
    prepare: keys,
};

pub(super) const BULKHEADS: Growth = Growth {
    name: "bulkheads",
    about: "Each is a pool without threads, and has a route. *Change a setting* sets the error buffer. *Add a bulkhead* adds one and \
            drains it.",
    sizes: &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
    laws: &[
        ("emit_sync", Law::Constant),
        ("emit", Law::Constant),
        ("subscribe", Law::Constant),
        ("unsubscribe", Law::Constant),
        ("change a setting", Law::Linear),
        ("add a bulkhead", Law::Linear),
        ("close", Law::Linear),
        ("memory", Law::Linear),
    ],
    prepare: bulkheads,
};

pub(super) const ROUTES: Growth = Growth {
    name: "routes",
    about: "All lead to one bulkhead. *Add a route* adds one and removes it.",
    sizes: &[1, 10, 100, 1_000, 10_000],
    laws: &[
        ("emit_sync", Law::Constant),
        ("emit", Law::Constant),
        ("subscribe", Law::Constant),
        ("unsubscribe", Law::Constant),
        ("change a setting", Law::Constant),
        ("add a route", Law::Logarithmic),
        ("close", Law::Linear),
        ("memory", Law::Linear),
    ],
    prepare: routes,
};

fn keys(count: u64) -> Grown {
    let pool = Arc::new(ManualPool::with_capacity(count as usize + 1));
    let by_payload = KeyOrder::by(|event| event.payload_as::<u64>().map(|payload| *payload));
    let builder = EventPool::builder().pool(Arc::clone(&pool));
    let soiree = build(builder.ordered(TOPIC, by_payload));
    listen(&soiree, TOPIC);
    for key in 0..count {
        let emitted = soiree.emit(TOPIC, key);
        drop(emitted.expect("there is room"));
    }
    let (sync, pooled, queue) = (soiree.clone(), soiree.clone(), Arc::clone(&pool));
    let mut operations = vec![
        Operation::each("emit_sync", move |payload| {
            emit_sync(&sync, TOPIC, count + payload);
        }),
        Operation::each("emit", move |payload| {
            emit(&pooled, &queue, TOPIC, count + payload);
        }),
    ];
    operations.extend(subscribes(&soiree, guest));
    Grown {
        operations,
        close: Box::new(move || {
            assert_eq!(pool.run_all() as u64, count);
            // When a large block is asked for next, glibc merges the small ones that were freed just now. The close does not cause that.
            drop(black_box(Vec::<u8>::with_capacity(100_000)));
            time(|| soiree.close().expect("nothing runs"))
        }),
    }
}

fn bulkheads(count: u64) -> Grown {
    let mut builder = Builder::with_pool(ManualPool::new());
    let pools: Vec<_> = (0..count).map(|_| Arc::new(ManualPool::new())).collect();
    for (number, pool) in pools.iter().enumerate() {
        let name = number.to_string();
        builder = builder.bulkhead(&name, Arc::clone(pool));
        builder = builder.route(&format!("kind{number}.**"), &name);
    }
    let soiree = build(builder);
    listen(&soiree, "**");
    let number = count / 2;
    let pool = &pools[number as usize];
    let mut operations = emits(&soiree, pool, &format!("kind{number}.user.created"));
    operations.extend(subscribes(&soiree, guest));
    operations.push(change_a_setting(&soiree));
    let changed = soiree.clone();
    operations.push(Operation::each("add a bulkhead", move |_| {
        let added = changed.add_bulkhead("one more", ManualPool::with_capacity(1));
        added.expect("the name is free");
        changed.drain_bulkhead("one more").expect("it is there");
    }));
    grown(soiree, operations)
}

fn routes(count: u64) -> Grown {
    let pool = Arc::new(ManualPool::new());
    let mut builder = Builder::with_pool(ManualPool::new()).bulkhead("one", Arc::clone(&pool));
    for number in 0..count {
        builder = builder.route(&format!("kind{number}.**"), "one");
    }
    let soiree = build(builder);
    listen(&soiree, "**");
    let topic = format!("kind{}.user.created", count / 2);
    let mut operations = emits(&soiree, &pool, &topic);
    operations.extend(subscribes(&soiree, guest));
    operations.push(change_a_setting(&soiree));
    let changed = soiree.clone();
    operations.push(Operation::each("add a route", move |_| {
        let added = changed.add_route("kind.**", "one");
        added.expect("the bulkhead is there");
        assert!(changed.remove_route("kind.**"));
    }));
    grown(soiree, operations)
}

fn build(builder: Builder) -> EventPool {
    builder.build().expect("the settings are valid")
}

fn change_a_setting(soiree: &EventPool) -> Operation {
    let soiree = soiree.clone();
    Operation::each("change a setting", move |number| {
        soiree.set_error_buffer(64 + number as usize % 2);
    })
}
