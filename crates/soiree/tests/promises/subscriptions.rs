//! Subscriptions that end when their guard or their group is dropped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use soiree::{
    EmitError, EventPool, ListenerOptions, Priority, Soiree, SubscribeError, Subscription,
    Subscriptions,
};

use crate::typed::{CREATED, Created};

/// T3: a dropped guard removes its listener, and a forgotten one does not.
#[test]
fn a_guard_removes_its_listener() {
    let soiree = EventPool::new();
    let guard = |pattern: &str| -> Subscription {
        soiree.guard(pattern, soiree.on(pattern, |_| {}).unwrap())
    };
    let (kept, dropped) = (guard("a.*"), guard("b.*"));
    assert_eq!((kept.pattern(), soiree.len()), ("a.*", 2));
    drop(dropped);
    let id = kept.forget();
    assert_eq!(soiree.len(), 1);
    soiree.off("a.*", &id).unwrap();
    assert!(soiree.is_empty());
    // It is no error if the listener is removed already.
    let id = soiree
        .on_with("a.b", ListenerOptions::new().once(), |_| {})
        .unwrap();
    let exhausted = soiree.guard("a.b", id);
    soiree.emit_sync("a.b", ()).unwrap();
    drop(exhausted);
}

/// L3: a guard may be dropped by the listener that it guards.
#[test]
fn a_listener_may_drop_its_own_guard() {
    let soiree = EventPool::new();
    let own: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let (inner, runs) = (Arc::clone(&own), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&runs);
    let id = soiree
        .on("a.b", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let guard = inner.lock().unwrap().take();
            drop(guard);
        })
        .unwrap();
    *own.lock().unwrap() = Some(soiree.guard("a.b", id));
    for _ in 0..3 {
        soiree.emit("a.b", ()).unwrap().wait();
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// E4: guards and groups may outlive the close.
#[test]
fn guards_and_groups_may_be_dropped_after_a_close() {
    let soiree = EventPool::new();
    let guard = soiree.guard("a.b", soiree.on("a.b", |_| {}).unwrap());
    let kept = soiree.guard("a.b", soiree.on("a.b", |_| {}).unwrap());
    let group = soiree.group();
    group.on("a.b", |_| {}).unwrap();
    soiree.close().unwrap();
    assert!(group.is_empty());
    let rejected = group.on("a.b", |_| {}).unwrap_err();
    assert!(matches!(rejected, SubscribeError::Closed));
    drop((guard, group));
    let _ = kept.forget();
}

/// L3: a listener may drop or clear its own group, and no listener of the group is called afterwards.
#[test]
fn a_listener_may_drop_its_own_group() {
    for drops in [true, false] {
        let soiree = EventPool::new();
        let own: Arc<Mutex<Option<Arc<Subscriptions>>>> = Arc::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let group = Arc::new(soiree.group());
        for _ in 0..3 {
            let (inner, count) = (Arc::clone(&own), Arc::clone(&runs));
            group
                .on("a.b", move |_| {
                    count.fetch_add(1, Ordering::SeqCst);
                    let group = inner.lock().unwrap().take();
                    if let (false, Some(group)) = (drops, &group) {
                        group.clear();
                    }
                    drop(group);
                })
                .unwrap();
        }
        let weak = Arc::downgrade(&group);
        *own.lock().unwrap() = Some(group);
        // Listeners that are removed while the emission runs may still run in it, but never later.
        soiree.emit("a.b", ()).unwrap().wait();
        let ran = runs.load(Ordering::SeqCst);
        assert!((1..=3).contains(&ran) && soiree.is_empty());
        assert!(weak.upgrade().is_none());
        assert_eq!(soiree.emit("a.b", ()).unwrap().wait().delivered(), 0);
        assert_eq!(runs.load(Ordering::SeqCst), ran);
        soiree.close().unwrap();
    }
}

/// T3, L3: a thousand listeners are removed at once while four threads emit, and none is called afterwards.
#[test]
fn a_large_group_is_removed_while_events_are_emitted() {
    let soiree = EventPool::new();
    let group = soiree.group();
    let gone = AtomicBool::new(false);
    let late = Arc::new(AtomicUsize::new(0));
    for number in 0..1_000 {
        let late = Arc::clone(&late);
        let pattern = ["a.*", "*.b", "a.b", "**"][number % 4];
        group
            .on(pattern, move |event| {
                let was_gone = *event.payload_as::<bool>().unwrap();
                late.fetch_add(usize::from(was_gone), Ordering::SeqCst);
            })
            .unwrap();
    }
    let starting = Barrier::new(5);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                starting.wait();
                for _ in 0..50 {
                    let is_gone = gone.load(Ordering::SeqCst);
                    soiree.emit_sync("a.b", is_gone).unwrap();
                }
            });
        }
        starting.wait();
        group.clear();
        gone.store(true, Ordering::SeqCst);
    });
    assert!(soiree.is_empty() && group.is_empty());
    assert_eq!(late.load(Ordering::SeqCst), 0);
    soiree.close().unwrap();
}

/// T3: whatever has removed them.
#[test]
fn a_group_does_not_count_removed_listeners() {
    let soiree = EventPool::new();
    let group = soiree.group();
    let stays = group.on("a.c", |_| {}).unwrap();
    let first = group.on("a.b", |_| {}).unwrap();
    let once = ListenerOptions::new().once();
    for _ in 0..100 {
        group.on_with("a.b", once.clone(), |_| {}).unwrap();
    }
    assert_eq!(group.len(), 102);
    soiree.emit_sync("a.b", ()).unwrap();
    assert_eq!(group.len(), 2);
    soiree.off("a.b", &first).unwrap();
    assert_eq!(group.len(), 1);
    // A guard with another pattern removes nothing.
    drop(soiree.guard("a.*", stays));
    assert_eq!(group.len(), 1);
    drop(soiree);
    assert!(group.is_empty());
}

