//! Observers are user code: what they may do, and what they cannot break.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use soiree::{EventPool, WeakEventPool};
use soiree_core::{
    EmissionAccepted, EmissionEnded, EmissionStarted, JobEnded, JobOffered, JobStarted,
    ListenerEnded, ListenerStarted, Observer, Pool, SubscriptionAdded, SubscriptionRemoved,
};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;
use soiree_testkit::Journal;

use crate::support::{TIME_LIMIT, on_one_worker};

/// Panics on every notification.
struct Panics;

impl Observer for Panics {
    fn emission_started(&self, _: &EmissionStarted<'_>) {
        panic!("started");
    }

    fn emission_accepted(&self, _: &EmissionAccepted<'_>) {
        panic!("accepted");
    }

    fn emission_ended(&self, _: &EmissionEnded<'_>) {
        panic!("ended");
    }

    fn job_offered(&self, _: &JobOffered<'_>) {
        panic!("offered");
    }

    fn job_started(&self, _: &JobStarted<'_>) {
        panic!("started");
    }

    fn job_ended(&self, _: &JobEnded<'_>) {
        panic!("ended");
    }

    fn listener_started(&self, _: &ListenerStarted<'_>) {
        panic!("started");
    }

    fn listener_ended(&self, _: &ListenerEnded<'_>) {
        panic!("ended");
    }

    fn subscription_added(&self, _: &SubscriptionAdded<'_>) {
        panic!("added");
    }

    fn subscription_removed(&self, _: &SubscriptionRemoved<'_>) {
        panic!("removed");
    }
}

/// L4: listeners, reports, pools and other observers are not affected.
#[test]
fn an_observer_that_panics_changes_nothing() {
    let (before, after) = (Journal::new(), Journal::new());
    let pool = WorkerPool::new(1, 8).unwrap();
    let soiree = soiree::Builder::with_pool(pool)
        .observer(before.clone())
        .observer(Panics)
        .observer(after.clone())
        .build()
        .unwrap();
    soiree.on("a.b", |_| ()).unwrap();
    for _ in 0..3 {
        let report = soiree.emit("a.b", ()).unwrap().wait();
        assert!(report.is_ok() && report.delivered() == 1, "{report:?}");
    }
    let report = soiree.emit_sync("a.b", ()).unwrap();
    assert!(report.is_ok() && report.delivered() == 1, "{report:?}");
    soiree.close().unwrap();
    let stats = soiree.pool_stats();
    assert_eq!((stats.successful, stats.failed), (3, 0));
    // Sorted, because two threads notify of the end of a job and the start of the next.
    let sorted = |journal: &Journal| {
        let mut lines = journal.lines();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&before), sorted(&after));
    assert_eq!(before.count("emission ended"), 4);
}

/// Acts on its event pool at the first notification of each kind.
struct Calls<F> {
    soiree: OnceLock<WeakEventPool>,
    act: F,
    /// The kinds of notification at which it acted.
    at: Mutex<Vec<&'static str>>,
}

impl<F: Fn(&EventPool) + Send + Sync> Calls<F> {
    fn new(act: F) -> Arc<Self> {
        let (soiree, at) = (OnceLock::new(), Mutex::default());
        Arc::new(Self { soiree, act, at })
    }

    fn observe(self: &Arc<Self>, soiree: &EventPool)
    where
        F: 'static,
    {
        let _ = self.soiree.set(soiree.downgrade());
        soiree.add_observer(Arc::clone(self));
    }

    fn act(&self, at: &'static str) {
        let mut seen = self.at.lock().unwrap();
        if seen.contains(&at) {
            return;
        }
        seen.push(at);
        drop(seen);
        if let Some(soiree) = self.soiree.get().and_then(WeakEventPool::upgrade) {
            (self.act)(&soiree);
        }
    }
}

impl<F: Fn(&EventPool) + Send + Sync> Observer for Calls<F> {
    fn emission_started(&self, _: &EmissionStarted<'_>) {
        self.act("emission started");
    }

    fn emission_accepted(&self, _: &EmissionAccepted<'_>) {
        self.act("emission accepted");
    }

    fn emission_ended(&self, _: &EmissionEnded<'_>) {
        self.act("emission ended");
    }

    fn job_offered(&self, _: &JobOffered<'_>) {
        self.act("job offered");
    }

    fn job_started(&self, _: &JobStarted<'_>) {
        self.act("job started");
    }

    fn job_ended(&self, _: &JobEnded<'_>) {
        self.act("job ended");
    }

    fn listener_started(&self, _: &ListenerStarted<'_>) {
        self.act("listener started");
    }

    fn listener_ended(&self, _: &ListenerEnded<'_>) {
        self.act("listener ended");
    }

    fn subscription_added(&self, _: &SubscriptionAdded<'_>) {
        self.act("subscription added");
    }

    fn subscription_removed(&self, _: &SubscriptionRemoved<'_>) {
        self.act("subscription removed");
    }
}

