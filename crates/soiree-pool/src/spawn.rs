//! Who may be a worker: starting one, and answering for those that cannot be started.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::shared::Shared;
use crate::strategy::Load;
use crate::sync::{Arc, Mutex, Ordering, lock};
use crate::worker;
use crate::worker_permits::WorkerPermit;

impl Shared {
    /// Starts a worker. Never with the state locked: the spawn handler is user code.
    ///
    /// # Errors
    /// If no thread could be started. Then others answer for what is queued, or nothing is.
    pub(crate) fn spawn_worker(self: &Arc<Self>, permit: WorkerPermit) -> io::Result<()> {
        let number = self.next_worker_number.fetch_add(1, Ordering::Relaxed);
        let builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        // The thread and this function cannot both have the seat, whatever the handler did and says that it did.
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

    /// Does a worker's work on this thread until there is another worker, or no work.
    #[cold]
    fn run_as_substitute(&self, permit: WorkerPermit) {
        let mut state = self.lock();
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

    /// Starts a worker beside others if the strategy wants one and the limit allows it.
    pub(crate) fn grow_if_wanted(self: &Arc<Self>, load: &Load) {
        let wanted = || load.waiting > 0 && self.strategy.grow(load);
        match catch_unwind(AssertUnwindSafe(wanted)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(payload) => return drop(soiree_core::PanicPayload::new(payload)),
        }
        if let Some(permit) = self.try_acquire_for_backlog() {
            // A smaller pool is what is left if it fails.
            let _ = self.spawn_worker(permit);
        }
    }

    /// Takes a seat beside others, for what they have left waiting.
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