/// T3: all at once, those of typed topics as well, and no others.
#[test]
fn a_group_removes_all_its_listeners() {
    let soiree = EventPool::new();
    soiree.on("user.created", |_| {}).unwrap();
    let group = soiree.group();
    let first = group.on("user.*", |_| {}).unwrap();
    group.on_with("user.*", Priority::High, |_| {}).unwrap();
    CREATED.on(&group, |_| {}).unwrap();
    assert_eq!((group.len(), soiree.len()), (3, 4));
    let report = CREATED.emit_sync(&group, Created { name: "ann" }).unwrap();
    assert_eq!(report.delivered(), 4);
    group.unsubscribe("user.*", &first).unwrap();
    assert_eq!((group.len(), soiree.len()), (2, 3));
    group.clear();
    assert!(group.is_empty());
    assert_eq!(soiree.len(), 1);
    group.on("user.*", |_| {}).unwrap();
    drop(group);
    assert_eq!(soiree.len(), 1);
    let group = soiree.group();
    group.on("user.*", |_| {}).unwrap();
    group.forget();
    assert_eq!(soiree.len(), 2);
}

/// E5: afterwards, a group reports that the event pool is closed.
#[test]
fn guards_and_groups_do_not_keep_the_event_pool_alive() {
    let soiree = EventPool::new();
    let weak = soiree.downgrade();
    let guard = soiree.guard("a.b", soiree.on("a.b", |_| {}).unwrap());
    let group = soiree.group();
    let id = group.on("a.b", |_| {}).unwrap();
    drop(soiree);
    assert!(weak.upgrade().is_none());
    drop(guard);
    let rejected = group.on("a.b", |_| {}).unwrap_err();
    assert!(matches!(rejected, SubscribeError::Closed));
    let rejected = CREATED.emit(&group, Created { name: "ann" }).unwrap_err();
    let error = rejected.error();
    assert!(matches!(error, EmitError::Closed { topic, .. } if &**topic == "user.created"));
    assert!(rejected.into_payload().is_ok());
    group.unsubscribe("a.b", &id).unwrap();
}

/// T3: an ID generator may give a name again once it is free. The listener that has it now is not that of the guard or the group.
#[test]
fn guards_and_groups_remove_no_listener_that_has_got_the_same_id() {
    let soiree = EventPool::new();
    soiree.set_id_generator(|| "the same");
    let once = || ListenerOptions::new().once();
    let other_stays = |what: &str| {
        assert_eq!(soiree.len(), 1, "{what}");
        soiree.off("a.b", &"the same".into()).unwrap();
    };

    let guard = soiree.guard("a.b", soiree.on_with("a.b", once(), |_| {}).unwrap());
    soiree.emit_sync("a.b", ()).unwrap();
    soiree.on("a.b", |_| {}).unwrap();
    drop(guard);
    other_stays("after its last run");

    let guard = soiree.guard("a.b", soiree.on("a.b", |_| {}).unwrap());
    soiree.off("a.b", guard.id()).unwrap();
    soiree.on("a.b", |_| {}).unwrap();
    drop(guard);
    other_stays("after it was removed");

    let group = soiree.group();
    group.on_with("a.b", once(), |_| {}).unwrap();
    soiree.emit_sync("a.b", ()).unwrap();
    soiree.on("a.b", |_| {}).unwrap();
    assert!(group.is_empty());
    drop(group);
    other_stays("after the last run of the group's");

    let guard = soiree.guard("a.b", "the same".into());
    soiree.on("a.b", |_| {}).unwrap();
    drop(guard);
    other_stays("the guard was there first");
}

/// T1, T3: patterns that are spelled differently and match the same topics are one pattern.
#[test]
fn guards_and_groups_compare_patterns_and_not_their_spelling() {
    let soiree = EventPool::new();
    soiree.set_id_generator(|| "the same");
    let group = soiree.group();
    let id = group.on("a.**.**", |_| {}).unwrap();
    group.unsubscribe("a.**.**", &id).unwrap();
    assert!(soiree.is_empty());
    soiree.on("a.**", |_| {}).unwrap();
    drop(group);
    assert_eq!(soiree.len(), 1);
    drop(soiree.guard("a.**.**.**", id));
    assert!(soiree.is_empty());
}

/// W5, T3: a closure of a group may change what it has captured; it is called for one event at a time, and removed with its group.
#[test]
fn a_group_has_listeners_that_change_what_they_have_captured() {
    let soiree = EventPool::with_pool(soiree::WorkerPool::new(4, 64).unwrap());
    let group = soiree.group();
    let (sender, counts) = std::sync::mpsc::channel();
    let mut count = 0;
    group
        .on_mut("a.*", move |_| {
            count += 1;
            sender.send(count).unwrap();
        })
        .unwrap();
    let mut limited = 0;
    group
        .on_mut_with("a.*", ListenerOptions::new().max_runs(2), move |_| {
            limited += 1;
            assert!(limited <= 2);
        })
        .unwrap();
    let emissions: Vec<_> = (0..20).map(|_| soiree.emit("a.b", ()).unwrap()).collect();
    assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!(
        counts.try_iter().collect::<Vec<_>>(),
        Vec::from_iter(1..=20)
    );
    assert_eq!(group.len(), 1);
    drop(group);
    assert!(soiree.is_empty());
    soiree.close().unwrap();
}
