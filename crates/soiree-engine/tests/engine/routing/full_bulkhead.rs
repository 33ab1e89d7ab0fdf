//! Workers that submit to a bulkhead whose queue is full.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::{EventPool, WeakEventPool};
use soiree_core::{
    EmissionAccepted, EmissionStarted, ListenerErrorKind, ListenerOptions, Observer, Overflow,
    PoolHandle, Priority, SubmitErrorReason,
};
use soiree_engine::{Emission, EmitError};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, TIME_LIMIT, thread_name, wait_until, worker_pool};

/// Longer than any test waits.
const HOUR: Duration = Duration::from_secs(3600);

/// What happens to the submitted job.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    /// It is rejected at once.
    Rejected,
    /// It is rejected after a wait.
    TimedOut,
    /// The submitting worker runs it.
    RunHere,
    /// It is accepted at once, and replaces the job that waited.
    Replaces,
    /// It is accepted when the queue has room.
    Waits,
}

/// The overflow policies, and their outcomes for an emission and for a listener with its own pool.
const DEFAULT: [(Overflow, Outcome, Outcome); 5] = [
    (Overflow::Block, Outcome::Rejected, Outcome::Rejected),
    (
        Overflow::BlockFor(HOUR),
        Outcome::Rejected,
        Outcome::Rejected,
    ),
    (Overflow::Reject, Outcome::Rejected, Outcome::Rejected),
    (Overflow::CallerRuns, Outcome::RunHere, Outcome::Rejected),
    (Overflow::DropOldest, Outcome::Replaces, Outcome::Replaces),
];

/// The same with `blocking_workers`.
const BLOCKING: [(Overflow, Outcome, Outcome); 6] = [
    (Overflow::Block, Outcome::Waits, Outcome::Waits),
    (Overflow::BlockFor(HOUR), Outcome::Waits, Outcome::Waits),
    (
        Overflow::BlockFor(Duration::from_millis(1)),
        Outcome::TimedOut,
        Outcome::TimedOut,
    ),
    (Overflow::Reject, Outcome::Rejected, Outcome::Rejected),
    (Overflow::CallerRuns, Outcome::RunHere, Outcome::RunHere),
    (Overflow::DropOldest, Outcome::Replaces, Outcome::Replaces),
];

/// One worker for everything, and a bulkhead whose only worker is blocked and whose queue of one is full.
struct Full {
    soiree: EventPool,
    blocker: Blocker,
    blocked: Emission,
    waiting: Emission,
}

impl Full {
    fn new(overflow: Overflow, blocks_workers: bool) -> Self {
        let slow = WorkerPool::builder().name("slow").max_workers(1);
        let slow = slow.capacity(1).overflow(overflow).build().unwrap();
        let slow = PoolHandle::from(slow);
        let soiree = EventPool::builder()
            .pool(worker_pool("rest", 1, 16))
            .bulkhead(
                "slow",
                if blocks_workers {
                    slow.blocking_workers()
                } else {
                    slow
                },
            )
            .route("slow.*", "slow")
            .build()
            .unwrap();
        let blocker = Blocker::on(&soiree, "slow.blocked", ListenerOptions::new());
        let blocked = soiree.emit("slow.blocked", ()).unwrap();
        blocker.wait_started();
        let waiting = soiree.emit("slow.waiting", ()).unwrap();
        assert_eq!(soiree.stats().get("slow").unwrap().waiting, 1);
        Self {
            soiree,
            blocker,
            blocked,
            waiting,
        }
    }

    /// Receives what the worker sends after its submit. The bulkhead stays blocked until then, unless the submit waits for it.
    fn receive<T>(&self, outcome: Outcome, receiver: &Receiver<T>) -> T {
        if outcome == Outcome::Waits {
            wait_until("the worker submits", || {
                self.soiree.pool_stats().active == 1
            });
            self.blocker.release();
        }
        receiver.recv_timeout(TIME_LIMIT).unwrap()
    }

    fn end(self, outcome: Outcome) {
        drop(self.blocker);
        assert!(self.blocked.wait().is_ok());
        let was_replaced = self.waiting.wait().is_discarded();
        assert_eq!(was_replaced, outcome == Outcome::Replaces);
        self.soiree.close().unwrap();
        let stats = self.soiree.stats();
        assert!(stats.pools.iter().all(|(_, stats)| stats.is_balanced()));
    }
}

fn emissions_of_a_worker(overflow: Overflow, blocks_workers: bool, outcome: Outcome) {
    let full = Full::new(overflow, blocks_workers);
    let (ran, ran_on) = channel();
    full.soiree
        .on("slow.more", move |_| ran.send(thread_name()).unwrap())
        .unwrap();
    let (sender, receiver) = channel();
    let weak = full.soiree.downgrade();
    full.soiree
        .on("quick", move |_| {
            let soiree = weak.upgrade().unwrap();
            sender.send(soiree.emit("slow.more", 7_u64)).unwrap();
        })
        .unwrap();
    let quick = full.soiree.emit("quick", ()).unwrap();
    let emitted = full.receive(outcome, &receiver);
    match (outcome, &emitted) {
        (
            Outcome::Rejected,
            Err(EmitError::Rejected {
                source: SubmitErrorReason::Full { capacity: 1 },
                payload,
                ..
            }),
        )
        | (
            Outcome::TimedOut,
            Err(EmitError::Rejected {
                source: SubmitErrorReason::TimedOut { .. },
                payload,
                ..
            }),
        ) => assert_eq!(payload.downcast_ref(), Some(&7_u64)),
        (Outcome::RunHere, Ok(emission)) => assert!(emission.is_finished()),
        (Outcome::Replaces | Outcome::Waits, Ok(_)) => {}
        _ => panic!("{overflow:?}, blocking workers: {blocks_workers}: {emitted:?}"),
    }
    assert!(quick.wait().is_ok());
    full.end(outcome);
    if emitted.is_ok() {
        let thread = if outcome == Outcome::RunHere {
            "rest-0"
        } else {
            "slow-0"
        };
        assert_eq!(ran_on.recv_timeout(TIME_LIMIT).unwrap(), thread);
    }
}

