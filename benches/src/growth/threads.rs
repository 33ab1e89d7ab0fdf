//! More threads.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use soiree::EventPool;

use super::event_pool::{emit_sync, emits, guest, listen, on_manual_pool, subscribes};
use super::grown::{Grown, Growth, Law, Operation, time};
use crate::latch::Latch;
use crate::listener::TOPIC;
use crate::measure::process_cpu;
use crate::pools::worker_pool;
use crate::resting_threads::RestingThreads;

pub(super) const RESTING: Growth = Growth {
    name: "threads that have emitted",
    about: "Each of them has called `emit_sync` once, and lives on. The operations are those of one other thread.",
    sizes: &[1, 2, 4, 8, 16, 32, 64],
    laws: &[
        ("emit_sync", Law::Constant),
        ("emit", Law::Constant),
        ("subscribe", Law::Constant),
        ("unsubscribe", Law::Constant),
        ("close", Law::Constant),
        ("memory", Law::Linear),
    ],
    prepare: resting,
};

pub(super) const EMITTING: Growth = Growth {
    name: "threads that emit",
    about: "All at once, on one topic with one listener. CPU time of all threads for each emit, those of the two workers of `emit` \
            included.",
    sizes: &[1, 2, 4, 8, 16, 32, 64],
    laws: &[
        ("emit_sync, CPU time", Law::Constant),
        ("emit, CPU time", Law::Constant),
    ],
    prepare: emitting,
};

fn resting(threads: u64) -> Grown {
    let (soiree, pool) = on_manual_pool();
    listen(&soiree, TOPIC);
    let emitter = soiree.clone();
    let resting = RestingThreads::start(threads as usize, move || emit_sync(&emitter, TOPIC, 0));
    let mut operations = emits(&soiree, &pool, TOPIC);
    operations.extend(subscribes(&soiree, guest));
    Grown {
        operations,
        close: Box::new(move || {
            let took = time(|| soiree.close().expect("nothing runs"));
            drop(resting);
            took
        }),
    }
}

fn emitting(threads: u64) -> Grown {
    let latch = Latch::leaked();
    let soiree = EventPool::with_pool(worker_pool(2));
    let listened = soiree.on(TOPIC, |_| latch.count_down());
    listened.expect("the topic is valid");
    let soiree = Arc::new(soiree);
    let [sync, pooled] = [(); 2].map(|()| Arc::clone(&soiree));
    let on_threads = move |ops| {
        let emit = |payload| emit_sync(&sync, TOPIC, payload);
        cpu_time(threads, ops, emit, || {})
    };
    let through_pool = move |ops| {
        latch.reset(ops);
        let emit = |payload| {
            let emission = pooled.emit(TOPIC, payload);
            drop(emission.expect("the event pool is open"));
        };
        let took = cpu_time(threads, ops, emit, || latch.wait());
        latch.assert_exact();
        took
    };
    Grown {
        operations: vec![
            Operation::new("emit_sync, CPU time", on_threads),
            Operation::new("emit, CPU time", through_pool),
        ],
        close: Box::new(move || time(|| soiree.close().expect("nothing runs"))),
    }
}

/// The CPU time of this process while these threads together do this so often. They are there before it begins.
fn cpu_time(threads: u64, ops: u64, act: impl Fn(u64) + Sync, wait: impl FnOnce()) -> Duration {
    let [arrived, go] = [(); 2].map(|()| Barrier::new(threads as usize + 1));
    let mut before = Duration::ZERO;
    thread::scope(|scope| {
        for thread in 0..threads {
            let (arrived, go, act) = (&arrived, &go, &act);
            scope.spawn(move || {
                arrived.wait();
                go.wait();
                let share = ops / threads + u64::from(thread < ops % threads);
                (0..share).for_each(act);
            });
        }
        arrived.wait();
        before = process_cpu();
        go.wait();
    });
    wait();
    process_cpu() - before
}
