//! Panics of listeners and of other user code that dispatch calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use soiree_core::ListenerOptions;

use crate::support::{CallLog, TestResult, emit_both_ways, on_one_worker};

/// L4
#[test]
fn a_panicking_listener_does_not_stop_the_others_and_is_reported_with_topic_and_name() -> TestResult
{
    let soiree = on_one_worker(8);
    let panics = CallLog::default();
    let seen = panics.clone();
    soiree.set_panic_handler(move |panic| {
        seen.record(format!(
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
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!(ran.swap(0, Ordering::SeqCst), 9);
        assert_eq!(panics.take(), ["a.b listener 4 number 4"]);
        assert_eq!(
            (report.delivered(), report.failed(), report.errors().len()),
            (10, 1, 1)
        );
        assert!(report.errors()[0].is_panic());
        assert_eq!(report.errors()[0].pattern(), "*.b");
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

/// L4: in all user code, and with any panic payload.
#[test]
fn panics_of_filters_handlers_payloads_and_drops_are_contained() -> TestResult {
    let soiree = on_one_worker(8);
    soiree.set_error_handler(|_, _| panic!("an error handler"));
    soiree.set_unheard_event_handler(|_| panic!("an unheard event handler"));
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
        (report.failed(), report.errors().len()),
        (2, 2),
        "nothing was lost by the handler"
    );
    soiree.off("bomb", &id)?;
    assert!(soiree.emit("nobody", ())?.wait().is_ok());
    Ok(())
}
