//! A short soak. `cargo xtask soak` runs a longer one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soiree_pool::{WorkerPool, WorkerPoolBuilder};
use soiree_testkit::{Soak, SoakSpec};

fn builder(spec: &SoakSpec) -> WorkerPoolBuilder {
    WorkerPool::builder()
        .max_workers(spec.max_workers)
        .min_workers(spec.min_workers)
        .capacity(spec.capacity)
        .idle_timeout(spec.idle_timeout)
        .overflow(spec.overflow)
}

fn build(builder: WorkerPoolBuilder) -> WorkerPool {
    builder.build().expect("a soak has valid limits")
}

#[track_caller]
fn survives(make: impl FnMut(&SoakSpec) -> WorkerPool) {
    let report = Soak::new()
        .duration(Duration::from_secs(1))
        .run(make)
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(
        report.accepted,
        report.ran + report.expired + report.discarded
    );
}

/// P1, P2, P3, P4, P5, P6: under random concurrent operations no job is lost or run twice, and every counter is exact.
#[test]
fn a_pool_survives_a_soak() {
    survives(|spec| build(builder(spec)));
}

/// P3, P8: the same holds when two of three threads do not start.
#[test]
fn a_pool_whose_threads_often_fail_to_start_survives_a_soak() {
    let asked = Arc::new(AtomicUsize::new(0));
    survives(move |spec| {
        let asked = Arc::clone(&asked);
        build(builder(spec).spawn_handler(move |thread, body| {
            match asked.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => thread.spawn(body).map(drop),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        }))
    });
}
