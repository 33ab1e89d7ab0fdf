//! A listener that ends the process.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use soiree::ListenerOptions;
use soiree::Retry;
use soiree::store::Position;

use crate::child::{Process, commands, say};
use crate::support::{
    NUMBERED, Numbered, TIME_LIMIT, append_line, builder, event_pool, lines, numbered, outbox,
    wait_until,
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

const POISONS: [(&str, u64); 2] = [("left", 11), ("right", 23)];
/// One that both were running at, and two more for each of the poisons.
const CRASHES_OF_TWO: u64 = 5;

/// Where a poison and the other events meet.
#[derive(Default)]
struct Meeting {
    state: Mutex<Met>,
    changed: Condvar,
}

#[derive(Default)]
struct Met {
    poison_runs: bool,
    others: usize,
}

impl Meeting {
    /// Another event: does not end once a poison runs, which ends the process.
    fn other(&self) {
        let mut state = self.state.lock().unwrap();
        state.others += 1;
        self.changed.notify_all();
        for limit in [Duration::from_millis(20), TIME_LIMIT] {
            let waits = |met: &mut Met| limit == TIME_LIMIT || !met.poison_runs;
            let waited = self.changed.wait_timeout_while(state, limit, waits);
            state = waited.unwrap().0;
            if !state.poison_runs {
                break;
            }
        }
        state.others -= 1;
    }

    /// A poison: ends the process while another event runs, if there is one.
    fn poison(&self) -> ! {
        let mut state = self.state.lock().unwrap();
        state.poison_runs = true;
        self.changed.notify_all();
        let limit = Duration::from_millis(100);
        let is_alone = |met: &mut Met| met.others == 0;
        let _ = self.changed.wait_timeout_while(state, limit, is_alone);
        std::process::abort()
    }
}

/// Two listeners, each with a poison of its own.
pub(crate) fn child_of_two(folder: &Path) {
    let outbox = outbox(&folder.join("events.db"));
    let meeting = Arc::new(Meeting::default());
    for (name, poison) in POISONS {
        let (log, meeting) = (folder.join(name), Arc::clone(&meeting));
        let listener = move |payload: &Numbered, _: &dyn soiree::Event| {
            if payload.number == poison {
                append_line(&log, "poison");
                meeting.poison();
            }
            meeting.other();
            append_line(&log, &payload.number.to_string());
        };
        let options = ListenerOptions::new().durable(name);
        NUMBERED.on_with(&outbox, options, listener).unwrap();
    }
    if !folder.join("left").exists() {
        append_line(&folder.join("left"), "started");
        for number in 1..=FIRST {
            outbox.emit("numbered", numbered(number)).unwrap();
        }
    }
    outbox.start().unwrap();
    outbox.drain(TIME_LIMIT).unwrap();
    for (name, _) in POISONS {
        for dead in outbox.dead_letters(name, Position::START, 99).unwrap() {
            say(&format!("{name}: {}", dead.record.position));
        }
    }
    outbox.close().unwrap();
}

/// D9: of two listeners that each have an event that ends the process, both become dead after three times, and no other event does, however
/// many run when the process ends.
#[test]
fn two_poisonous_events_of_two_listeners_become_dead_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut crashes = 0;
    let dead = loop {
        let mut process = Process::start("two poisons", folder, "");
        let said: Vec<String> = std::iter::from_fn(|| process.next()).collect();
        if process.end_by_itself().success() {
            break said;
        }
        crashes += 1;
        assert!(crashes <= CRASHES_OF_TWO, "{said:?}");
    };
    assert_eq!(dead, ["left: 11", "right: 23"]);
    for (name, poison) in POISONS {
        let handled = lines(&folder.join(name));
        let poisons = handled.iter().filter(|line| *line == "poison").count();
        assert!((2..=3).contains(&poisons), "{name}: {handled:?}");
        let others = (1..=FIRST).filter(|number| *number != poison);
        for number in others {
            assert!(handled.contains(&number.to_string()), "{name}: {number}");
        }
    }
}
