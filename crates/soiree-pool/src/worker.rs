//! The life of a worker.

use std::time::Instant;

use soiree_core::Job;

use crate::counters::{End, Slot};
use crate::shared::Shared;
use crate::state::{Phase, Seat, State};
use crate::sync::{Arc, Backoff, MutexGuard, Ordering, wait, wait_until};

struct Worker<'a> {
    shared: &'a Arc<Shared>,
    slot: Slot<'a>,
    /// Whether it is counted among those without a job.
    free: bool,
}

pub(crate) fn work(shared: &Arc<Shared>, _seat: Seat) {
    let _entered = shared.nesting.enter_worker();
    let slot = shared.counters.slot();
    let mut worker = Worker {
        shared,
        slot,
        free: true,
    };
    while let Some(job) = worker.next() {
        worker.run(job);
    }
}

impl Worker<'_> {
    fn run(&self, job: Job) {
        let outcome = job.run();
        self.slot.end(End::from(&outcome));
        self.shared.tell_panic(&outcome);
    }

    /// Finds something to do, and waits for it; `None` if the worker is to leave.
    fn next(&mut self) -> Option<Job> {
        let shared = self.shared;
        let mut state = shared.lock();
        let mut backoff = Backoff::new();
        let mut asked = false;
        loop {
            if state.live > state.max_workers {
                return self.leave(state);
            }
            if self.free && !asked && state.queued() > 1 && state.live < state.max_workers {
                // Submitters that counted on this worker did not start another one. The strategy is asked with no job in
                // hand, since the limit may fall in that while.
                asked = true;
                let load = state.load_without_one(shared.capacity);
                drop(state);
                shared.grow_if_wanted(&load);
                state = shared.lock();
                continue;
            }
            if let Some(job) = state.pop() {
                self.begin(state);
                return Some(job);
            }
            if !self.free {
                self.free = true;
                state.free += 1;
                shared.publish(&state);
                // Where jobs are handed over directly, this is the place that a submitter waits for.
                if state.blocked > 0 {
                    shared.unlock_and_tell(state);
                    state = shared.lock();
                    continue;
                }
            }
            if state.phase != Phase::Open {
                return self.leave(state);
            }
            if !backoff.is_completed() {
                state.looking += 1;
                drop(state);
                while !backoff.is_completed() && shared.queued.load(Ordering::Acquire) == 0 {
                    backoff.snooze();
                }
                state = shared.lock();
                state.looking -= 1;
                continue;
            }
            let late;
            (state, late) = shared.sleep(state);
            if late && (state.queued() > 0 || state.blocked > 0) {
                // Somebody is on the way here with a job, and needs the lock for it.
                backoff = Backoff::new();
            } else if late && state.live > shared.min_workers {
                return self.leave(state);
            }
        }
    }

    /// Begins a job, and tells others of the rest.
    fn begin(&mut self, mut state: MutexGuard<'_, State>) {
        let was_free = std::mem::replace(&mut self.free, false);
        state.free -= usize::from(was_free);
        self.slot.begin();
        self.shared.publish(&state);
        self.shared.unlock_and_tell(state);
    }

    #[cold]
    fn leave(&self, mut state: MutexGuard<'_, State>) -> Option<Job> {
        state.leave(self.free);
        self.shared.unlock_and_tell_left(state);
        None
    }
}

impl Shared {
    /// Waits to be woken, and says whether the time of an idle worker is over.
    fn sleep<'a>(&'a self, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        state.sleeping += 1;
        let deadline = (state.live > self.min_workers)
            .then(|| Instant::now().checked_add(self.idle_timeout))
            .flatten();
        let (mut state, late) = match deadline {
            Some(deadline) => wait_until(&self.state, &self.work, state, deadline),
            None => (wait(&self.work, state), false),
        };
        state.woke_up();
        (state, late)
    }
}
