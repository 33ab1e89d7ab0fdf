//! Runs all combinations, each within a time limit.

use std::collections::VecDeque;
use std::panic;
use std::sync::mpsc::channel;
use std::sync::{Mutex, Once};
use std::thread;

use crate::case::{Action, Case, Kind, Place, PoolKind};
use crate::place::run;
use crate::surroundings::LIMIT;

/// The cases of one action. Futures run on one pool only.
fn cases(action: Action) -> impl Iterator<Item = Case> {
    let kinds = Kind::ALL.into_iter().flat_map(move |kind| {
        Place::ALL.into_iter().flat_map(move |place| {
            PoolKind::ALL.map(move |pool| Case {
                kind,
                action,
                place,
                pool,
            })
        })
    });
    kinds.filter(|case| case.kind != Kind::Future || case.pool == PoolKind::Task)
}

/// Runs a case on a thread of its own, which is left behind if it hangs.
fn run_in_time(case: Case) -> Vec<String> {
    let (sender, ended) = channel();
    let thread = thread::Builder::new().name("hostile".into());
    thread
        .spawn(move || sender.send(run(case)))
        .expect("a thread can be started");
    match ended.recv_timeout(4 * LIMIT) {
        Ok(failures) => failures,
        Err(error) => vec![format!("it hangs or panics: {error}")],
    }
}

fn run_all(action: Action) {
    static SILENCE: Once = Once::new();
    // Other panics are what is tested. Printing them, with a backtrace each, would take most of the time.
    SILENCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let is_of_a_test = |name: &str| name.starts_with("matrix::");
            if thread::current().name().is_some_and(is_of_a_test) {
                print(panic);
            }
        }));
    });
    let cases: Mutex<VecDeque<Case>> = Mutex::new(cases(action).collect());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let next = || cases.lock().expect("not poisoned").pop_front();
                while let Some(case) = next() {
                    let failed = run_in_time(case);
                    if !failed.is_empty() {
                        let mut failures = failures.lock().expect("not poisoned");
                        failures.push(format!("{case:?}: {}", failed.join("; ")));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("not poisoned");
    assert!(
        failures.is_empty(),
        "{} cases: {failures:#?}",
        failures.len()
    );
}

/// E8, E6, L4: user code that panics.
#[test]
fn user_code_may_panic() {
    run_all(Action::Panics);
}

/// E8, E3: user code that waits for another event pool.
#[test]
fn user_code_may_wait_for_another_event_pool() {
    run_all(Action::Waits);
}

/// E8, L3: user code that emits.
#[test]
fn user_code_may_emit() {
    run_all(Action::Emits);
}

/// E8, L3: user code that subscribes, and removes a listener.
#[test]
fn user_code_may_subscribe() {
    run_all(Action::Subscribes);
}

/// E8, E4: user code that closes the event pool.
#[test]
fn user_code_may_close() {
    run_all(Action::Closes);
}

/// E8, L3: user code that changes settings.
#[test]
fn user_code_may_change_settings() {
    run_all(Action::Sets);
}
