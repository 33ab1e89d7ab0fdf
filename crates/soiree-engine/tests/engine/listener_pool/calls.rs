//! Listeners on their own pools are called, counted and reported like others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree_core::Priority;

use super::{on_http, with_http};
use crate::support::{Blocker, CallLog, emit_both_ways, thread_name, wait_until};

/// L6: the listener is called on its own pool. Listeners after it do not wait for it, and the emission does.
#[test]
fn only_the_emission_waits_for_a_listener_with_its_own_pool() {
    let soiree = with_http(1, 4);
    let calls = CallLog::default();
    let blocker = Blocker::on(&soiree, "a.b", on_http().priority(Priority::High));
    let log = calls.clone();
    soiree
        .on("a.b", move |_| log.record(thread_name()))
        .unwrap();
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    wait_until("the other listener has run", || !calls.take().is_empty());
    soiree.emit("other", ()).unwrap().wait();
    assert!(!emission.is_finished());
    blocker.release();
    assert_eq!(emission.wait().delivered(), 2);

    thread::scope(|scope| {
        let emit = scope.spawn(|| soiree.emit_sync("a.b", ()).unwrap());
        blocker.wait_started();
        wait_until("the other listener has run", || !calls.take().is_empty());
        assert!(!emit.is_finished());
        blocker.release();
        assert_eq!(emit.join().unwrap().delivered(), 2);
    });
    soiree.close().unwrap();
}

/// L6, P4: the listener runs inline if the emission is on the listener's pool, or if the only worker of that pool waits for it.
#[test]
fn a_pool_does_not_wait_for_itself_through_a_listener() {
    let soiree = with_http(1, 4);
    soiree.add_route("inner", "http").unwrap();
    soiree
        .on_with("leaf", on_http(), |_| assert_eq!(thread_name(), "http-0"))
        .unwrap();
    soiree.on_with("inner", on_http(), |_| {}).unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_with("outer", on_http(), move |_| {
            let soiree = weak.upgrade().unwrap();
            // Runs on the default pool. The only worker of its listener's pool waits here.
            let leaf = soiree.emit("leaf", ()).unwrap();
            assert!(leaf.wait().is_ok());
            assert!(soiree.emit_sync("leaf", ()).unwrap().is_ok());
            assert!(soiree.emit("inner", ()).unwrap().wait().is_ok());
            let mut errors = soiree.emit("leaf", ()).unwrap().into_iter();
            assert!(errors.next().is_none());
        })
        .unwrap();
    emit_both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    soiree.close().unwrap();
}

/// L5: run limits hold across pools, and a rejected call is no run.
#[test]
fn limited_runs_are_exact_on_other_pools() {
    let soiree = with_http(2, 1_000);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_with("a.b", on_http().max_runs(10), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    soiree.emit("a.b", ()).unwrap().wait();
                    soiree.emit_sync("a.b", ()).unwrap();
                }
            });
        }
    });
    assert_eq!(ran.load(Ordering::SeqCst), 10);
    assert!(soiree.is_empty());
    soiree.close().unwrap();
}

/// L4: errors and panics on another pool are handled like any other.
#[test]
fn errors_and_panics_on_other_pools_are_reported() {
    let soiree = with_http(1, 4);
    soiree
        .on_with("a.b", on_http(), |_| Err::<(), _>("no"))
        .unwrap();
    soiree
        .on_with("a.b", on_http(), |_| -> () { panic!("oops") })
        .unwrap();
    soiree.on("a.b", |_| Err::<(), _>("neither")).unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered(), report.failed()), (3, 3));
        let mut texts: Vec<String> = report.errors().iter().map(ToString::to_string).collect();
        texts.sort();
        let ends = [
            "failed for a.b: neither",
            "failed for a.b: no",
            "panicked for a.b: oops",
        ];
        for end in ends {
            assert!(texts.iter().any(|text| text.ends_with(end)), "{texts:?}");
        }
    });
    soiree.close().unwrap();
}
