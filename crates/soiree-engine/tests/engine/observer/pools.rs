//! Notifications of pools.

use std::time::Instant;

use soiree_core::Pool;
use soiree_pool::WorkerPool;
use soiree_testkit::{Journal, ManualPool};

use crate::support::{TIME_LIMIT, wait_until};

/// P1, P5, P6: also without an `EventPool`, a pool notifies its observer of each job and of how it ends.
#[test]
fn an_observed_pool_notifies_of_every_end_of_a_job() {
    let (manual, journal) = (ManualPool::with_capacity(2), Journal::new());
    let pool = soiree_core::ObservedPool::new(manual.clone(), "mail", journal.clone());
    let now = Instant::now();
    pool.submit_before((|| ()).into(), now).unwrap();
    wait_until("the deadline has passed", || Instant::now() > now);
    pool.submit((|| panic!("oh")).into()).unwrap();
    pool.submit((|| ()).into()).unwrap_err();
    manual.run_all();
    let later = Instant::now() + TIME_LIMIT;
    pool.submit_before((|| ()).into(), later).unwrap();
    manual.run_all();
    pool.submit((|| ()).into()).unwrap();
    pool.stop();
    journal.assert_lines([
        "job offered to mail",
        "job offered to mail",
        "job offered to mail",
        "job rejected by mail: the queue is full (2 waiting)",
        "job ended on mail: expired",
        "job started on mail",
        "job ended on mail: panicked",
        "job offered to mail",
        "job started on mail",
        "job ended on mail: completed",
        "job offered to mail",
        "job ended on mail: discarded",
    ]);
    let stats = pool.stats();
    assert_eq!(
        (
            stats.expired,
            stats.failed,
            stats.successful,
            stats.discarded
        ),
        (1, 1, 1, 1)
    );
}

/// P2: with the name of the pool, and the old and the new number of workers.
#[test]
fn a_resize_is_notified() {
    let journal = Journal::new();
    let worker = || WorkerPool::new(1, 1).unwrap();
    let soiree = soiree::Builder::with_pool(worker())
        .bulkhead("bulk", worker())
        .observer(journal.clone())
        .build()
        .unwrap();
    soiree.resize_bulkhead("bulk", 3).unwrap();
    soiree.resize_bulkhead("default", 2).unwrap();
    soiree.resize_bulkhead("bulk", 0).unwrap_err();
    let pool = soiree_core::ObservedPool::new(worker(), "mail", journal.clone());
    pool.resize(4).unwrap();
    journal.assert_lines([
        "pool resized: bulk from 1 to 3",
        "pool resized: default from 1 to 2",
        "pool resized: mail from 1 to 4",
    ]);
}
