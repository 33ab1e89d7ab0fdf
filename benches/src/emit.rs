//! Events from `emit` to the end of their listeners, through a pool.

use std::hint::black_box;
use std::sync::Arc;

use soiree::{Emission, EventPool};
use soiree_testkit::ManualPool;

use crate::case::Case;
use crate::jobs::by_value;
use crate::listening::{Countdown, TOPIC, called, calls};
use crate::meter::{Sample, measure, split_across_threads};
use crate::pools::{CAPACITY, worker_pool};
use crate::port::Port;

const PRODUCERS: [u64; 2] = [1, 2];
const WORKERS: [usize; 2] = [2, 10];
/// How many emissions are kept before they are waited for.
const BATCH: usize = 1000;

type Work = Box<dyn FnMut(u64) -> Sample>;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new("emit-one-thread", "soiree", by_hand)];
    for producers in PRODUCERS {
        for workers in WORKERS {
            let mut add = |contender, make: fn(u64, usize) -> Work| {
                let workload = format!("emit-{producers}p-{workers}w");
                let make = move || make(producers, workers);
                cases.push(Case::new(workload, contender, make).threaded());
            };
            add("soiree, kept", |p, w| Box::new(soiree(p, w, true)));
            add("soiree, dropped", |p, w| Box::new(soiree(p, w, false)));
            add("literal port, kept", |p, w| Box::new(literal(p, w, true)));
            add("literal port, dropped", |p, w| {
                Box::new(literal(p, w, false))
            });
            add("crossbeam, one value", |p, w| Box::new(by_value(p, w)));
        }
    }
    for workers in WORKERS {
        let workload = format!("emit-and-wait-{workers}w");
        let mut add = |contender, make: fn(usize) -> Work| {
            cases.push(Case::new(&workload, contender, move || make(workers)).threaded());
        };
        add("soiree", |w| Box::new(one_at_a_time(w)));
        add("literal port", |w| Box::new(literal_one_at_a_time(w)));
        #[cfg(feature = "peers")]
        add("tokio spawn", |w| Box::new(tokio_one_at_a_time(w)));
    }
    cases
}

fn listening(workers: usize) -> (EventPool, &'static Countdown) {
    let countdown = Countdown::leaked();
    let soiree = EventPool::with_pool(worker_pool(workers));
    soiree
        .on(TOPIC, |_| countdown.hit())
        .expect("the topic is sound");
    (soiree, countdown)
}

fn emit(soiree: &EventPool, payload: u64) -> Emission {
    soiree
        .emit(black_box(TOPIC), payload)
        .expect("the event pool is open")
}

fn soiree(producers: u64, workers: usize, keep: bool) -> impl FnMut(u64) -> Sample {
    let (soiree, countdown) = listening(workers);
    through(
        producers,
        countdown,
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

fn literal_listening(workers: usize) -> (Port, &'static Countdown) {
    let countdown = Countdown::leaked();
    let port = Port::new(workers, CAPACITY);
    port.on(
        TOPIC,
        Arc::new(|_| {
            countdown.hit();
            Ok(())
        }),
    );
    (port, countdown)
}

fn literal(producers: u64, workers: usize, keep: bool) -> impl FnMut(u64) -> Sample {
    let (port, countdown) = literal_listening(workers);
    through(
        producers,
        countdown,
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

/// Emits from so many threads, waits for what is kept in batches, and for all listeners in the end.
fn through<K>(
    producers: u64,
    countdown: &'static Countdown,
    keep: bool,
    emit: impl Fn(u64, &mut Vec<K>) + Sync,
    wait: impl Fn(K) + Sync,
) -> impl FnMut(u64) -> Sample {
    move |ops| {
        countdown.begin(ops);
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
            countdown.wait();
        });
        countdown.check();
        sample
    }
}

fn one_at_a_time(workers: usize) -> impl FnMut(u64) -> Sample {
    let (soiree, countdown) = listening(workers);
    move |ops| {
        countdown.begin(ops);
        let sample = measure(ops, || {
            for payload in 0..ops {
                assert!(emit(&soiree, payload).wait().is_ok(), "a listener failed");
            }
        });
        countdown.check();
        sample
    }
}

fn literal_one_at_a_time(workers: usize) -> impl FnMut(u64) -> Sample {
    let (port, countdown) = literal_listening(workers);
    move |ops| {
        countdown.begin(ops);
        let sample = measure(ops, || {
            for payload in 0..ops {
                let errors = port.emit(black_box(TOPIC), payload);
                assert!(errors.recv().is_err(), "a listener failed");
            }
        });
        countdown.check();
        sample
    }
}

#[cfg(feature = "peers")]
fn tokio_one_at_a_time(workers: usize) -> impl FnMut(u64) -> Sample {
    let countdown = Countdown::leaked();
    let runtime = crate::pools::runtime(workers);
    move |ops| {
        countdown.begin(ops);
        let sample = measure(ops, || {
            runtime.block_on(async {
                for payload in 0..ops {
                    let job = async move {
                        black_box(payload);
                        countdown.hit();
                    };
                    tokio::spawn(job).await.expect("the job does not panic");
                }
            });
        });
        countdown.check();
        sample
    }
}

/// Through a queue that this same thread empties, so that nothing depends on how threads take turns.
fn by_hand() -> impl FnMut(u64) -> Sample {
    let pool = Arc::new(ManualPool::with_capacity(CAPACITY));
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree.on(TOPIC, |_| called()).expect("the topic is sound");
    move |ops| {
        let before = calls();
        let sample = measure(ops, || {
            for payload in 0..ops {
                let emission = emit(&soiree, payload);
                assert!(pool.run_next(), "it was queued");
                assert!(emission.wait().is_ok(), "a listener failed");
            }
        });
        assert_eq!(calls() - before, ops, "not all were called");
        sample
    }
}
