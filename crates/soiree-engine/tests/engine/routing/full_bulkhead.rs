//! From one pool to another: what the worker that hands over meets when the other pool is full.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{
    ListenerErrorKind, ListenerOptions, Overflow, PoolHandle, Priority, SubmitErrorReason,
};
use soiree_engine::{Emission, EmitError};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, PATIENCE, thread_name, wait_until, worker_pool};

/// Longer than any test waits.
const HOUR: Duration = Duration::from_secs(3600);

/// What comes of handing over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comes {
    /// It is refused at once.
    Rejected,
    /// It is refused after a wait.
    TimedOut,
    /// It is run by the worker that hands over.
    RunHere,
    /// It is accepted at once, in place of what waited.
    Replaces,
    /// It is accepted once there is a place.
    Waits,
}

/// The policies, and what comes of them: for an emission, and for a listener with a pool of its own.
const UNASKED: [(Overflow, Comes, Comes); 5] = [
    (Overflow::Block, Comes::Rejected, Comes::Rejected),
    (Overflow::BlockFor(HOUR), Comes::Rejected, Comes::Rejected),
    (Overflow::Reject, Comes::Rejected, Comes::Rejected),
    (Overflow::CallerRuns, Comes::RunHere, Comes::Rejected),
    (Overflow::DropOldest, Comes::Replaces, Comes::Replaces),
];

/// The same, where the user asked for workers to be blocked.
const ASKED: [(Overflow, Comes, Comes); 6] = [
    (Overflow::Block, Comes::Waits, Comes::Waits),
    (Overflow::BlockFor(HOUR), Comes::Waits, Comes::Waits),
    (
        Overflow::BlockFor(Duration::from_millis(1)),
        Comes::TimedOut,
        Comes::TimedOut,
    ),
    (Overflow::Reject, Comes::Rejected, Comes::Rejected),
    (Overflow::CallerRuns, Comes::RunHere, Comes::RunHere),
    (Overflow::DropOldest, Comes::Replaces, Comes::Replaces),
];

/// One worker for everything, and a bulkhead whose only worker is held and whose only place is taken.
struct Full {
    soiree: EventPool,
    blocker: Blocker,
    holding: Emission,
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
        let blocker = Blocker::on(&soiree, "slow.holding", ListenerOptions::new());
        let holding = soiree.emit("slow.holding", ()).unwrap();
        blocker.wait_started();
        let waiting = soiree.emit("slow.waiting", ()).unwrap();
        assert_eq!(soiree.stats().get("slow").unwrap().waiting, 1);
        Self {
            soiree,
            blocker,
            holding,
            waiting,
        }
    }

    /// What the worker says about handing over; told while the bulkhead is still held, unless it waits for that.
    fn heard<T>(&self, comes: Comes, heard: &Receiver<T>) -> T {
        if comes == Comes::Waits {
            wait_until("the worker hands over", || {
                self.soiree.pool_stats().active == 1
            });
            self.blocker.release();
        }
        heard.recv_timeout(PATIENCE).unwrap()
    }

    fn end(self, comes: Comes) {
        drop(self.blocker);
        assert!(self.holding.wait().is_ok());
        let was_replaced = self.waiting.wait().discarded;
        assert_eq!(was_replaced, comes == Comes::Replaces);
        self.soiree.close().unwrap();
        let stats = self.soiree.stats();
        assert!(stats.pools.iter().all(|(_, stats)| stats.is_balanced()));
    }
}

fn emissions_of_a_worker(overflow: Overflow, blocks_workers: bool, comes: Comes) {
    let full = Full::new(overflow, blocks_workers);
    let (ran, ran_on) = channel();
    full.soiree
        .on("slow.more", move |_| ran.send(thread_name()).unwrap())
        .unwrap();
    let (said, heard) = channel();
    let weak = full.soiree.downgrade();
    full.soiree
        .on("quick", move |_| {
            let soiree = weak.upgrade().unwrap();
            said.send(soiree.emit("slow.more", 7_u64)).unwrap();
        })
        .unwrap();
    let quick = full.soiree.emit("quick", ()).unwrap();
    let emitted = full.heard(comes, &heard);
    match (comes, &emitted) {
        (
            Comes::Rejected,
            Err(EmitError::Rejected {
                source: SubmitErrorReason::Full { capacity: 1 },
                payload,
                ..
            }),
        )
        | (
            Comes::TimedOut,
            Err(EmitError::Rejected {
                source: SubmitErrorReason::TimedOut { .. },
                payload,
                ..
            }),
        ) => assert_eq!(payload.downcast_ref(), Some(&7_u64)),
        (Comes::RunHere, Ok(emission)) => assert!(emission.is_finished()),
        (Comes::Replaces | Comes::Waits, Ok(_)) => {}
        _ => panic!("{overflow:?}, asked to block: {blocks_workers}: {emitted:?}"),
    }
    assert!(quick.wait().is_ok());
    full.end(comes);
    if emitted.is_ok() {
        let thread = if comes == Comes::RunHere {
            "rest-0"
        } else {
            "slow-0"
        };
        assert_eq!(ran_on.recv_timeout(PATIENCE).unwrap(), thread);
    }
}

