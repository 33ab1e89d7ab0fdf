//! Errors that nobody reads and no handler is called for.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Event, ListenerOptions, Priority};

use crate::support::{Blocker, named, on_one_worker, printed_lines};

/// An event pool with a listener that fails for `fail` and panics for `panic`.
fn failing() -> EventPool {
    let soiree = on_one_worker(256);
    let fails = named("fails");
    let listener = |_: &dyn Event| Err::<(), _>("no\ndisk");
    soiree.on_with("fail", fails, listener).unwrap();
    soiree
        .on_with("panic", named("panics"), |_| panic!("no memory"))
        .unwrap();
    soiree
}

/// Waits until all emissions have ended.
fn drain(soiree: &EventPool) {
    soiree.on("drain", |_| ()).unwrap();
    soiree.emit("drain", ()).unwrap().wait();
}

/// E1: an error whose emission nobody holds is one line on stderr, which names the place that has registered the listener; before a close
/// returns. So is a panic.
#[test]
fn an_error_that_nobody_reads_is_printed() {
    let name = "emit::unhandled::an_error_that_nobody_reads_is_printed";
    let Some(lines) = printed_lines(name, || {
        let soiree = failing();
        soiree.emit("fail", ()).unwrap();
        drain(&soiree);
        // The handle is dropped after the end.
        let ended = soiree.emit("panic", ()).unwrap();
        drain(&soiree);
        drop(ended);
        // Nothing runs between the close and the end of the process.
        let blocker = Blocker::worker(&soiree);
        soiree.emit("fail", ()).unwrap();
        blocker.release();
        soiree.close().unwrap();
        std::process::exit(0);
    }) else {
        return;
    };
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, cause) in lines.iter().zip(["fail", "panic", "fail"]) {
        let (start, end) = match cause {
            "fail" => ("listener fails on fail", "failed for fail: no disk"),
            _ => ("listener panics on panic", "panicked for panic: no memory"),
        };
        let start = format!("soiree: unhandled error: {start} (registered at ");
        assert!(line.starts_with(&start), "{line}");
        assert!(line.contains("unhandled.rs:"), "{line}");
        assert!(line.ends_with(end), "{line}");
    }
}

/// E1: a report that is waited for, on a thread or in a future, is read; so is each error that an iterator yields, but not those after it.
#[test]
fn errors_that_somebody_reads_are_not_printed() {
    let name = "emit::unhandled::errors_that_somebody_reads_are_not_printed";
    let Some(lines) = printed_lines(name, || {
        let soiree = failing();
        let emit = || soiree.emit("fail", ()).unwrap();
        assert_eq!(emit().wait().failed(), 1);
        assert_eq!(emit().wait_timeout(Duration::MAX).unwrap().failed(), 1);
        assert_eq!(pollster::block_on(async { emit().await }).failed(), 1);
        assert_eq!(emit().errors().count(), 1);
        assert_eq!(emit().into_iter().count(), 1);
        assert_eq!(soiree.emit_sync("fail", ()).unwrap().failed(), 1);
        let ended = emit();
        drain(&soiree);
        assert_eq!(ended.wait().failed(), 1);
        drop(ended);
        let listener = |_: &dyn Event| Err::<(), _>("second");
        soiree.on_with("fail", named("second"), listener).unwrap();
        let two = emit();
        drain(&soiree);
        let first = two.errors().next().unwrap();
        assert_eq!(first.name(), Some("fails"));
        drop(two);
        soiree.close().unwrap();
    }) else {
        return;
    };
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("listener second"), "{lines:?}");
}

/// E1: what a handler was called for is not printed, whatever the handler returns. The panic handler sees panics.
#[test]
fn errors_that_reach_a_handler_are_not_printed() {
    let name = "emit::unhandled::errors_that_reach_a_handler_are_not_printed";
    let Some(lines) = printed_lines(name, || {
        let soiree = failing();
        soiree.set_panic_handler(|_| ());
        soiree.emit("panic", ()).unwrap();
        soiree.emit("fail", ()).unwrap();
        soiree.set_error_handler(|_, error| Some(error));
        soiree.emit("panic", ()).unwrap();
        soiree.emit("fail", ()).unwrap();
        soiree.set_error_handler(|_, _| None);
        soiree.emit("fail", ()).unwrap();
        soiree.close().unwrap();
    }) else {
        return;
    };
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("listener fails"), "{lines:?}");
}