/// Runs a function on its own thread, which has to end in time.
fn in_time(run: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        run();
        done.send(()).unwrap();
    });
    let ended = ended.recv_timeout(TIME_LIMIT);
    assert!(ended.is_ok(), "it has not ended");
    thread.join().unwrap();
}

/// L3: in any notification, it may subscribe, unsubscribe, emit in both ways, and add observers.
#[test]
fn an_observer_may_call_its_own_event_pool() {
    in_time(|| {
        let soiree = on_one_worker(1);
        let calls = Calls::new(|soiree: &EventPool| {
            let id = soiree.on("c.d", |_| ()).unwrap();
            soiree.emit_sync("c.d", ()).unwrap();
            // Rejected if the queue is full and this is the worker's thread.
            let _ = soiree.emit("c.d", ());
            soiree.off("c.d", &id).unwrap();
            soiree.add_observer(Journal::new());
            assert!(soiree.pool_stats().max_workers == 1);
        });
        calls.observe(&soiree);
        let id = soiree.on("a.b", |_| ()).unwrap();
        assert_eq!(soiree.emit("a.b", ()).unwrap().wait().delivered(), 1);
        soiree.off("a.b", &id).unwrap();
        soiree.close().unwrap();
        assert_eq!(calls.at.lock().unwrap().len(), 10);
    });
}

/// L3, E4: a close inside a notification is an error if it would wait for the emission or job that is notified.
#[test]
fn a_close_inside_an_observer_never_waits_for_itself() {
    in_time(|| {
        let soiree = on_one_worker(8);
        let closed = Arc::new(Mutex::new(Vec::new()));
        let results = Arc::clone(&closed);
        let calls = Calls::new(move |soiree: &EventPool| {
            let closed = soiree.close();
            results.lock().unwrap().push(closed);
        });
        soiree.on("a.b", |_| ()).unwrap();
        calls.observe(&soiree);
        assert_eq!(soiree.emit("a.b", ()).unwrap().wait().delivered(), 1);
        soiree.emit_sync("a.b", ()).unwrap();
        soiree.close().unwrap();
        let at = std::mem::take(&mut *calls.at.lock().unwrap());
        let closed = std::mem::take(&mut *closed.lock().unwrap());
        assert_eq!(at.len(), 9, "all but the added subscription: {at:?}");
        for (at, closed) in at.iter().zip(closed) {
            let expected = match *at {
                "subscription removed" => CloseError::AlreadyClosed,
                _ => CloseError::InsideListener,
            };
            assert_eq!(closed, Err(expected), "{at}");
        }
    });
}

/// L3: a new observer is notified of emissions that start afterwards, and of no others.
#[test]
fn an_observer_is_notified_of_emissions_that_start_afterwards() {
    let pool = soiree_testkit::ManualPool::new();
    let soiree = EventPool::with_pool(Arc::new(pool.clone()));
    let (first, second) = (Journal::new(), Journal::new());
    soiree.add_observer(first.clone());
    soiree.emit("a.b", ()).unwrap();
    soiree.add_observer(second.clone());
    pool.run_all();
    assert_eq!(first.count("emission ended"), 1);
    second.assert_lines([]);
    soiree.emit("c.d", ()).unwrap();
    soiree.remove_observers();
    pool.run_all();
    for journal in [&first, &second] {
        assert_eq!(journal.count("emission ended: c.d"), 1);
        journal.clear();
    }
    soiree.on("a.b", |_| ()).unwrap();
    soiree.emit_sync("a.b", ()).unwrap();
    first.assert_lines([]);
    second.assert_lines([]);
}

/// Records each accepted emission with its pool.
#[derive(Default)]
struct Accepted(Mutex<Vec<String>>);

impl Observer for Accepted {
    fn emission_accepted(&self, accepted: &EmissionAccepted<'_>) {
        let pool = accepted.pool.unwrap_or("its caller");
        let line = format!("{} by {pool}", accepted.topic);
        self.0.lock().unwrap().push(line);
    }
}

/// E2: the notification comes before `emit` returns.
#[test]
fn accepted_emissions_are_notified_as_such_and_rejected_ones_are_not() {
    let pool = soiree_testkit::ManualPool::new();
    let soiree = EventPool::with_pool(Arc::new(pool.clone()));
    let accepted = Arc::new(Accepted::default());
    soiree.add_observer(Arc::clone(&accepted));
    let lines = || std::mem::take(&mut *accepted.0.lock().unwrap());
    soiree.emit("a.b", ()).unwrap();
    assert_eq!(lines(), ["a.b by default"]);
    soiree.emit_sync("c.d", ()).unwrap();
    assert_eq!(lines(), ["c.d by its caller"]);
    soiree.emit("no..topic", ()).unwrap_err();
    pool.run_all();
    pool.release();
    soiree.emit("a.b", ()).unwrap_err();
    soiree.close().unwrap();
    soiree.emit("a.b", ()).unwrap_err();
    assert_eq!(lines(), [""; 0]);
}
