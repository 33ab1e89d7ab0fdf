//! A listener that ends the process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use soiree::ListenerOptions;
use soiree::Retry;
use soiree::store::Position;

use crate::child::{Process, commands, say};
use crate::support::{
    NUMBERED, Numbered, TIME_LIMIT, append_line, builder, event_pool, lines, numbered, wait_until,
};

/// The event that ends the process.
const POISON: u64 = 13;
const FIRST: u64 = 30;
const CRASHES: u64 = 3;

/// Handles events. With the poison it waits until an event above `FIRST` was handled in this process, and aborts.
pub(crate) fn child(folder: &Path) {
    let outbox = builder(&folder.join("events.db"))
        .in_flight(64)
        .build(event_pool())
        .unwrap();
    let log = folder.join("handled");
    let newest = Arc::new(AtomicU64::new(0));
    let listener = move |payload: &Numbered, _: &dyn soiree::Event| {
        if payload.number == POISON {
            let start = Instant::now();
            while newest.load(Ordering::SeqCst) == 0 && start.elapsed() < TIME_LIMIT {
                std::thread::yield_now();
            }
            append_line(&log, "poison");
            std::process::abort();
        }
        append_line(&log, &payload.number.to_string());
        if payload.number > FIRST {
            newest.fetch_max(payload.number, Ordering::SeqCst);
        }
    };
    let options = ListenerOptions::new()
        .durable("handler")
        .retry(Retry::fixed(Duration::from_millis(1), 3));
    NUMBERED.on_with(&outbox, options, listener).unwrap();
    outbox.start().unwrap();
    for command in commands() {
        match command.split_once(' ') {
            Some(("emit", number)) => {
                let number = number.parse().unwrap();
                outbox.emit("numbered", numbered(number)).unwrap();
                say("stored");
            }
            _ => {
                outbox.drain(TIME_LIMIT).unwrap();
                for dead in outbox.dead_letters("handler", Position::START, 10).unwrap() {
                    let (position, crashes) = (dead.record.position.0, dead.parked.crashes);
                    let error = dead.parked.error.unwrap_or_default();
                    say(&format!("dead {position} {crashes} {error}"));
                }
                say("drained");
            }
        }
    }
    outbox.close().unwrap();
}

/// D9: an event that ends the process three times is a dead letter that says so, and the others are handled meanwhile.
#[test]
fn an_event_that_ends_the_process_becomes_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let handled = || lines(&folder.join("handled"));
    for crash in 1..=CRASHES {
        let mut process = Process::start("poison", folder, "");
        if crash == 1 {
            for number in 1..=FIRST {
                assert_eq!(process.ask(&format!("emit {number}")), "stored");
            }
        }
        // It may be handled, and the process ended, before the answer.
        process.send(&format!("emit {}", FIRST + crash));
        let status = process.end_by_itself();
        assert!(!status.success());
        let handled = handled();
        let poisons = handled.iter().filter(|line| *line == "poison").count();
        assert_eq!(poisons as u64, crash);
        let beside = (FIRST + crash).to_string();
        assert!(handled.contains(&beside), "{crash}: {handled:?}");
    }
    let mut process = Process::start("poison", folder, "");
    let position = POISON;
    let dead = format!("dead {position} 3 ended the process 3 times");
    assert_eq!(process.ask("drain"), dead);
    assert_eq!(process.next().as_deref(), Some("drained"));
    assert!(process.end().success());
    wait_until("all others", || {
        let handled = handled();
        let mut others = (1..=FIRST + CRASHES).filter(|number| *number != POISON);
        others.all(|number| handled.contains(&number.to_string()))
    });
}
