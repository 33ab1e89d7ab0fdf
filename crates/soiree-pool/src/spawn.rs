//! Starting workers, and running their jobs when a thread cannot be started.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::shared::Shared;
use crate::strategy::Load;
use crate::sync::{Arc, Mutex, Ordering, lock};
use crate::worker;
use crate::worker_permits::WorkerPermit;

impl Shared {
    /// Starts a worker. Call it with the state unlocked: the spawn handler is user code.
    ///
    /// # Errors
    /// If no thread could be started. No job is stranded then: the other workers run what is queued, or this thread has run it.
    pub(crate) fn spawn_worker(self: &Arc<Self>, permit: WorkerPermit) -> io::Result<()> {
        let number = self.next_worker_number.fetch_add(1, Ordering::Relaxed);
        let builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        // A handler may start the thread and still return an error or panic. Exactly one of the thread and this function takes
        // the permit.
        let handover = Arc::new(Mutex::new(Some(permit)));
        let body: Box<dyn FnOnce() + Send> = {
            let (shared, handover) = (Arc::clone(self), Arc::clone(&handover));
            Box::new(move || {
                let taken = lock(&handover).take();
                if let Some(permit) = taken {
                    worker::run(&shared, permit);
                }
            })
        };
        let spawned = catch_unwind(AssertUnwindSafe(|| (self.spawn_handler)(builder, body)))
            .unwrap_or_else(|_| Err(io::Error::other("the spawn handler panicked")));
        let Err(error) = spawned else { return Ok(()) };
        let taken = lock(&handover).take();
        let Some(permit) = taken else { return Ok(()) };
        self.run_as_substitute(permit);
        Err(error)
    }

    /// Runs queued jobs on this thread in place of the worker that could not be started, until another worker is live or the
    /// queue is empty. Other threads may have queued these jobs because they counted on that worker.
    #[cold]
    fn run_as_substitute(&self, permit: WorkerPermit) {
        let mut state = self.lock();
        // From here on, nobody may queue a job in reliance on this permit.
        state.permits.mark_busy(true);
        while state.permits.live() == 1 {
            let Some(job) = state.jobs.try_recv() else {
                break;
            };
            self.counters.record_started_off_worker();
            self.publish(&state);
            self.unlock_and_notify(state);
            drop(self.run_off_worker(job, self.worker_context.enter_worker()));
            state = self.lock();
        }
        state.permits.release(permit);
        self.unlock_and_notify_exit(state);
    }

    /// Starts another worker if the strategy wants one and the limit allows it.
    pub(crate) fn grow_if_wanted(self: &Arc<Self>, load: &Load) {
        let wanted = || load.waiting > 0 && self.strategy.grow(load);
        match catch_unwind(AssertUnwindSafe(wanted)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(payload) => return drop(soiree_core::PanicPayload::new(payload)),
        }
        if let Some(permit) = self.try_acquire_for_backlog() {
            // If that fails, the live workers run all jobs.
            let _ = self.spawn_worker(permit);
        }
    }

    /// Acquires a permit for one more worker if jobs and blocked submitters outnumber the idle workers. Acquires none for a first
    /// worker: a submitter starts that one, and reports the error if it cannot.
    pub(crate) fn try_acquire_for_backlog(&self) -> Option<WorkerPermit> {
        let mut state = self.lock();
        let waiting = state.jobs.len() + state.blocked;
        if state.permits.live() == 0 || waiting <= state.permits.idle() {
            return None;
        }
        let permit = state.permits.try_acquire();
        self.publish_all(&state);
        self.unlock_and_notify(state);
        permit
    }
}
