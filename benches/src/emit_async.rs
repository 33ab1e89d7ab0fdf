//! Events that async code emits.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use soiree::{Emission, EventPool, WorkerPool};

use crate::case::Case;
use crate::latch::Latch;
use crate::listener::TOPIC;
use crate::measure::measure;
use crate::pools::CAPACITY;
use crate::sample::Sample;

/// How many emissions are kept before they are waited for. Fewer than the queue has places, so that there is always room.
const BATCH: usize = 1000;

pub(crate) fn cases() -> Vec<Case> {
    let cases = vec![
        Case::new("emit-async-room", "emit", || with_room(emit)).threaded(),
        Case::new("emit-async-room", "soiree", || with_room(emit_async)).threaded(),
    ];
    #[cfg(feature = "peers")]
    let cases = {
        let ours = Case::new("emit-async-full", "soiree", full::soiree).threaded();
        let peer = Case::new("emit-async-full", "tokio mpsc", full::mpsc).threaded();
        cases.into_iter().chain([ours, peer]).collect()
    };
    cases
}

fn soiree_with_listener(workers: usize, capacity: usize) -> (EventPool, &'static Latch) {
    let pool = WorkerPool::builder()
        .min_workers(workers)
        .max_workers(workers);
    let pool = pool.capacity(capacity).build();
    let soiree = EventPool::with_pool(pool.expect("the limits are valid"));
    let latch = Latch::leaked();
    soiree
        .on(TOPIC, |_| latch.count_down())
        .expect("the topic is valid");
    (soiree, latch)
}

fn emit(soiree: &EventPool, payload: u64) -> Emission {
    let emitted = soiree.emit(black_box(TOPIC), payload);
    emitted.expect("the event pool is open")
}

fn emit_async(soiree: &EventPool, payload: u64) -> Emission {
    let mut emitting = pin!(soiree.emit_async(black_box(TOPIC), payload));
    match emitting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(emitted) => emitted.expect("the event pool is open"),
        Poll::Pending => unreachable!("there is room"),
    }
}

fn with_room(emit: fn(&EventPool, u64) -> Emission) -> impl FnMut(u64) -> Sample {
    const { assert!(BATCH < CAPACITY) }
    let (soiree, latch) = soiree_with_listener(2, CAPACITY);
    let mut kept = Vec::with_capacity(BATCH);
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            for payload in 0..ops {
                kept.push(emit(&soiree, payload));
                if kept.len() == BATCH {
                    kept.drain(..).for_each(wait);
                }
            }
            kept.drain(..).for_each(wait);
            latch.wait();
        });
        latch.assert_exact();
        sample
    }
}

fn wait(emission: Emission) {
    assert!(emission.wait().is_ok(), "a listener failed");
}

/// Several tasks through a queue that is mostly full, to one thread.
#[cfg(feature = "peers")]
mod full {
    use std::sync::Arc;

    use super::{TOPIC, black_box, soiree_with_listener};
    use crate::latch::Latch;
    use crate::measure::measure;
    use crate::pools::runtime;
    use crate::sample::Sample;

    const EMITTERS: u64 = 8;
    const PLACES: usize = 64;

    fn share_of(emitter: u64, ops: u64) -> u64 {
        ops / EMITTERS + u64::from(emitter < ops % EMITTERS)
    }

    pub(super) fn soiree() -> impl FnMut(u64) -> Sample {
        let (soiree, latch) = soiree_with_listener(1, PLACES);
        let soiree = Arc::new(soiree);
        let runtime = runtime(2);
        move |ops| {
            latch.reset(ops);
            let sample = measure(ops, || {
                for emitter in 0..EMITTERS {
                    let soiree = Arc::clone(&soiree);
                    runtime.spawn(async move {
                        for payload in 0..share_of(emitter, ops) {
                            let emitted = soiree.emit_async(black_box(TOPIC), payload).await;
                            drop(emitted.expect("the event pool is open"));
                        }
                    });
                }
                latch.wait();
            });
            latch.assert_exact();
            sample
        }
    }

    pub(super) fn mpsc() -> impl FnMut(u64) -> Sample {
        let latch = Latch::leaked();
        let runtime = runtime(2);
        let (sender, mut receiver) = tokio::sync::mpsc::channel(PLACES);
        std::thread::spawn(move || {
            while let Some(payload) = receiver.blocking_recv() {
                black_box::<u64>(payload);
                latch.count_down();
            }
        });
        move |ops| {
            latch.reset(ops);
            let sample = measure(ops, || {
                for emitter in 0..EMITTERS {
                    let sender = sender.clone();
                    runtime.spawn(async move {
                        for payload in 0..share_of(emitter, ops) {
                            sender.send(payload).await.expect("the receiver runs");
                        }
                    });
                }
                latch.wait();
            });
            latch.assert_exact();
            sample
        }
    }
}
