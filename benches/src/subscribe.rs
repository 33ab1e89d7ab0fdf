//! Subscribing and unsubscribing, among many patterns.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use soiree::{EventPool, ListenerId};

use crate::case::Case;
use crate::listener::count_call;
use crate::measure::process_cpu;
use crate::resting_threads::RestingThreads;
use crate::sample::Sample;

const PATTERNS: [u64; 2] = [10, 1_000_000];
/// How many listeners are subscribed before they are unsubscribed again.
const BATCH: u64 = 100;
/// How many threads have emitted before.
const EMITTERS: usize = 500;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for patterns in PATTERNS {
        cases.push(Case::new(
            format!("subscribe-{patterns}"),
            "soiree",
            move || {
                let mut subscriptions = SubscribeLoop::new(patterns);
                move |ops| subscriptions.run(ops)
            },
        ));
        let workload = format!("subscribe-{patterns}-while-emitting");
        cases.push(Case::new(workload, "soiree", move || {
            let mut subscriptions = SubscribeLoop::new(patterns);
            move |ops| subscriptions.run_while_emitting(ops)
        }));
    }
    // A change must not cost more the more threads have emitted, whether they still live or not.
    for (workload, keep) in [("ended", false), ("resting", true)] {
        let workload = format!("subscribe-10-{EMITTERS}-threads-{workload}");
        let case = Case::new(workload, "soiree", move || {
            let mut subscriptions = SubscribeLoop::new(10);
            let soiree = subscriptions.soiree.clone();
            let mut resting = RestingThreads::start(EMITTERS, move || {
                let report = soiree.emit_sync("account.1.user.created", 0_u64);
                assert_eq!(report.expect("the event pool is open").delivered(), 2);
            });
            if !keep {
                resting.end();
            }
            move |ops| {
                let _resting = &resting;
                subscriptions.run(ops)
            }
        });
        cases.push(case.threaded());
    }
    cases
}

struct SubscribeLoop {
    soiree: EventPool,
    next: u64,
}

impl SubscribeLoop {
    fn new(patterns: u64) -> Self {
        let soiree = EventPool::new();
        for account in 0..patterns / 2 {
            for rest in ["user.*", "**"] {
                let pattern = format!("account.{account}.{rest}");
                soiree
                    .on(&pattern, |_| count_call())
                    .expect("the pattern is valid");
            }
        }
        Self { soiree, next: 0 }
    }

    /// The sample is the time of subscribing. The figure `unsubscribe` is the time of one unsubscribe.
    fn run(&mut self, ops: u64) -> Sample {
        let before = self.soiree.len();
        let mut sample = Sample {
            ops,
            ..Sample::default()
        };
        let mut unsubscribing = Duration::ZERO;
        let mut left = ops;
        while left > 0 {
            let batch = left.min(BATCH);
            left -= batch;
            let patterns: Vec<String> = (self.next..self.next + batch)
                .map(|number| format!("guest.{number}.user.*"))
                .collect();
            self.next += batch;
            let mut ids: Vec<ListenerId> = Vec::with_capacity(patterns.len());
            let (started, cpu) = (Instant::now(), process_cpu());
            for pattern in &patterns {
                let id = self.soiree.on(black_box(pattern), |_| count_call());
                ids.push(id.expect("the pattern is valid"));
            }
            sample.wall += started.elapsed();
            sample.cpu += process_cpu() - cpu;
            assert_eq!(self.soiree.len(), before + patterns.len());
            let started = Instant::now();
            for (pattern, id) in patterns.iter().zip(&ids) {
                self.soiree
                    .off(black_box(pattern), id)
                    .expect("the listener is subscribed");
            }
            unsubscribing += started.elapsed();
            assert_eq!(self.soiree.len(), before);
        }
        let each = unsubscribing.as_nanos() as u64 / ops;
        sample.figures.push(("unsubscribe".into(), each));
        sample
    }

    /// Does the same as [`run`](SubscribeLoop::run) while another thread emits. The figure `emit` is the time of one emit.
    fn run_while_emitting(&mut self, ops: u64) -> Sample {
        let (stop, emitted) = (AtomicBool::new(false), AtomicU64::new(0));
        let soiree = self.soiree.clone();
        let mut emitting = Duration::ZERO;
        let mut sample = std::thread::scope(|scope| {
            let emitter = scope.spawn(|| {
                let started = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let report = soiree.emit_sync("account.1.user.created", 0_u64);
                    assert_eq!(report.expect("the event pool is open").delivered(), 2);
                    emitted.fetch_add(1, Ordering::Relaxed);
                }
                started.elapsed()
            });
            while emitted.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            let sample = self.run(ops);
            stop.store(true, Ordering::Relaxed);
            emitting = emitter.join().expect("the emitter does not panic");
            sample
        });
        let each = emitting.as_nanos() as u64 / emitted.load(Ordering::Relaxed);
        sample.figures.push(("emit".into(), each));
        sample
    }
}
