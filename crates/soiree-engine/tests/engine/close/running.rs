//! The emissions that still run when a close has missed its deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{BaseEvent, EventId, Pool, Retry};
use soiree_engine::{CloseError, CutOffCause};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, TIME_LIMIT, named, on_one_worker, wait_until, worker_pool};

/// Closes with a deadline that has passed. Returns how many still run, those that are named, and the whole error.
fn cut_off(soiree: &EventPool) -> (u64, Vec<(String, Option<EventId>)>, CloseError) {
    let error = soiree.close_with_deadline(Instant::now()).unwrap_err();
    let CloseError::DrainTimeout {
        running, described, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    let listed = described.iter();
    let listed = listed.filter(|one| one.cause == CutOffCause::Running);
    let listed = listed.map(|one| (one.topic.to_string(), one.id)).collect();
    (*running, listed, error)
}

fn topics(listed: &[(String, Option<EventId>)]) -> Vec<&str> {
    let mut topics: Vec<&str> = listed.iter().map(|(topic, _)| &**topic).collect();
    topics.sort_unstable();
    topics
}

/// E4: a close that misses its deadline names what runs, by the whole topic, and by the ID if somebody has asked for it.
#[test]
fn running_emissions_are_named() {
    let lengths = [1, 7, 8, 9, 15, 16, 26, 27, 28, 32, 33, 248, 254, 255];
    let soiree = EventPool::with_pool(worker_pool("default", lengths.len() + 2, 16));
    let (block, blocker) = Blocker::new();
    let (seen, ids) = channel();
    let listener = move |event: &dyn soiree_core::Event| {
        // Every second one asks for the ID.
        let id = (event.topic().len() % 2 == 0).then(|| event.id());
        seen.send((event.topic().to_owned(), id)).unwrap();
        block();
    };
    soiree.on("**", listener).unwrap();
    // No two words of it are the same.
    let letters: String = (0..255_u32)
        .map(|number| char::from_digit(number * number % 31 % 29, 36).unwrap())
        .collect();
    let mut expected = BTreeMap::new();
    for length in lengths {
        soiree.emit(&letters[..length], ()).unwrap();
    }
    // The IDs of these are known before they run, or at no time.
    let own = BaseEvent::new("own.id", ()).with_id(EventId::from(7));
    soiree.emit_event(own).unwrap();
    soiree.emit_event(BaseEvent::new("no.own.id", ())).unwrap();
    for _ in 0..lengths.len() + 2 {
        let (topic, id) = ids.recv_timeout(TIME_LIMIT).unwrap();
        expected.insert(topic, id);
        blocker.wait_started();
    }
    expected.insert("own.id".into(), Some(EventId::from(7)));
    let (running, listed, error) = cut_off(&soiree);
    assert_eq!(running, 16);
    assert_eq!(listed.len(), 16);
    assert_eq!(BTreeMap::from_iter(listed), expected);
    let text = error.to_string();
    assert!(text.contains(": 16 still running ("), "{text}");
    assert!(text.contains("no.own.id, own.id"), "{text}");
}

/// E4, E6: what runs is named first, and at most 16 are described, all together. What has ended is not named.
#[test]
fn running_emissions_are_named_before_others() {
    let soiree = on_one_worker(64);
    soiree.on("ended", |_| ()).unwrap();
    soiree.emit("ended", ()).unwrap().wait();
    let blocker = Blocker::on(&soiree, "a.running", named("holds"));
    soiree.on("a.*", |_| ()).unwrap();
    soiree.emit("a.running", ()).unwrap();
    blocker.wait_started();
    for _ in 0..20 {
        soiree.emit("a.waiting", ()).unwrap();
    }
    let (running, listed, error) = cut_off(&soiree);
    assert_eq!((running, topics(&listed)), (1, vec!["a.running"]));
    let CloseError::DrainTimeout { described, .. } = &error else {
        unreachable!()
    };
    assert_eq!(described.len(), 16);
    assert_eq!(described[0].cause, CutOffCause::Running);
    let counts = "1 still running (a.running), 20 discarded (a.waiting, …)";
    assert!(error.to_string().ends_with(counts), "{error}");
}

/// E4, E3: a worker may run an emission inside another one that waits for it. Both are named.
#[test]
fn emissions_inside_one_another_are_named() {
    let soiree = on_one_worker(8);
    let handle = soiree.downgrade();
    let outer = move |_: &dyn soiree_core::Event| {
        let soiree = handle.upgrade().unwrap();
        soiree.emit("inner.first", ()).unwrap().wait();
        soiree.emit("inner.second", ()).unwrap().wait();
    };
    soiree.on("outer", outer).unwrap();
    soiree.on("inner.first", |_| ()).unwrap();
    let blocker = Blocker::on(&soiree, "inner.second", named("holds"));
    soiree.emit("outer", ()).unwrap();
    blocker.wait_started();
    let (running, listed, _) = cut_off(&soiree);
    assert_eq!(running, 2);
    assert_eq!(topics(&listed), ["inner.second", "outer"]);
}

/// E4, L6: an emission whose listeners run on several pools is named once; one whose listeners have returned is not, and neither are
/// those of another `EventPool`, nor those of `emit_sync`.
#[test]
fn an_emission_is_named_once() {
    let shared = Arc::new(worker_pool("shared", 3, 8));
    let soiree = EventPool::builder()
        .pool(Arc::clone(&shared))
        .bulkhead("own", worker_pool("own", 1, 8))
        .build()
        .unwrap();
    let other = EventPool::with_pool(Arc::clone(&shared));
    let elsewhere = Blocker::on(&other, "other", named("holds"));
    other.emit("other", ()).unwrap();
    elsewhere.wait_started();
    let own = Blocker::on(&soiree, "twice", named("own").pool("own"));
    let holds = Blocker::on(&soiree, "twice", named("holds"));
    soiree.emit("twice", ()).unwrap();
    own.wait_started();
    holds.wait_started();
    let retried = named("retried").retry(Retry::fixed(std::time::Duration::ZERO, 2));
    let (block, again) = Blocker::new();
    let fails_at_first = move |event: &dyn soiree_core::Event| match event.attempt() {
        1 => Err("no"),
        _ => {
            block();
            Ok(())
        }
    };
    soiree.on_with("retried", retried, fails_at_first).unwrap();
    soiree.emit("retried", ()).unwrap();
    again.wait_started();
    let sync = Blocker::on(&soiree, "sync", named("holds"));
    let handle = soiree.clone();
    let emitting = thread::spawn(move || handle.emit_sync("sync", ()).unwrap().delivered());
    sync.wait_started();
    let (running, listed, _) = cut_off(&soiree);
    assert_eq!(running, 3);
    assert_eq!(topics(&listed), ["retried", "twice"]);
    let (running, listed, _) = cut_off(&other);
    assert_eq!((running, topics(&listed)), (1, vec!["other"]));
    drop(sync);
    assert_eq!(emitting.join().unwrap(), 1);
    drop((own, holds, again, elsewhere));
    wait_until("all have ended", || soiree.stats().in_flight == 0);
    shared.release();
}

/// E4, L9: so is one whose remaining listeners another worker calls, after one that has timed out.
#[test]
fn the_listeners_after_a_timeout_are_named() {
    let timer = soiree_testkit::ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 8).unwrap())
        .timer(timer.clone())
        .build()
        .unwrap();
    let limit = std::time::Duration::from_secs(1);
    let first = Blocker::on(&soiree, "a.*", named("slow").timeout(limit));
    let second = Blocker::on(&soiree, "a.*", named("holds"));
    soiree.emit("a.b", ()).unwrap();
    first.wait_started();
    timer.advance(limit);
    second.wait_started();
    first.release();
    wait_until("the first has returned", || soiree.pool_stats().active == 1);
    let (running, listed, _) = cut_off(&soiree);
    assert_eq!((running, topics(&listed)), (1, vec!["a.b"]));
}
