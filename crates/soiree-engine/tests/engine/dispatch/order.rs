//! Which listeners of an event are called, and in which order.

use std::sync::{Arc, Mutex};

use soiree::EventPool;
use soiree_core::Priority;
use soiree_testkit::{Log, Recorder};

use crate::support::{CallLog, TestResult, emit_both_ways};

/// L1
#[test]
fn priorities_hold_across_all_patterns_and_registration_breaks_ties() -> TestResult {
    let soiree = EventPool::new();
    let subscriptions = [
        ("**", Priority::Normal, "normal 1"),
        ("user.created", Priority::Lowest, "lowest"),
        ("user.*", Priority::Highest, "highest"),
        ("user.created", Priority::Normal, "normal 2"),
        ("*.created", Priority::High, "high"),
        ("user.**", Priority::Low, "low"),
        ("*.*", Priority::Normal, "normal 3"),
    ];
    let log = Log::new();
    for (pattern, priority, name) in subscriptions {
        soiree.listen_with(pattern, priority, Recorder::new().in_log(&log, name))?;
    }
    for _ in 0..3 {
        emit_both_ways(&soiree, "user.created", |report| {
            assert_eq!(report.delivered(), 7);
            log.assert_entries([
                ("highest", "user.created"),
                ("high", "user.created"),
                ("normal 1", "user.created"),
                ("normal 2", "user.created"),
                ("normal 3", "user.created"),
                ("low", "user.created"),
                ("lowest", "user.created"),
            ]);
            log.clear();
        });
    }
    Ok(())
}

/// L1: also between a topic and patterns that match it.
#[test]
fn priority_holds_across_patterns() -> TestResult {
    let soiree = EventPool::new();
    let calls = CallLog::default();
    for (pattern, priority) in [
        ("t.x", Priority::Low),
        ("**", Priority::High),
        ("t.*", Priority::Normal),
    ] {
        let calls = calls.clone();
        soiree.on_with(pattern, priority, move |_| calls.record(pattern))?;
    }
    soiree.emit("t.x", ())?.wait();
    assert_eq!(calls.take(), ["**", "t.*", "t.x"]);
    Ok(())
}

/// T1
#[test]
fn wildcards_fan_out() -> TestResult {
    let soiree = EventPool::new();
    let calls = CallLog::default();
    let patterns = [
        "event.some.*.*",
        "event.some.*.run",
        "event.some.**",
        "**.thing.run",
    ];
    for pattern in patterns {
        let calls = calls.clone();
        soiree.on(pattern, move |_| calls.record(pattern))?;
    }
    soiree.emit("event.some.thing.run", ())?.wait();
    assert_eq!(calls.take(), patterns);
    soiree.emit("event.some.thing.do", ())?.wait();
    assert_eq!(calls.take(), ["event.some.*.*", "event.some.**"]);
    soiree.emit("event.some.thing", ())?.wait();
    assert_eq!(calls.take(), ["event.some.**"]);
    Ok(())
}

/// L2
#[test]
fn an_abort_skips_every_listener_that_has_not_started_whatever_its_pattern() -> TestResult {
    let soiree = EventPool::new();
    let (before, aborts, after) = (Recorder::new(), Recorder::aborting(), Recorder::new());
    soiree.listen_with("a.*", Priority::High, before.clone())?;
    soiree.listen_with("**", Priority::Normal, aborts.clone())?;
    soiree.listen_with("a.b", Priority::Low, after.clone())?;
    let mut emitted = 0;
    emit_both_ways(&soiree, "a.b", |report| {
        emitted += 1;
        before.assert_received("a.b").times(emitted);
        aborts.assert_received("a.b").times(emitted);
        after.assert_no_events();
        assert!(report.is_aborted() && !report.is_ok());
        assert_eq!(report.delivered(), 2);
        assert!(
            report
                .into_result()
                .unwrap_err()
                .to_string()
                .contains("aborted")
        );
    });
    Ok(())
}

/// L2: even if no listener was left to skip.
#[test]
fn an_event_that_its_last_listener_aborts_is_reported_as_aborted() -> TestResult {
    let soiree = EventPool::new();
    soiree.on("a.b", |event| event.set_aborted(true))?;
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered(), report.is_aborted()), (1, true));
    });
    Ok(())
}

/// L3
#[test]
fn an_emission_calls_the_listeners_that_are_subscribed_when_it_starts() -> TestResult {
    let soiree = EventPool::new();
    let calls = CallLog::default();
    let last = Arc::new(Mutex::new(None));
    let (weak, log, removed) = (soiree.downgrade(), calls.clone(), Arc::clone(&last));
    soiree.on_with("topic", Priority::High, move |_| {
        let soiree = weak.upgrade().unwrap();
        let log = log.clone();
        soiree.on("topic", move |_| log.record("new")).unwrap();
        if let Some(id) = removed.lock().unwrap().take() {
            soiree.off("topic", &id).unwrap();
        }
    })?;
    let log = calls.clone();
    *last.lock().unwrap() =
        Some(soiree.on_with("topic", Priority::Low, move |_| log.record("old"))?);
    soiree.emit("topic", ())?.wait();
    assert_eq!(calls.take(), ["old"], "as it was when it started");
    soiree.emit_sync("topic", ())?;
    assert_eq!(calls.take(), ["new"], "as it was changed");
    Ok(())
}
