//! Events through a pool, from `emit` until their listeners have returned.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use soiree::{Emission, EventPool};
use soiree_testkit::ManualPool;

use crate::case::Case;
use crate::go_port::GoPort;
use crate::jobs::jobs_by_value;
use crate::latch::Latch;
use crate::listener::{TOPIC, calls, count_call};
use crate::measure::{measure, split_across_threads};
use crate::pools::{CAPACITY, worker_pool};
use crate::sample::Sample;

const PRODUCERS: [u64; 2] = [1, 2];
const WORKERS: [usize; 2] = [2, 10];
/// How many emissions a producer keeps before it waits for them.
const BATCH: usize = 1000;

type BoxedBench = Box<dyn FnMut(u64) -> Sample>;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new("emit-one-thread", "soiree", on_manual_pool)];
    for producers in PRODUCERS {
        for workers in WORKERS {
            let mut add = |subject, make: fn(u64, usize) -> BoxedBench| {
                let workload = format!("emit-{producers}p-{workers}w");
                let make = move || make(producers, workers);
                cases.push(Case::new(workload, subject, make).threaded());
            };
            add("soiree, kept", |p, w| Box::new(soiree(p, w, true)));
            add("soiree, dropped", |p, w| Box::new(soiree(p, w, false)));
            add("literal port, kept", |p, w| Box::new(go_port(p, w, true)));
            add("literal port, dropped", |p, w| {
                Box::new(go_port(p, w, false))
            });
            add("crossbeam, one value", |p, w| Box::new(jobs_by_value(p, w)));
            add("crossbeam, one Arc, kept", |p, w| Box::new(kept_arcs(p, w)));
        }
    }
    for workers in WORKERS {
        let workload = format!("emit-and-wait-{workers}w");
        let mut add = |subject, make: fn(usize) -> BoxedBench| {
            cases.push(Case::new(&workload, subject, move || make(workers)).threaded());
        };
        add("soiree", |w| Box::new(emit_and_wait(w)));
        add("literal port", |w| Box::new(go_port_emit_and_wait(w)));
        #[cfg(feature = "peers")]
        add("tokio spawn", |w| Box::new(tokio_spawn_and_await(w)));
    }
    cases
}

fn soiree_with_listener(workers: usize) -> (EventPool, &'static Latch) {
    let latch = Latch::leaked();
    let soiree = EventPool::with_pool(worker_pool(workers));
    soiree
        .on(TOPIC, |_| latch.count_down())
        .expect("the topic is valid");
    (soiree, latch)
}

fn emit(soiree: &EventPool, payload: u64) -> Emission {
    soiree
        .emit(black_box(TOPIC), payload)
        .expect("the event pool is open")
}

fn soiree(producers: u64, workers: usize, keep: bool) -> impl FnMut(u64) -> Sample {
    let (soiree, latch) = soiree_with_listener(workers);
    emit_all(
        producers,
        latch,
        keep,
        move |payload, kept| {
            let emission = emit(&soiree, payload);
            if keep {
                kept.push(emission);
            }
        },
        |emission: Emission| assert!(emission.wait().is_ok(), "a listener failed"),
    )
}

fn go_port_with_listener(workers: usize) -> (GoPort, &'static Latch) {
    let latch = Latch::leaked();
    let port = GoPort::new(workers, CAPACITY);
    port.on(
        TOPIC,
        Arc::new(|_| {
            latch.count_down();
            Ok(())
        }),
    );
    (port, latch)
}

fn go_port(producers: u64, workers: usize, keep: bool) -> impl FnMut(u64) -> Sample {
    let (port, latch) = go_port_with_listener(workers);
    emit_all(
        producers,
        latch,
        keep,
        move |payload, kept| {
            let errors = port.emit(black_box(TOPIC), payload);
            if keep {
                kept.push(errors);
            }
        },
        |errors| assert!(errors.recv().is_err(), "a listener failed"),
    )
}

/// The least that an emission takes whose handle knows the outcome: one allocation that the emitter and a worker share.
struct Least {
    payload: u64,
    has_ended: AtomicBool,
}

fn kept_arcs(producers: u64, workers: usize) -> impl FnMut(u64) -> Sample {
    let latch = Latch::leaked();
    let (sender, receiver) = bounded::<Arc<Least>>(CAPACITY);
    for _ in 0..workers {
        let emitted = receiver.clone();
        thread::spawn(move || {
            for least in emitted {
                black_box(least.payload);
                latch.count_down();
                least.has_ended.store(true, Ordering::Release);
            }
        });
    }
    emit_all(
        producers,
        latch,
        true,
        move |payload, kept| {
            let least = Arc::new(Least {
                payload,
                has_ended: AtomicBool::new(false),
            });
            kept.push(Arc::clone(&least));
            sender.send(least).expect("the workers are running");
        },
        |least: Arc<Least>| {
            while !least.has_ended.load(Ordering::Acquire) {
                thread::yield_now();
            }
        },
    )
}

/// Emits from `producers` threads. Waits for the kept emissions in batches, and in the end for all listeners.
fn emit_all<K>(
    producers: u64,
    latch: &'static Latch,
    keep: bool,
    emit: impl Fn(u64, &mut Vec<K>) + Sync,
    wait: impl Fn(K) + Sync,
) -> impl FnMut(u64) -> Sample {
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            split_across_threads(producers, ops, |ops| {
                let mut kept = Vec::with_capacity(if keep { BATCH } else { 0 });
                for payload in 0..ops {
                    emit(payload, &mut kept);
                    if kept.len() == BATCH {
                        kept.drain(..).for_each(&wait);
                    }
                }
                kept.into_iter().for_each(&wait);
            });
            latch.wait();
        });
        latch.assert_exact();
        sample
    }
}

fn emit_and_wait(workers: usize) -> impl FnMut(u64) -> Sample {
    let (soiree, latch) = soiree_with_listener(workers);
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            for payload in 0..ops {
                assert!(emit(&soiree, payload).wait().is_ok(), "a listener failed");
            }
        });
        latch.assert_exact();
        sample
    }
}

fn go_port_emit_and_wait(workers: usize) -> impl FnMut(u64) -> Sample {
    let (port, latch) = go_port_with_listener(workers);
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            for payload in 0..ops {
                let errors = port.emit(black_box(TOPIC), payload);
                assert!(errors.recv().is_err(), "a listener failed");
            }
        });
        latch.assert_exact();
        sample
    }
}

#[cfg(feature = "peers")]
fn tokio_spawn_and_await(workers: usize) -> impl FnMut(u64) -> Sample {
    let latch = Latch::leaked();
    let runtime = crate::pools::runtime(workers);
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            runtime.block_on(async {
                for payload in 0..ops {
                    let job = async move {
                        black_box(payload);
                        latch.count_down();
                    };
                    tokio::spawn(job).await.expect("the job does not panic");
                }
            });
        });
        latch.assert_exact();
        sample
    }
}

/// Uses a queue that the emitting thread itself empties, so that the order of threads has no influence.
fn on_manual_pool() -> impl FnMut(u64) -> Sample {
    let pool = Arc::new(ManualPool::with_capacity(CAPACITY));
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree
        .on(TOPIC, |_| count_call())
        .expect("the topic is valid");
    move |ops| {
        let before = calls();
        let sample = measure(ops, || {
            for payload in 0..ops {
                let emission = emit(&soiree, payload);
                assert!(pool.run_next(), "the emission is queued");
                assert!(emission.wait().is_ok(), "a listener failed");
            }
        });
        assert_eq!(calls() - before, ops, "wrong number of listener calls");
        sample
    }
}
