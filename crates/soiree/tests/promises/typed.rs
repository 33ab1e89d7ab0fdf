//! Topics and patterns with a payload type.

use std::sync::{Arc, Mutex};

use soiree::{
    EventPool, ListenerOptions, Priority, SubscribeError, TypedPattern, TypedTopic, WrongPayload,
};

pub(crate) struct Created {
    pub(crate) name: &'static str,
}

pub(crate) const CREATED: TypedTopic<Created> = TypedTopic::new("user.created");

const RENAMED: TypedTopic<Created> = TypedTopic::new("user.renamed");

const ANY: TypedPattern<Created> = TypedPattern::new("user.*");

/// L1: typed listeners are called like others, and get the payload itself.
#[test]
fn a_typed_topic_passes_its_payload_to_its_listeners() {
    let soiree = EventPool::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (Arc::clone(&seen), Arc::clone(&seen));
    CREATED
        .on(&soiree, move |user| {
            first.lock().unwrap().push(user.name.to_owned())
        })
        .unwrap();
    ANY.on_with(&soiree, Priority::High, move |user, event| {
        let line = format!("{} on {}", user.name, event.topic());
        second.lock().unwrap().push(line);
    })
    .unwrap();
    let report = CREATED
        .emit(&soiree, Created { name: "ann" })
        .unwrap()
        .wait();
    assert!(report.is_ok());
    let report = RENAMED.emit_sync(&soiree, Created { name: "bob" }).unwrap();
    assert_eq!(report.delivered(), 1);
    assert_eq!(
        *seen.lock().unwrap(),
        ["ann on user.created", "ann", "bob on user.renamed"]
    );
    soiree.close().unwrap();
}

/// E1: as the error of the typed listener; the others are called.
#[test]
fn a_wrong_payload_names_both_types() {
    let soiree = EventPool::new();
    CREATED.on(&soiree, |_| {}).unwrap();
    soiree.on("user.created", |_| {}).unwrap();
    let report = soiree.emit_sync("user.created", 7_u64).unwrap();
    assert_eq!((report.delivered(), report.failed()), (2, 1));
    let wrong: &WrongPayload = report.errors()[0].downcast_ref().unwrap();
    assert_eq!((&*wrong.topic, wrong.found), ("user.created", "u64"));
    assert!(wrong.expected.ends_with("Created"), "{wrong}");
}

/// E1: also on a topic without a type, and on the pool.
#[test]
fn a_wrong_payload_on_a_pattern_names_topic_and_pattern() {
    let soiree = EventPool::new();
    ANY.on(&soiree, |_| panic!("another type")).unwrap();
    let reports = [
        soiree.emit("user.deleted", ()).unwrap().wait(),
        soiree.emit_sync("user.deleted", ()).unwrap(),
    ];
    for report in reports {
        assert_eq!((report.delivered(), report.failed()), (1, 1));
        let wrong: &WrongPayload = report.errors()[0].downcast_ref().unwrap();
        let expected = std::any::type_name::<Created>();
        assert_eq!(
            wrong.to_string(),
            format!("on user.deleted a {expected} was expected, and it carries ()")
        );
        let text = report.errors()[0].to_string();
        assert!(text.contains("user.*"), "{text}");
    }
    // The error handler sees the same error, and may swallow it.
    soiree.set_error_handler(|_, error| {
        let error = error
            .downcast_ref::<WrongPayload>()
            .is_none()
            .then_some(error)?;
        Some(error)
    });
    assert!(soiree.emit_sync("user.deleted", 7_u8).unwrap().is_ok());
    soiree.close().unwrap();
}

/// W5: a typed listener that changes what it has captured is called for one event at a time, with the payload itself.
#[test]
fn a_typed_mutable_listener_sees_one_event_at_a_time() {
    const COUNT: TypedTopic<usize> = TypedTopic::new("count.up");
    const COUNTS: TypedPattern<usize> = TypedPattern::new("count.*");
    const EVENTS: usize = 200;

    let soiree = EventPool::builder()
        .waiting_capacity(4 * EVENTS)
        .build()
        .unwrap();
    let seen = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let (log, mut sum) = (Arc::clone(&seen), 0);
    COUNT
        .on_mut(&soiree, move |number| {
            sum += number;
            std::thread::yield_now();
            log.lock().unwrap().0.push(sum);
        })
        .unwrap();
    let (log, mut last) = (Arc::clone(&seen), 0);
    let options = ListenerOptions::new().name("last").max_concurrent(7);
    COUNTS
        .on_mut_with(&soiree, options, move |number, event| {
            last += number;
            let line = (event.topic().to_owned(), last);
            log.lock().unwrap().1.push(line);
        })
        .unwrap();
    let listeners = soiree.listeners_for("count.up").unwrap();
    assert_eq!(listeners[1].name.as_deref(), Some("last"));
    assert!(listeners.iter().all(|one| {
        let place = one.registered_at.unwrap();
        place.file().ends_with("typed.rs")
    }));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..EVENTS {
                assert!(COUNT.emit_sync(&soiree, 1).unwrap().is_ok());
            }
        });
        for _ in 0..EVENTS {
            drop(COUNT.emit(&soiree, 1).unwrap());
        }
    });
    let wrong = soiree.emit_sync("count.up", "no number").unwrap();
    assert_eq!((wrong.delivered(), wrong.failed()), (2, 2));
    assert!(wrong.errors()[0].downcast_ref::<WrongPayload>().is_some());
    soiree.close().unwrap();
    let (sums, lines) = std::mem::take(&mut *seen.lock().unwrap());
    assert!(sums.into_iter().eq(1..=2 * EVENTS));
    let expected = (1..=2 * EVENTS).map(|number| ("count.up".to_owned(), number));
    assert!(lines.into_iter().eq(expected));
}

/// E2
#[test]
fn a_typed_payload_comes_back_from_a_closed_pool() {
    let soiree = EventPool::new();
    soiree.close().unwrap();
    let rejected = CREATED.emit(&soiree, Created { name: "ann" }).unwrap_err();
    let payload = rejected.into_payload().ok();
    assert_eq!(payload.map(|created| created.name), Some("ann"));
    let rejected = CREATED.on(&soiree, |_| {}).unwrap_err();
    assert!(matches!(rejected, SubscribeError::Closed));
}
