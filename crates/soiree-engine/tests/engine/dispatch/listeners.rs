//! L1 to L5.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Priority};
use soiree_testkit::{Log, Recorder};

use crate::support::{BoxResult, Diary, both_ways, on_one_worker};

/// L1
#[test]
fn priorities_hold_across_all_patterns_and_registration_breaks_ties() -> BoxResult {
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
        soiree.listen(pattern, priority, Recorder::new().in_log(&log, name))?;
    }
    for _ in 0..3 {
        both_ways(&soiree, "user.created", |report| {
            assert_eq!(report.delivered, 7);
            log.heard_exactly([
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

/// L2
#[test]
fn aborting_stops_all_that_has_not_started_whatever_its_pattern() -> BoxResult {
    let soiree = EventPool::new();
    let (before, aborts, after) = (Recorder::new(), Recorder::aborting(), Recorder::new());
    soiree.listen("a.*", Priority::High, before.clone())?;
    soiree.listen("**", Priority::Normal, aborts.clone())?;
    soiree.listen("a.b", Priority::Low, after.clone())?;
    let mut emitted = 0;
    both_ways(&soiree, "a.b", |report| {
        emitted += 1;
        before.heard("a.b").times(emitted);
        aborts.heard("a.b").times(emitted);
        after.heard_nothing();
        assert!(report.aborted && !report.is_ok());
        assert_eq!(report.delivered, 2);
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

/// L2: so is an event whose last listener aborts it, though nothing was left to stop.
#[test]
fn an_event_that_its_last_listener_aborts_is_reported_as_aborted() -> BoxResult {
    let soiree = EventPool::new();
    soiree.on("a.b", |event| event.set_aborted(true))?;
    both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered, report.aborted), (1, true));
    });
    Ok(())
}

/// L1, L5: a listener sees what its filter lets through, and nothing else takes one of its runs.
#[test]
fn a_filter_decides_what_a_listener_sees_and_what_counts_as_a_run() -> BoxResult {
    let soiree = EventPool::new();
    let diary = Diary::default();
    let heard = diary.clone();
    let large = ListenerOptions::new()
        .filter(|event| event.payload_as::<u32>().is_some_and(|number| *number > 9))
        .max_runs(2);
    soiree.on_with("number", large, move |event| {
        let number = event.payload_as::<u32>().expect("the filter saw a number");
        heard.note(number.to_string());
    })?;
    let delivered: Vec<u64> = [1_u32, 10, 2, 3, 11, 12, 4]
        .into_iter()
        .map(|number| {
            soiree
                .emit_sync("number", number)
                .map(|report| report.delivered)
        })
        .collect::<Result<_, _>>()?;
    assert_eq!(delivered, [0, 1, 0, 0, 1, 0, 0]);
    assert_eq!(diary.take(), ["10", "11"]);
    Ok(())
}

/// L3
#[test]
fn a_listener_may_call_anything_on_its_own_event_pool() -> BoxResult {
    let soiree = on_one_worker(0);
    let inner = soiree.downgrade();
    let done = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&done);
    soiree.on(
        "outer",
        move |_| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let soiree = inner.upgrade().ok_or("gone")?;
            let id = soiree.on("inner", |_| {})?;
            assert_eq!(soiree.emit_sync("inner", ())?.delivered, 1);
            assert_eq!(soiree.emit("inner", ())?.wait().delivered, 1);
            let topic = soiree.topic("inner")?;
            let other = topic.add_listener(|_| {})?;
            topic.remove_listener(&other)?;
            soiree.ensure_topic("other")?;
            soiree.off("inner", &id)?;
            soiree.set_error_buffer(3);
            assert!(soiree.close().is_err());
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        },
    )?;
    assert!(soiree.emit("outer", ())?.wait().is_ok());
    assert!(soiree.emit_sync("outer", ())?.is_ok());
    assert_eq!(done.load(Ordering::SeqCst), 2);
    soiree.close()?;
    Ok(())
}

/// L3
#[test]
fn an_emission_calls_those_who_are_subscribed_when_it_starts() -> BoxResult {
    let soiree = EventPool::new();
    let diary = Diary::default();
    let last = Arc::new(Mutex::new(None));
    let (weak, notes, to_go) = (soiree.downgrade(), diary.clone(), Arc::clone(&last));
    soiree.on_with("topic", Priority::High, move |_| {
        let soiree = weak.upgrade().unwrap();
        let notes = notes.clone();
        soiree.on("topic", move |_| notes.note("new")).unwrap();
        if let Some(id) = to_go.lock().unwrap().take() {
            soiree.off("topic", &id).unwrap();
        }
    })?;
    let notes = diary.clone();
    *last.lock().unwrap() =
        Some(soiree.on_with("topic", Priority::Low, move |_| notes.note("old"))?);
    soiree.emit("topic", ())?.wait();
    assert_eq!(diary.take(), ["old"], "as it was when it started");
    soiree.emit_sync("topic", ())?;
    assert_eq!(diary.take(), ["new"], "as it was changed");
    Ok(())
}

/// What a listener holds, and what is run as the listener is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// L3: a listener is dropped outside every lock, so that its drop may call anything, too.
#[test]
fn dropping_a_listener_may_call_its_own_event_pool() -> BoxResult {
    let soiree = on_one_worker(8);
    let dropped = Diary::default();
    let listener = |name: &'static str| {
        let (weak, dropped) = (soiree.downgrade(), dropped.clone());
        let held = OnDrop(move || {
            let soiree = weak.upgrade().unwrap();
            let added = soiree.on("added", |_| {}).map(|id| {
                assert!(!soiree.is_empty());
                soiree.off("added", &id).unwrap();
            });
            dropped.note(format!("{name} {}", added.is_ok()));
        });
        move |_: &dyn soiree_core::Event| {
            let _ = &held;
        }
    };
    let id = soiree.on("t", listener("off"))?;
    soiree.off("t", &id)?;
    soiree.on_with("t", ListenerOptions::new().once(), listener("once"))?;
    soiree.emit_sync("t", ())?;
    soiree.set_id_generator(|| "same");
    soiree.on("t", listener("close"))?;
    assert!(soiree.on("t", listener("refused")).is_err());
    soiree.close()?;
    assert_eq!(
        dropped.take(),
        ["off true", "once true", "refused true", "close false"]
    );
    Ok(())
}

/// L4
#[test]
fn a_panicking_listener_does_not_stop_the_others_and_is_told_with_topic_and_listener() -> BoxResult
{
    let soiree = on_one_worker(8);
    let panics = Diary::default();
    let seen = panics.clone();
    soiree.set_panic_handler(move |panic| {
        seen.note(format!(
            "{} {} {}",
            panic.topic,
            panic.name.unwrap_or("-"),
            panic.message
        ));
        panic!("handlers may panic, too");
    });
    let ran = Arc::new(AtomicU64::new(0));
    let patterns = ["a.b", "a.*", "**", "a.**", "*.b"];
    for number in 0..10 {
        let ran = Arc::clone(&ran);
        let options = ListenerOptions::new().name(format!("listener {number}"));
        soiree.on_with(patterns[number % 5], options, move |_| {
            assert!(number != 4, "number {number}");
            ran.fetch_add(1, Ordering::SeqCst);
        })?;
    }
    both_ways(&soiree, "a.b", |report| {
        assert_eq!(ran.swap(0, Ordering::SeqCst), 9);
        assert_eq!(panics.take(), ["a.b listener 4 number 4"]);
        assert_eq!(
            (report.delivered, report.failed, report.errors.len()),
            (10, 1, 1)
        );
        assert!(report.errors[0].is_panic());
        assert_eq!(report.errors[0].pattern(), "*.b");
    });
    assert_eq!(soiree.pool_stats().failed, 0, "the pool saw no panic");
    Ok(())
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(Bomb);
    }
}

