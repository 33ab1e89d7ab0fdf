//! When the clock is read.
#![cfg(debug_assertions)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::observe::clock;
use soiree_core::{
    Event, Interest, ListenerEnded, ListenerId, ListenerOptions, Observer, Observers, Pattern,
    PoolOptions, SubscribeError,
};
use soiree_engine::{Emitter, Settings};

/// Runs jobs on the thread that submits them.
struct AtOnce;

impl Executor for AtOnce {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        permit.run();
        Ok(())
    }
}

struct Times;

/// Sees no times.
struct Untimed(Interest);

impl Observer for Untimed {
    fn interest(&self) -> Interest {
        self.0
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        assert_eq!(ended.run_time, None);
    }
}

impl Observer for Times {
    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        assert!(ended.run_time.is_some_and(|time| time < Duration::MAX));
    }
}

/// How often the clock is read for one emission on a pool and one on this thread, with a listener that fails.
fn reads(emitter: &Emitter) -> u64 {
    let before = clock::reads();
    let emission = emitter.emit("a.b", ()).expect("the pool has room");
    assert_eq!(emission.wait().failed(), 1);
    let report = emitter.emit_sync("a.b", ()).expect("the emitter is open");
    assert_eq!(report.failed(), 1);
    clock::reads() - before
}

/// P1: without an observer, no time is measured.
#[test]
fn the_clock_is_read_only_for_observers() {
    let pool = BoundedPool::new(AtOnce, PoolOptions::new(1, 8)).expect("the options are valid");
    let emitter = Emitter::new(Settings::new(pool));
    let pattern = Pattern::new("a.*").expect("the pattern is valid");
    let fails = Arc::new(|_: &dyn Event| Err::<(), _>("no"));
    emitter
        .subscribe(
            &pattern,
            ListenerId::new("one"),
            ListenerOptions::new(),
            fails,
        )
        .expect("the ID is new");
    assert_eq!(reads(&emitter), 0);
    let observe = |interests: &[Interest]| {
        let mut observers = Observers::none();
        for interest in interests {
            observers.add(Arc::new(Untimed(*interest)));
        }
        emitter.update(|settings| settings.handlers.observers = observers.clone());
    };
    observe(&[Interest::RARE, Interest::EMISSIONS, Interest::FAILURES]);
    assert_eq!(reads(&emitter), 0, "of neither is anything timed");
    observe(&[Interest::EMISSIONS | Interest::FAILURES, Interest::JOBS]);
    assert_eq!(reads(&emitter), 3, "a job");
    emitter.update(|settings| settings.handlers.observers = Observers::none());
    let hasty = ListenerOptions::new().slow_after(Duration::MAX);
    let ignores = Arc::new(|_: &dyn Event| ());
    let rejected = emitter.subscribe(&pattern, ListenerId::new("two"), hasty, ignores);
    assert_eq!(rejected, Err(SubscribeError::NoSlowListenerMonitor));
    let times = Arc::new(Times);
    emitter.update(|settings| settings.handlers.observers.add(times));
    assert_eq!(reads(&emitter), 3 + 2 + 2, "a job, and two calls");
    emitter.update(|settings| settings.handlers.observers = Observers::none());
    assert_eq!(reads(&emitter), 0);
}
