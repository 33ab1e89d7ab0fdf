//! Who may be a worker: starting one, and answering for those that cannot be started.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::shared::Shared;
use crate::state::Seat;
use crate::strategy::Load;
use crate::sync::{Arc, Mutex, Ordering, lock};
use crate::worker;

impl Shared {
    /// Starts a worker. Never with the state locked: the spawn handler is user code.
    ///
    /// # Errors
    /// If no thread could be started. Then others answer for what is queued, or nothing is.
    pub(crate) fn start_worker(self: &Arc<Self>, seat: Seat) -> io::Result<()> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        // The thread and this function cannot both have the seat, whatever the handler did and says that it did.
        let handover = Arc::new(Mutex::new(Some(seat)));
        let body: Box<dyn FnOnce() + Send> = {
            let (shared, handover) = (Arc::clone(self), Arc::clone(&handover));
            Box::new(move || {
                let taken = lock(&handover).take();
                if let Some(seat) = taken {
                    worker::work(&shared, seat);
                }
            })
        };
        let spawned = catch_unwind(AssertUnwindSafe(|| (self.spawn)(builder, body)))
            .unwrap_or_else(|_| Err(io::Error::other("the spawn handler panicked")));
        let Err(error) = spawned else { return Ok(()) };
        let taken = lock(&handover).take();
        let Some(seat) = taken else { return Ok(()) };
        self.stand_in(seat);
        Err(error)
    }

    /// Does a worker's work on this thread until there is another worker, or no work.
    #[cold]
    fn stand_in(&self, _seat: Seat) {
        let mut state = self.lock();
        state.free -= 1;
        while state.live == 1 {
            let Some(job) = state.pop() else { break };
            self.counters.begin_elsewhere();
            self.publish(&state);
            self.unlock_and_tell(state);
            drop(self.run_begun_elsewhere(job, self.nesting.enter_worker()));
            state = self.lock();
        }
        state.leave(false);
        self.unlock_and_tell_left(state);
    }

    /// Starts a worker beside others if the strategy wants one and the limit allows it.
    pub(crate) fn grow_if_wanted(self: &Arc<Self>, load: &Load) {
        let wanted = || load.waiting > 0 && self.strategy.grow(load);
        match catch_unwind(AssertUnwindSafe(wanted)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(payload) => return drop(soiree_core::PanicPayload::new(payload)),
        }
        if let Some(seat) = self.take_seat_beside() {
            // A smaller pool is what is left if it fails.
            let _ = self.start_worker(seat);
        }
    }

    /// Takes a seat beside others, for what they have left waiting.
    pub(crate) fn take_seat_beside(&self) -> Option<Seat> {
        let mut state = self.lock();
        let waiting = state.queued() + state.blocked;
        if state.live == 0 || waiting <= state.free {
            return None;
        }
        let seat = state.take_seat();
        self.publish_all(&state);
        self.unlock_and_tell(state);
        seat
    }
}