/// L4: whatever user code panics, and however.
#[test]
fn panics_of_filters_handlers_payloads_and_drops_are_contained() -> BoxResult {
    let soiree = on_one_worker(8);
    soiree.set_error_handler(|_, _| panic!("an error handler"));
    soiree.set_dead_event_handler(|_| panic!("a dead event handler"));
    soiree.on("x", |_| std::panic::panic_any(Bomb))?;
    soiree.on_with(
        "x",
        ListenerOptions::new().filter(|_| panic!("a filter")),
        |_| {},
    )?;
    let bomb = Bomb;
    let id = soiree.on("bomb", move |_| {
        let _ = &bomb;
    })?;
    let report = soiree.emit("x", ())?.wait();
    assert_eq!(
        (report.failed, report.errors.len()),
        (2, 2),
        "nothing was lost by the handler"
    );
    soiree.off("bomb", &id)?;
    assert!(soiree.emit("nobody", ())?.wait().is_ok());
    Ok(())
}

/// L5
#[test]
fn once_and_max_runs_are_exact_under_concurrent_emits() -> BoxResult {
    let soiree = EventPool::new();
    let (once, seven) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counted = |count: &Arc<AtomicU64>| {
        let count = Arc::clone(count);
        move |_: &dyn soiree_core::Event| {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    for _ in 0..50 {
        soiree.on_with("t", ListenerOptions::new().once(), counted(&once))?;
        soiree.on_with("*", ListenerOptions::new().max_runs(7), counted(&seven))?;
        let starting = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    starting.wait();
                    for _ in 0..2 {
                        soiree.emit_sync("t", ()).unwrap();
                        let _ = soiree.emit("t", ()).unwrap();
                    }
                });
            }
        });
        soiree.emit("t", ())?.wait();
        assert!(
            soiree.is_empty(),
            "those whose runs are used up are taken off"
        );
    }
    soiree.close()?;
    assert_eq!(
        (once.load(Ordering::SeqCst), seven.load(Ordering::SeqCst)),
        (50, 350)
    );
    Ok(())
}

/// L5: and what could never run is refused.
#[test]
fn zero_runs_are_refused() {
    let refused = EventPool::new().on_with("t", ListenerOptions::new().max_runs(0), |_| {});
    assert_eq!(refused, Err(soiree_core::SubscribeError::ZeroRuns));
}