fn listeners_of_an_emission(overflow: Overflow, blocks_workers: bool, comes: Comes) {
    let full = Full::new(overflow, blocks_workers);
    let own = ListenerOptions::new().pool("slow").priority(Priority::High);
    let (ran, ran_on) = channel();
    full.soiree
        .on_with("quick", own, move |_| ran.send(thread_name()).unwrap())
        .unwrap();
    let (said, heard) = channel();
    let said = Mutex::new(said);
    full.soiree
        .on("quick", move |_| said.lock().unwrap().send(()).unwrap())
        .unwrap();
    let quick = full.soiree.emit("quick", ()).unwrap();
    // The listener after it has its turn, whatever became of the one that was handed over.
    full.heard(comes, &heard);
    if comes != Comes::Waits && comes != Comes::Replaces {
        wait_until("nothing is left to wait for", || quick.is_finished());
    }
    full.end(comes);
    let report = quick.wait();
    let context = format!("{overflow:?}, asked to block: {blocks_workers}: {report:?}");
    if matches!(comes, Comes::Rejected | Comes::TimedOut) {
        let counts = (report.delivered, report.not_called);
        assert_eq!(counts, (1, 1), "{context}");
        assert_eq!(
            report.errors[0].kind(),
            ListenerErrorKind::Rejected,
            "{context}"
        );
        return;
    }
    assert_eq!((report.delivered, report.not_called), (2, 0), "{context}");
    let thread = if comes == Comes::RunHere {
        "rest-0"
    } else {
        "slow-0"
    };
    assert_eq!(ran_on.recv_timeout(PATIENCE).unwrap(), thread, "{context}");
}

/// P2, P4: a worker that emits to a full bulkhead does not wait for a place there, whatever that does when it is full.
#[test]
fn a_worker_that_emits_to_a_full_bulkhead_does_not_wait() {
    for (overflow, comes, _) in UNASKED {
        emissions_of_a_worker(overflow, false, comes);
    }
}

/// P2: where the user asked for it, it does what any other thread does.
#[test]
fn a_worker_that_may_be_blocked_does_as_the_policy_says() {
    for (overflow, comes, _) in ASKED {
        emissions_of_a_worker(overflow, true, comes);
    }
}

/// L6: nothing that a listener's own pool does when it is full holds up the emission's pool.
#[test]
fn a_listener_for_a_full_bulkhead_does_not_hold_up_the_emissions_pool() {
    for (overflow, _, comes) in UNASKED {
        listeners_of_an_emission(overflow, false, comes);
    }
}

/// L6: unless the user asked for just that.
#[test]
fn a_listener_for_a_full_bulkhead_waits_if_workers_may_be_blocked() {
    for (overflow, _, comes) in ASKED {
        listeners_of_an_emission(overflow, true, comes);
    }
}

/// P4: a job that the user gave to a pool, and that is no emission, is kept from waiting there as well.
#[test]
fn a_plain_job_of_one_bulkhead_does_not_wait_for_another() {
    let jobs = Arc::new(worker_pool("jobs", 1, 4));
    let full = Full::new(Overflow::Block, false);
    full.soiree.add_bulkhead("jobs", Arc::clone(&jobs)).unwrap();
    let (said, heard) = channel();
    let soiree = full.soiree.clone();
    jobs.submit(move || said.send(soiree.emit("slow.more", 7_u64)).unwrap())
        .unwrap();
    let refused = heard.recv_timeout(PATIENCE).unwrap().unwrap_err();
    assert!(matches!(
        refused,
        EmitError::Rejected {
            source: SubmitErrorReason::Full { .. },
            ..
        }
    ));
    full.end(Comes::Rejected);
}