/// E1: each error has a line or is counted, also those that no error buffer has kept, and those that come too late for a report.
#[test]
fn errors_without_a_line_are_counted() {
    let name = "emit::unhandled::errors_without_a_line_are_counted";
    let Some(lines) = printed_lines(name, || {
        let soiree = failing();
        soiree.set_error_buffer(2);
        for _ in 0..24 {
            soiree.on("fail", |_| Err::<(), _>("again")).unwrap();
        }
        // They fail while the handle is held: two are kept, 23 are not.
        let held = soiree.emit("fail", ()).unwrap();
        drain(&soiree);
        drop(held);
        // They fail after the handle was dropped.
        let blocker = Blocker::worker(&soiree);
        soiree.emit("fail", ()).unwrap();
        blocker.release();
        soiree.close().unwrap();
    }) else {
        return;
    };
    let mut counted = 0;
    let mut printed = 0;
    for line in &lines {
        let count = line.strip_suffix(" more unhandled errors were not printed");
        match count {
            Some(count) => counted += count["soiree: ".len()..].parse::<u64>().unwrap(),
            None if line.ends_with(" more unhandled error was not printed") => counted += 1,
            None => printed += 1,
        }
    }
    assert_eq!(printed + counted, 50, "{lines:?}");
    assert!((10..=27).contains(&printed), "{lines:?}");
}

/// An error that panics when it is printed, and when it is dropped.
#[derive(Debug)]
struct Hostile;

impl fmt::Display for Hostile {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("its text")
    }
}

impl Error for Hostile {}

impl Drop for Hostile {
    fn drop(&mut self) {
        panic!("its drop")
    }
}

/// E1, L4: an error whose text panics has a line too, and those after it are printed.
#[test]
fn an_error_whose_text_panics_is_printed_without_it() {
    let name = "emit::unhandled::an_error_whose_text_panics_is_printed_without_it";
    let Some(lines) = printed_lines(name, || {
        let soiree = failing();
        let first = ListenerOptions::new().name("hostile");
        let first = first.priority(Priority::High);
        soiree
            .on_with("fail", first, |_| Err::<(), _>(Hostile))
            .unwrap();
        for is_held in [true, false] {
            let blocker = Blocker::worker(&soiree);
            let held = soiree.emit("fail", ()).unwrap();
            if is_held {
                blocker.release();
                drain(&soiree);
                drop(held);
            } else {
                drop(held);
                blocker.release();
            }
        }
        soiree.close().unwrap();
    }) else {
        return;
    };
    assert_eq!(lines.len(), 4, "{lines:?}");
    for pair in lines.chunks(2) {
        let text = "listener hostile on fail failed for fail: the text of its error panics";
        assert!(pair[0].ends_with(text), "{lines:?}");
        assert!(pair[1].contains("listener fails"), "{lines:?}");
    }
}

/// An error that says how many emissions have not ended.
struct InFlight(EventPool);

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in flight", self.0.stats().in_flight)
    }
}

impl Error for InFlight {}

/// E1: an error whose handle was dropped before is printed before its emission ends. So a close returns after that.
#[test]
fn an_error_is_printed_before_its_emission_ends() {
    let name = "emit::unhandled::an_error_is_printed_before_its_emission_ends";
    let Some(lines) = printed_lines(name, || {
        // The handle is dropped before the listener fails, or while the listener after it runs.
        for pattern in ["block", "fail"] {
            let soiree = on_one_worker(8);
            let handle = soiree.clone();
            let listener = move |_: &dyn Event| Err::<(), _>(InFlight(handle.clone()));
            soiree.on("fail", listener).unwrap();
            let blocker = Blocker::on(&soiree, pattern, ListenerOptions::new());
            let held = soiree.emit(pattern, ()).unwrap();
            blocker.wait_started();
            if pattern == "block" {
                drop(soiree.emit("fail", ()).unwrap());
            }
            drop(held);
            drop(blocker);
            soiree.close().unwrap();
        }
    }) else {
        return;
    };
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        assert!(line.ends_with("failed for fail: 1 in flight"), "{lines:?}");
    }
}

/// L9: a failure that comes after a timeout reaches no report, so it is printed.
#[test]
fn a_failure_after_a_timeout_is_printed() {
    let name = "emit::unhandled::a_failure_after_a_timeout_is_printed";
    let Some(lines) = printed_lines(name, || {
        let soiree = on_one_worker(8);
        let (block, blocker) = Blocker::new();
        let slow = named("slow").timeout(Duration::from_millis(1));
        let listener = move |_: &dyn Event| {
            block();
            Err::<(), _>("too late")
        };
        soiree.on_with("slow", slow, listener).unwrap();
        let report = soiree.emit("slow", ()).unwrap().wait();
        assert_eq!(report.timed_out(), 1);
        blocker.release();
        drain(&soiree);
        soiree.close().unwrap();
    }) else {
        return;
    };
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("failed for slow: too late"), "{lines:?}");
}