fn listeners_of_an_emission(overflow: Overflow, blocks_workers: bool, outcome: Outcome) {
    let full = Full::new(overflow, blocks_workers);
    let own = ListenerOptions::new().pool("slow").priority(Priority::High);
    let (ran, ran_on) = channel();
    full.soiree
        .on_with("quick", own, move |_| ran.send(thread_name()).unwrap())
        .unwrap();
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    full.soiree
        .on("quick", move |_| sender.lock().unwrap().send(()).unwrap())
        .unwrap();
    let quick = full.soiree.emit("quick", ()).unwrap();
    // The next listener is called, whatever happened to the one that was submitted.
    full.receive(outcome, &receiver);
    if outcome != Outcome::Waits && outcome != Outcome::Replaces {
        wait_until("the emission has ended", || quick.is_finished());
    }
    full.end(outcome);
    let report = quick.wait();
    let context = format!("{overflow:?}, blocking workers: {blocks_workers}: {report:?}");
    if matches!(outcome, Outcome::Rejected | Outcome::TimedOut) {
        let counts = (report.delivered(), report.not_called());
        assert_eq!(counts, (1, 1), "{context}");
        assert_eq!(
            report.errors()[0].kind(),
            ListenerErrorKind::Rejected,
            "{context}"
        );
        return;
    }
    assert_eq!(
        (report.delivered(), report.not_called()),
        (2, 0),
        "{context}"
    );
    let thread = if outcome == Outcome::RunHere {
        "rest-0"
    } else {
        "slow-0"
    };
    assert_eq!(
        ran_on.recv_timeout(TIME_LIMIT).unwrap(),
        thread,
        "{context}"
    );
}

/// P2, P4: with every overflow policy, a worker that emits to a full bulkhead does not wait for room there.
#[test]
fn a_worker_that_emits_to_a_full_bulkhead_does_not_wait() {
    for (overflow, outcome, _) in DEFAULT {
        emissions_of_a_worker(overflow, false, outcome);
    }
}

/// P2: with `blocking_workers`, a worker does what any other thread does.
#[test]
fn a_worker_that_may_block_follows_the_overflow_policy() {
    for (overflow, outcome, _) in BLOCKING {
        emissions_of_a_worker(overflow, true, outcome);
    }
}

/// L6: with no overflow policy does a listener's own pool block the emission's pool.
#[test]
fn a_listener_for_a_full_bulkhead_does_not_block_the_emissions_pool() {
    for (overflow, _, outcome) in DEFAULT {
        listeners_of_an_emission(overflow, false, outcome);
    }
}

/// L6: unless the user sets `blocking_workers`.
#[test]
fn a_listener_for_a_full_bulkhead_waits_if_workers_may_block() {
    for (overflow, _, outcome) in BLOCKING {
        listeners_of_an_emission(overflow, true, outcome);
    }
}

/// P4: a job that the user submits to a pool does not wait for another pool either.
#[test]
fn a_plain_job_of_one_bulkhead_does_not_wait_for_another() {
    let jobs = Arc::new(worker_pool("jobs", 1, 4));
    let full = Full::new(Overflow::Block, false);
    full.soiree.add_bulkhead("jobs", Arc::clone(&jobs)).unwrap();
    let (sender, receiver) = channel();
    let soiree = full.soiree.clone();
    jobs.submit(move || sender.send(soiree.emit("slow.more", 7_u64)).unwrap())
        .unwrap();
    let rejected = receiver.recv_timeout(TIME_LIMIT).unwrap().unwrap_err();
    assert!(matches!(
        rejected,
        EmitError::Rejected {
            source: SubmitErrorReason::Full { .. },
            ..
        }
    ));
    full.end(Outcome::Rejected);
}

/// Emits to the full bulkhead when an emission of `quick` starts and is accepted, and keeps the errors.
struct Emits(WeakEventPool, Arc<Mutex<Vec<EmitError>>>);

impl Emits {
    fn emit(&self, notified: &str) {
        if notified == "quick" {
            let emitted = self.0.upgrade().unwrap().emit("slow.more", ());
            self.1.lock().unwrap().extend(emitted.err());
        }
    }
}

impl Observer for Emits {
    fn emission_started(&self, started: &EmissionStarted<'_>) {
        self.emit(started.topic);
    }

    fn emission_accepted(&self, accepted: &EmissionAccepted<'_>) {
        self.emit(accepted.topic);
    }
}

/// T1, P4: an emit that notifies observers runs on no worker yet, so they wait for a place in any bulkhead, as the thread that emits does.
#[test]
fn an_observer_on_the_thread_of_an_emit_waits_for_a_place() {
    let full = Full::new(Overflow::BlockFor(Duration::from_millis(1)), false);
    let errors = Arc::default();
    let observer = Emits(full.soiree.downgrade(), Arc::clone(&errors));
    full.soiree.add_observer(observer);
    assert!(full.soiree.emit("quick", ()).unwrap().wait().is_ok());
    let errors = std::mem::take(&mut *errors.lock().unwrap());
    assert_eq!(errors.len(), 2);
    for error in errors {
        let EmitError::Rejected { source, .. } = error else {
            panic!("{error}");
        };
        assert!(
            matches!(source, SubmitErrorReason::TimedOut { .. }),
            "{source}"
        );
    }
    full.end(Outcome::TimedOut);
}
