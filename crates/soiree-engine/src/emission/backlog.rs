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
    /// How much work is in the list or is offered.
    count: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    work: VecDeque<Arc<dyn AcceptedWork>>,
    /// The pools whose oldest work is not in the list, as a thread offers it to them.
    offered: Vec<Offered>,
    is_scheduled: bool,
    pause: Duration,
    /// A close has given up what waited; nothing waits any more.
    is_closed: bool,
}

struct Offered {
    pool: usize,
    /// A thread has looked for work of the pool meanwhile and passed over it: there may be room now.
    is_missed: bool,
}

impl Backlog {
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state: MutexGuard<'_, _> =
            self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state);
        let count = state.work.len() + state.offered.len();
        self.count.store(count, Ordering::Release);
        result
    }

    /// How much work waits.
    pub(crate) fn len(&self) -> usize {
        self.with(|state| state.work.len())
    }

    pub(super) fn has_work_for(&self, pool_ref: &PoolRef) -> bool {
        let pool = pool_ref.address();
        let is_same = |work: &Arc<dyn AcceptedWork>| work.pool_ref().address() == pool;
        let has_work = |state: &mut State| state.is_offered(pool) || state.work.iter().any(is_same);
        self.count.load(Ordering::Acquire) > 0 && self.with(has_work)
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

    /// Offers the work that has waited longest for one of these pools to its pool. Returns the pool, and the work if the pool does not take
    /// it. Until [`end_offer`](Self::end_offer), nothing else is offered to that pool: what began to wait later must not overtake it.
    fn offer_oldest(
        &self,
        is_one: impl Fn(usize) -> bool,
    ) -> Option<(usize, Option<Arc<dyn AcceptedWork>>)> {
        let (pool, work) = self.with(|state| state.take(is_one))?;
        let mut rejected = None;
        // What one runs into must not keep the others waiting.
        contained(|| rejected = offer(work, |pool, job| pool.requeue(job)));
        Some((pool, rejected))
    }

    /// Returns whether a thread has looked for work of the pool meanwhile.
    fn end_offer(&self, pool: usize) -> bool {
        self.with(|state| {
            let mut offered = state.offered.iter();
            let at = offered.position(|offered| offered.pool == pool);
            at.is_some_and(|at| state.offered.swap_remove(at).is_missed)
        })
    }

    /// Lets work wait before all other work.
    fn put_back(&self, work: Arc<dyn AcceptedWork>) {
        self.list(work, |state, work| state.work.push_front(work));
    }

    /// Submits all work again; that for one pool until the pool rejects it.
    fn submit_all(self: &Arc<Self>, timer: &Arc<dyn Timer>) {
        let (mut full, mut has_progress) = (Vec::new(), false);
        while let Some((pool, rejected)) = self.offer_oldest(|pool| !full.contains(&pool)) {
            let Some(work) = rejected else {
                has_progress = true;
                self.end_offer(pool);
                continue;
            };
            // Its pool is another one now if the bulkhead was removed.
            let now = work.pool_ref().address();
            self.put_back(work);
            if !self.end_offer(pool) {
                full.push(now);
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
    pub(crate) fn run_one(
        self: &Arc<Self>,
        timer: Option<&Arc<dyn Timer>>,
        pool_ref: impl FnOnce() -> Arc<PoolRef>,
    ) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.run_one_of(timer, &pool_ref());
        }
    }

    #[cold]
    fn run_one_of(self: &Arc<Self>, timer: Option<&Arc<dyn Timer>>, pool_ref: &PoolRef) {
        // Inside a listener is not the end of a job; and work that runs here is one more job, not a job inside another.
        if inside_frame(|_| true) || !pool_ref.is_here() {
            return;
        }
        let Some(_running) = RunningOne::enter() else {
            return;
        };
        let is_left = self.run_one_here(pool_ref.address());
        // The timer may have found nothing while this thread had the work.
        if is_left && timer.is_some() {
            self.schedule(timer);
        }
    }

    /// Returns whether work is put back.
    fn run_one_here(&self, here: usize) -> bool {
        let mut has_taken = false;
        while let Some((pool, rejected)) = self.offer_oldest(|pool| pool == here) {
            let Some(work) = rejected else {
                has_taken = true;
                self.end_offer(pool);
                continue;
            };
            if has_taken {
                // What the pool has taken comes first, and is followed by this.
                self.put_back(work);
                self.end_offer(pool);
                return true;
            }
            // Before it runs: it may have work of its own that waits.
            self.end_offer(pool);
            // One only: the jobs in the queue come next.
            let rejected = offer(work, |pool, job| pool.run_inline(job).map(drop));
            let is_rejected = rejected.is_some();
            rejected.into_iter().for_each(|work| self.put_back(work));
            return is_rejected;
        }
        false
    }
}

impl State {
    fn is_offered(&self, pool: usize) -> bool {
        self.offered.iter().any(|offered| offered.pool == pool)
    }

    /// Removes the work that has waited longest for one of these pools, to be offered. Passes over pools to which a thread offers work.
    fn take(&mut self, is_one: impl Fn(usize) -> bool) -> Option<(usize, Arc<dyn AcceptedWork>)> {
        let offered = self.offered.iter_mut();
        offered
            .filter(|offered| is_one(offered.pool))
            .for_each(|offered| offered.is_missed = true);
        let (at, pool) = self.work.iter().enumerate().find_map(|(at, work)| {
            let pool = work.pool_ref().address();
            (is_one(pool) && !self.is_offered(pool)).then_some((at, pool))
        })?;
        let work = self.work.remove(at)?;
        self.offered.push(Offered {
            pool,
            is_missed: false,
        });
        Some((pool, work))
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
