//! Accepted work that a pool has not taken: pools that do not implement [`Pool::requeue`](soiree_core::Pool::requeue) reject it if they
//! are full, and any pool may if it cannot start a thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use soiree_core::panic::contained;
use soiree_core::sync::{AtomicUsize, Mutex, MutexGuard, thread_local};
use soiree_core::{SubmitErrorReason, Timer};

use super::accepted::{AcceptedWork, offer};
use super::pool_ref::PoolRef;
use crate::context::inside_frame;

/// The pauses between two attempts to submit the work, if no job of the emitter ends on its pool in between.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The work of one emitter that waits for pools, oldest first.
#[derive(Default)]
pub(crate) struct Backlog {
    /// The length of the list.
    count: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    work: VecDeque<Arc<dyn AcceptedWork>>,
    is_scheduled: bool,
    pause: Duration,
    /// A close has given up what waited; nothing waits any more.
    is_closed: bool,
}

impl Backlog {
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state: MutexGuard<'_, _> =
            self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state);
        self.count.store(state.work.len(), Ordering::Release);
        result
    }

    /// How much work waits.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn has_work_for(&self, pool_ref: &PoolRef) -> bool {
        let pool = pool_ref.address();
        let is_same = |work: &Arc<dyn AcceptedWork>| work.pool_ref().address() == pool;
        self.len() > 0 && self.with(|state| state.work.iter().any(is_same))
    }

    /// Lets the work wait until its pool takes it. Once closed, ends it.
    pub(super) fn add(
        self: &Arc<Self>,
        work: Arc<dyn AcceptedWork>,
        timer: Option<&Arc<dyn Timer>>,
    ) {
        let is_added = self.list(work, |state, work| {
            if state.work.is_empty() {
                state.pause = FIRST_PAUSE;
            }
            state.work.push_back(work);
        });
        if is_added {
            self.schedule(timer);
        }
    }

    /// Lets the work wait before the other work of its pool, which has not taken it again.
    fn put_back(&self, work: Arc<dyn AcceptedWork>) {
        self.list(work, |state, work| state.work.push_front(work));
    }

    /// Lists the work. Once closed, ends it instead: nothing would ever submit it again. Returns whether it is listed.
    fn list(
        &self,
        work: Arc<dyn AcceptedWork>,
        insert: impl FnOnce(&mut State, Arc<dyn AcceptedWork>),
    ) -> bool {
        let refused = self.with(|state| {
            if state.is_closed {
                return Some(work);
            }
            insert(state, work);
            None
        });
        let is_listed = refused.is_none();
        refused.into_iter().for_each(end);
        is_listed
    }

    /// Removes the work that has waited longest for one of these pools.
    fn take(&self, is_one: impl Fn(usize) -> bool) -> Option<Arc<dyn AcceptedWork>> {
        self.with(|state| {
            let mut work = state.work.iter();
            let at = work.position(|work| is_one(work.pool_ref().address()))?;
            state.work.remove(at)
        })
    }

    /// Submits all work again; that for one pool until the pool rejects it.
    fn submit_all(self: &Arc<Self>, timer: &Arc<dyn Timer>) {
        let (mut full, mut has_progress) = (Vec::new(), false);
        // One after the other: what is emitted meanwhile must not overtake the others.
        while let Some(work) = self.take(|pool| !full.contains(&pool)) {
            // What one runs into must not keep the others from being submitted.
            let mut rejected = None;
            contained(|| rejected = offer(work, |pool, job| pool.requeue(job)));
            match rejected {
                None => has_progress = true,
                Some(work) => {
                    // Its pool is another one now if the bulkhead was removed.
                    full.push(work.pool_ref().address());
                    self.put_back(work);
                }
            }
        }
        let waits = self.with(|state| {
            state.pause = match has_progress {
                true => FIRST_PAUSE,
                false => (state.pause.max(FIRST_PAUSE) * 2).min(LONGEST_PAUSE),
            };
            !state.work.is_empty()
        });
        if waits {
            self.schedule(Some(timer));
        }
    }

    fn schedule(self: &Arc<Self>, timer: Option<&Arc<dyn Timer>>) {
        let pause = self.with(|state| {
            let is_scheduled = std::mem::replace(&mut state.is_scheduled, true);
            (!is_scheduled).then(|| state.pause.max(FIRST_PAUSE))
        });
        let Some(pause) = pause else {
            return;
        };
        let is_scheduled = timer.is_some_and(|timer| {
            let (backlog, again) = (Arc::clone(self), Arc::clone(timer));
            let task = move || {
                backlog.with(|state| state.is_scheduled = false);
                backlog.submit_all(&again);
            };
            timer.at(timer.after(pause), Box::new(task)).is_ok()
        });
        if is_scheduled {
            return;
        }
        // Without a timer nothing would ever submit the work again.
        self.with(|state| state.is_scheduled = false);
        self.give_up();
    }

    /// Ends all work that waits, and that is to wait later.
    pub(crate) fn close(&self) {
        self.with(|state| state.is_closed = true);
        self.give_up();
    }

    fn give_up(&self) {
        let waiting = self.with(|state| std::mem::take(&mut state.work));
        waiting.into_iter().for_each(end);
    }

    /// At the end of a job: submits work that waits for the pool of this worker. If the pool is still full, this worker runs it.
    pub(crate) fn run_one(&self, pool_ref: impl FnOnce() -> Arc<PoolRef>) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.run_one_of(&pool_ref());
        }
    }

    #[cold]
    fn run_one_of(&self, pool_ref: &PoolRef) {
        // Inside a listener is not the end of a job; and work that runs here is one more job, not a job inside another.
        if inside_frame(|_| true) || !pool_ref.is_here() {
            return;
        }
        let Some(_running) = RunningOne::enter() else {
            return;
        };
        while let Some(work) = self.take(|pool| pool == pool_ref.address()) {
            let Some(work) = offer(work, |pool, job| pool.requeue(job)) else {
                continue;
            };
            // One only: the jobs in the queue come next.
            if let Some(work) = offer(work, |pool, job| pool.run_inline(job).map(drop)) {
                self.put_back(work);
            }
            break;
        }
    }
}

/// Ends work that no pool takes, unless it has ended or runs.
fn end(work: Arc<dyn AcceptedWork>) {
    // What one runs into must not keep the others waiting.
    contained(|| {
        if work.claim() {
            work.reject(SubmitErrorReason::Closed);
        }
    });
}

thread_local! {
    /// Whether this thread is inside `run_one`.
    static RUNNING_ONE: Cell<bool> = const { Cell::new(false) };
}

/// The thread is inside `run_one` until this is dropped, also by a panic.
struct RunningOne;

impl RunningOne {
    fn enter() -> Option<Self> {
        let is_inside = RUNNING_ONE.try_with(|running| running.replace(true));
        (!is_inside.unwrap_or(true)).then_some(Self)
    }
}

impl Drop for RunningOne {
    fn drop(&mut self) {
        let _ = RUNNING_ONE.try_with(|running| running.set(false));
    }
}
