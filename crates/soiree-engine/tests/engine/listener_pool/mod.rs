//! Listeners with a pool of their own.

mod odd_pools;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::EventPool;
use soiree_core::{
    BaseEvent, Event, ListenerErrorKind, ListenerOptions, Overflow, Priority, SubmitErrorReason,
};
use soiree_engine::Report;
use soiree_pool::WorkerPool;

use crate::support::{Diary, PATIENCE, both_ways, until};

pub(crate) fn pool(name: &str, workers: usize, capacity: usize) -> WorkerPool {
    let builder = WorkerPool::builder().name(name).max_workers(workers);
    builder.capacity(capacity).build().unwrap()
}

/// With a default pool of one worker, and the bulkhead `http`.
pub(crate) fn with_http(workers: usize, capacity: usize) -> EventPool {
    EventPool::builder()
        .pool(pool("rest", 1, 16))
        .bulkhead("http", pool("http", workers, capacity))
        .build()
        .unwrap()
}

pub(crate) fn on_http() -> ListenerOptions {
    ListenerOptions::new().pool("http")
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// A listener that says that it runs, and then runs until it is let go.
pub(crate) fn held(
    soiree: &EventPool,
    topic: &str,
    options: ListenerOptions,
) -> (Receiver<()>, Sender<()>) {
    let (said, running) = channel();
    let (go, told) = channel();
    let told = Mutex::new(told);
    soiree
        .on_with(topic, options, move |_| {
            said.send(()).unwrap();
            let _ = told.lock().unwrap().recv();
        })
        .unwrap();
    (running, go)
}

/// L6: it runs on its pool, in its turn; those after it do not wait for it, and the emission does.
#[test]
fn a_listener_with_a_pool_of_its_own_is_waited_for_by_the_emission_alone() {
    let soiree = with_http(1, 4);
    let diary = Diary::default();
    let (running, go) = held(&soiree, "a.b", on_http().priority(Priority::High));
    let note = diary.clone();
    soiree.on("a.b", move |_| note.note(thread_name())).unwrap();
    let emission = soiree.emit("a.b", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    until("the other listener has run", || !diary.take().is_empty());
    soiree.emit("other", ()).unwrap().wait();
    assert!(!emission.is_finished());
    go.send(()).unwrap();
    assert_eq!(emission.wait().delivered, 2);

    thread::scope(|scope| {
        let emit = scope.spawn(|| soiree.emit_sync("a.b", ()).unwrap());
        running.recv_timeout(PATIENCE).unwrap();
        until("the other listener has run", || !diary.take().is_empty());
        assert!(!emit.is_finished());
        go.send(()).unwrap();
        assert_eq!(emit.join().unwrap().delivered, 2);
    });
    soiree.close().unwrap();
}

/// L6: if its pool refuses, the report says so, the others run, and the emission's pool has not waited.
#[test]
fn a_pool_that_refuses_is_in_the_report() {
    for overflow in [Overflow::Block, Overflow::Reject, Overflow::CallerRuns] {
        let http = WorkerPool::builder().max_workers(1).capacity(0);
        let soiree = EventPool::builder()
            .bulkhead("http", http.overflow(overflow).build().unwrap())
            .build()
            .unwrap();
        let (running, go) = held(&soiree, "hold", on_http());
        let holding = soiree.emit("hold", ()).unwrap();
        running.recv_timeout(PATIENCE).unwrap();
        soiree
            .on_with("a.b", on_http().name("web"), |_| {})
            .unwrap();
        soiree.on("a.b", |_| {}).unwrap();
        both_ways(&soiree, "a.b", |report: Report| {
            assert_eq!(
                (report.delivered, report.failed, report.not_called),
                (1, 0, 1)
            );
            let error = &report.errors[0];
            assert_eq!(
                (error.kind(), error.name()),
                (ListenerErrorKind::Rejected, Some("web"))
            );
            let text = error.to_string();
            assert!(text.starts_with("listener web on a.b "), "{text}");
            assert!(text.contains(" was not called for a.b: "), "{text}");
            let reason = std::error::Error::source(error).unwrap().downcast_ref();
            assert!(matches!(
                reason,
                Some(SubmitErrorReason::Full { capacity: 0 })
            ));
        });
        drop(go);
        holding.wait();
        soiree.close().unwrap();
    }
}

/// L6, E6: what its pool drops still ends the emission.
#[test]
fn a_listener_that_its_pool_drops_is_in_the_report() {
    let http = WorkerPool::builder().max_workers(1).capacity(1);
    let soiree = EventPool::builder()
        .bulkhead("http", http.overflow(Overflow::DropOldest).build().unwrap())
        .error_handler(|event, error| {
            assert_eq!(event.topic(), error.topic());
            Some(error)
        })
        .build()
        .unwrap();
    let (running, go) = held(&soiree, "hold", on_http());
    soiree.emit("hold", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    soiree.on_with("a.b", on_http(), |_| {}).unwrap();
    let dropped = soiree.emit("a.b", ()).unwrap();
    until("it waits", || {
        soiree.stats().get("http").unwrap().waiting == 1
    });
    let kept = soiree.emit("a.b", ()).unwrap();
    let report = dropped.wait();
    assert_eq!((report.delivered, report.not_called), (0, 1));
    assert_eq!(report.errors[0].kind(), ListenerErrorKind::Discarded);
    drop(go);
    assert!(kept.wait().is_ok());
    soiree.close().unwrap();
}

/// L2: an abort reaches across pools, both ways, also where the event is a copy.
#[test]
fn an_abort_stops_listeners_on_other_pools() {
    let soiree = with_http(1, 4);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_with("first", on_http().priority(Priority::High), |event| {
            event.set_aborted(true)
        })
        .unwrap();
    // Waits for the abort, so that the order is certain.
    soiree
        .on("first", |event| {
            until("it is aborted", || {
                event.is_aborted() || event.payload().is::<u8>()
            })
        })
        .unwrap();
    soiree
        .on_with("first", Priority::Low, move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    let report = soiree.emit("first", ()).unwrap().wait();
    assert!(report.aborted);
    assert_eq!(ran.load(Ordering::SeqCst), 0);

    let (running, go) = held(&soiree, "hold", on_http());
    soiree.emit("hold", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    let count = Arc::clone(&ran);
    soiree
        .on_with("second", on_http().priority(Priority::High), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree
        .on("second", |event| event.set_aborted(true))
        .unwrap();
    soiree.on_with("second", Priority::Low, |_| {}).unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("second", ()).unwrap());
        let emission = soiree.emit("second", ()).unwrap();
        until("both wait", || {
            soiree.stats().get("http").unwrap().waiting == 2
        });
        until("it has been aborted", || soiree.pool_stats().active == 0);
        drop(go);
        assert!(emission.wait().aborted);
        let report = sync.join().unwrap();
        assert!(report.aborted);
    });
    soiree.close().unwrap();
}

/// L2: an abort by the last listener reaches those that have not started, and one by a listener elsewhere the report.
#[test]
fn an_abort_is_told_wherever_it_comes_from() {
    let soiree = with_http(1, 4);
    let (running, go) = held(&soiree, "hold", on_http());
    soiree.emit("hold", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_with("last", on_http().priority(Priority::High), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree.on("last", |event| event.set_aborted(true)).unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("last", ()).unwrap());
        until("its part waits", || {
            soiree.stats().get("http").unwrap().waiting == 1
        });
        let emission = soiree.emit("last", ()).unwrap();
        soiree.emit("other", ()).unwrap().wait();
        drop(go);
        assert!(sync.join().unwrap().aborted && emission.wait().aborted);
    });
    soiree
        .on_with("part", on_http(), |event| event.set_aborted(true))
        .unwrap();
    both_ways(&soiree, "part", |report| {
        assert!(report.aborted && !report.is_ok())
    });
    let event = BaseEvent::new("part", ());
    soiree.emit_event_sync(&event).unwrap();
    assert!(event.is_aborted());
    soiree.close().unwrap();
}

/// L6, P4: where the emission runs on the listener's own pool, or that pool's only worker waits for it, it runs there.
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
            // Runs on the default pool, and its listener on the pool whose only worker waits here.
            let leaf = soiree.emit("leaf", ()).unwrap();
            assert!(leaf.wait().is_ok());
            assert!(soiree.emit_sync("leaf", ()).unwrap().is_ok());
            assert!(soiree.emit("inner", ()).unwrap().wait().is_ok());
            let mut errors = soiree.emit("leaf", ()).unwrap().into_iter();
            assert!(errors.next().is_none());
        })
        .unwrap();
    both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    soiree.close().unwrap();
}

/// L5: limits on runs hold across pools, and a run that was refused is none.
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

/// L4: errors and panics of a listener elsewhere are those of any listener.
#[test]
fn errors_and_panics_elsewhere_are_reported() {
    let soiree = with_http(1, 4);
    soiree
        .on_with("a.b", on_http(), |_| Err::<(), _>("no"))
        .unwrap();
    soiree
        .on_with("a.b", on_http(), |_| -> () { panic!("oops") })
        .unwrap();
    soiree.on("a.b", |_| Err::<(), _>("neither")).unwrap();
    both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered, report.failed), (3, 3));
        let mut texts: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
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
