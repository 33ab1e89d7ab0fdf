//! What happens to the emissions of a case, and whether all of them are accounted for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use soiree::pool::Pool;
use soiree::{CloseError, EventPool, ListenerId, ListenerOptions, Priority};

use crate::case::{Case, Place, PoolKind};
use crate::pool::TestedPool;
use crate::surroundings::{Counting, LIMIT, Surroundings};
use crate::values::Values;

/// Runs a case. Returns what is wrong.
pub(crate) fn run(case: Case) -> Vec<String> {
    let surroundings = Surroundings::new(case.action);
    let values = Values {
        case,
        surroundings: Arc::clone(&surroundings),
    };
    let tested = TestedPool::new(case.pool);
    let soiree = values.build(&tested.pool);
    let ids = values.subscribed(&soiree);
    // From now on: an event pool that is closed already would show nothing.
    let _ = surroundings.soiree.set(soiree.downgrade());
    let soiree = values.go_through(soiree, &tested.pool, &ids);
    surroundings.gate.open();
    values.check(soiree.as_ref());
    if let Some(soiree) = soiree {
        let closed = soiree.close_with_deadline(Instant::now() + LIMIT);
        if !matches!(closed, Ok(()) | Err(CloseError::AlreadyClosed)) {
            surroundings.fail(format!("the close did not end: {closed:?}"));
        }
        drop(soiree);
    }
    values.check(None);
    if !tested.end() {
        surroundings.fail("the pool did not end");
    }
    let (made, dropped) = (&surroundings.made, &surroundings.dropped);
    let is_dropped = || made.load(Ordering::SeqCst) == dropped.load(Ordering::SeqCst);
    surroundings.wait_until("all values are dropped", is_dropped);
    std::mem::take(&mut *surroundings.failures.lock().unwrap())
}

impl Values {
    fn build(&self, pool: &Arc<dyn Pool>) -> EventPool {
        let mut builder = self.set_handlers(EventPool::builder().pool(Arc::clone(pool)));
        if self.case.pool == PoolKind::Task {
            builder = builder.bulkhead("async", Arc::clone(pool));
        }
        builder.build().unwrap()
    }

    /// Subscribes, with a first listener that passes the gate if the place needs it.
    fn subscribed(&self, soiree: &EventPool) -> Vec<ListenerId> {
        let pass = || {
            let surroundings = Arc::clone(&self.surroundings);
            move || surroundings.gate.pass()
        };
        let first = ListenerOptions::from(Priority::Highest);
        let blocks = pass();
        soiree.on("block", move |_| blocks()).unwrap();
        let mut ids = Vec::new();
        let options = match self.case.place {
            Place::RemovedByOff | Place::ReplacedSettings => Some(first),
            Place::TimedOut => Some(first.timeout(Duration::from_millis(1))),
            _ => None,
        };
        if let Some(options) = options {
            let blocks = pass();
            ids.push(soiree.on_with("a", options, move |_| blocks()).unwrap());
        }
        ids.extend(self.subscribe(soiree).unwrap());
        ids
    }

    /// Keeps the only worker busy.
    fn block(&self, soiree: &EventPool) {
        if self.surroundings.keep(|| soiree.emit("block", ())) {
            self.wait_started();
        }
    }

    fn wait_started(&self) {
        let gate = &self.surroundings.gate;
        self.surroundings
            .wait_until("a listener has started", || gate.has_started());
    }

    /// Returns the event pool, unless its last handle was to be dropped.
    fn go_through(
        &self,
        soiree: EventPool,
        pool: &Arc<dyn Pool>,
        ids: &[ListenerId],
    ) -> Option<EventPool> {
        let surroundings = &self.surroundings;
        match self.case.place {
            Place::Handled => {
                self.emit(&soiree);
                surroundings.gate.open();
            }
            Place::Rejected => {
                self.block(&soiree);
                while self.emit(&soiree) > 0 {}
            }
            Place::Stopped | Place::StoppedBehindKey => {
                self.block(&soiree);
                self.emit(&soiree);
                self.emit(&soiree);
                pool.stop();
            }
            Place::Deadline | Place::DeadlineBehindKey => {
                self.block(&soiree);
                self.emit(&soiree);
                self.emit(&soiree);
                let _ = pool.release_with_deadline(Instant::now());
            }
            Place::RetryGivenUp => {
                if self.emit(&soiree) > 0 {
                    let counts = &surroundings.counts;
                    surroundings.wait_until("a retry is scheduled", || {
                        counts.retries.load(Ordering::SeqCst) > 0
                            || counts.ended.load(Ordering::SeqCst) > 0
                    });
                    pool.stop();
                }
            }
            Place::TimedOut => {
                if self.emit(&soiree) > 0 {
                    let counts = &surroundings.counts;
                    surroundings.wait_until("a listener has timed out", || {
                        counts.timed_out.load(Ordering::SeqCst) > 0
                    });
                }
            }
            Place::RemovedByOff => {
                if self.emit(&soiree) > 0 {
                    self.wait_started();
                }
                for id in ids {
                    let _ = soiree.off("a", id);
                }
            }
            Place::ReplacedSettings => {
                if self.emit(&soiree) > 0 {
                    self.wait_started();
                }
                self.replace_settings(&soiree);
            }
            Place::LastHandleDropped => {
                self.block(&soiree);
                self.emit(&soiree);
                drop(soiree);
                return None;
            }
        }
        Some(soiree)
    }

    fn replace_settings(&self, soiree: &EventPool) {
        soiree.set_error_handler(|_, error| Some(error));
        soiree.set_panic_handler(|_| ());
        soiree.set_unheard_event_handler(|_| ());
        soiree.set_dead_letter_handler(|_| ());
        soiree.remove_observers();
        soiree.add_observer(Counting(Arc::clone(&self.surroundings)));
        soiree.remove_order("a");
    }

    /// Each accepted emission ends once, and is reported.
    fn check(&self, soiree: Option<&EventPool>) {
        let surroundings = &self.surroundings;
        let reports = surroundings.reports();
        let unreported = reports.iter().filter(|report| report.is_none()).count();
        let unfinished = reports
            .iter()
            .flatten()
            .filter(|report| report.is_unfinished());
        let unfinished = unfinished.count();
        if unreported + unfinished > 0 {
            let all = reports.len();
            let counts = (unreported, unfinished);
            surroundings.fail(format!(
                "no report, unfinished: {counts:?} of {all} emissions"
            ));
        }
        let counts = &surroundings.counts;
        let read = |count: &std::sync::atomic::AtomicUsize| count.load(Ordering::SeqCst);
        let adds_up = || read(&counts.started) == read(&counts.rejected) + read(&counts.ended);
        if soiree.is_none() && !surroundings.wait_until("each emission ends once", adds_up) {
            surroundings.fail(format!(
                "{} started, {} rejected, {} ended",
                read(&counts.started),
                read(&counts.rejected),
                read(&counts.ended)
            ));
        }
    }
}
