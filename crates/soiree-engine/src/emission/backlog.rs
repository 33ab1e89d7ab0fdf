//! Accepted work that a pool has not taken: pools that do not implement [`Pool::requeue`](soiree_core::Pool::requeue) reject it if they
//! are full, and any pool may if it cannot start a thread.

use std::cell::Cell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
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

/// The work of one emitter that waits for pools, for each of them oldest first.
#[derive(Default)]
pub(crate) struct Backlog {
    /// In how many lines work waits or is offered.
    lines: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the address of the pool.
    lines: BTreeMap<usize, Line>,
    is_scheduled: bool,
    pause: Duration,
    /// A close has given up what waited; nothing waits any more.
    is_closed: bool,
}

/// What waits for one pool.
#[derive(Default)]
struct Line {
    work: VecDeque<Arc<dyn AcceptedWork>>,
    /// A thread offers the oldest work to the pool: it is not in `work`.
    is_offered: bool,
    /// A thread has looked for work meanwhile and passed over it: there may be room now.
    is_missed: bool,
}

impl Backlog {
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state: MutexGuard<'_, _> =
            self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state);
        self.lines.store(state.lines.len(), Ordering::Release);
        result
    }

    /// How much work waits.
    pub(crate) fn len(&self) -> usize {
        self.with(|state| state.lines.values().map(|line| line.work.len()).sum())
    }

    pub(super) fn has_work_for(&self, pool_ref: &PoolRef) -> bool {
        let has_line = |state: &mut State| state.lines.contains_key(&pool_ref.address());
        self.lines.load(Ordering::Acquire) > 0 && self.with(has_line)
    }

    /// Lets the work wait until its pool takes it. Once closed, ends it.
    pub(super) fn add(
        self: &Arc<Self>,
        work: Arc<dyn AcceptedWork>,
        timer: Option<&Arc<dyn Timer>>,
    ) {
        let is_added = self.list(work, |state, pool, work| {
            if !state.has_work() {
                state.pause = FIRST_PAUSE;
            }
            state.lines.entry(pool).or_default().work.push_back(work);
        });
        if is_added {
            self.schedule(timer);
        }
    }

    /// Lists the work. Once closed, ends it instead: nothing would ever submit it again. Returns whether it is listed.
    fn list(
        &self,
        work: Arc<dyn AcceptedWork>,
        insert: impl FnOnce(&mut State, usize, Arc<dyn AcceptedWork>),
    ) -> bool {
        let pool = work.pool_ref().address();
        let refused = self.with(|state| {
            if state.is_closed {
                return Some(work);
            }
            insert(state, pool, work);
            None
        });
        let is_listed = refused.is_none();
        refused.into_iter().for_each(end);
        is_listed
    }

    /// Offers the work that has waited longest for a pool to it. Returns `None` if there is none, or the work if the pool does not take it.
    /// Until [`end_offer`](Self::end_offer), nothing else is offered to that pool: what began to wait later must not overtake it.
    fn offer_oldest(&self, pool: usize) -> Option<Option<Arc<dyn AcceptedWork>>> {
        let work = self.with(|state| state.take(pool))?;
        let mut rejected = None;
        // What one runs into must not keep the others waiting.
        contained(|| rejected = offer(work, |pool, job| pool.requeue(job)));
        Some(rejected)
    }

    /// Returns whether a thread has looked for work of the pool meanwhile.
    fn end_offer(&self, pool: usize) -> bool {
        self.with(|state| {
            let Entry::Occupied(mut line) = state.lines.entry(pool) else {
                return false;
            };
            let is_missed = line.get().is_missed;
            if line.get().work.is_empty() {
                line.remove();
            } else {
                (line.get_mut().is_offered, line.get_mut().is_missed) = (false, false);
            }
            is_missed
        })
    }

    /// Lets work wait that was the oldest of this pool: before all others, or behind those of another pool if it goes there now.
    fn put_back(&self, from: usize, work: Arc<dyn AcceptedWork>) {
        self.list(work, |state, pool, work| {
            let line = &mut state.lines.entry(pool).or_default().work;
            match pool == from {
                true => line.push_front(work),
                false => line.push_back(work),
            }
        });
    }

    /// Submits all work again; that for one pool until the pool rejects it.
    fn submit_all(self: &Arc<Self>, timer: &Arc<dyn Timer>) {
        let pools: Vec<usize> = self.with(|state| state.lines.keys().copied().collect());
        let mut has_progress = false;
        for pool in pools {
            has_progress |= self.submit_all_of(pool);
        }
        let waits = self.with(|state| {
            state.pause = match has_progress {
                true => FIRST_PAUSE,
                false => (state.pause.max(FIRST_PAUSE) * 2).min(LONGEST_PAUSE),
            };
            state.has_work()
        });
        if waits {
            self.schedule(Some(timer));
        }
    }

    /// Returns whether any work was taken.
    fn submit_all_of(&self, pool: usize) -> bool {
        let mut has_progress = false;
        while let Some(rejected) = self.offer_oldest(pool) {
            let Some(work) = rejected else {
                has_progress = true;
                self.end_offer(pool);
                continue;
            };
            // Its pool is another one now if the bulkhead was removed: the next one goes there as well.
            let is_here = work.pool_ref().address() == pool;
            self.put_back(pool, work);
            if !self.end_offer(pool) && is_here {
                break;
            }
        }
        has_progress
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
        let waiting = self.with(|state| {
            let all = state.lines.values_mut();
            let waiting: Vec<_> = all
                .flat_map(|line| std::mem::take(&mut line.work))
                .collect();
            state.lines.retain(|_, line| line.is_offered);
            waiting
        });
        waiting.into_iter().for_each(end);
    }

    /// At the end of a job: submits work that waits for the pool of this worker. If the pool is still full, this worker runs it.
    pub(crate) fn run_one(
        self: &Arc<Self>,
        timer: Option<&Arc<dyn Timer>>,
        pool_ref: impl FnOnce() -> Arc<PoolRef>,
    ) {
        if self.lines.load(Ordering::Relaxed) > 0 {
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
        // The timer may have found nothing while this thread had the work. Without a timer, so may the thread that has added it.
        if is_left {
            self.schedule(timer);
        }
    }

    /// Returns whether work is put back.
    fn run_one_here(&self, pool: usize) -> bool {
        let mut has_taken = false;
        while let Some(rejected) = self.offer_oldest(pool) {
            let Some(work) = rejected else {
                has_taken = true;
                self.end_offer(pool);
                continue;
            };
            if has_taken {
                // What the pool has taken comes first, and is followed by this.
                self.put_back(pool, work);
                self.end_offer(pool);
                return true;
            }
            // Before it runs: it may have work of its own that waits.
            self.end_offer(pool);
            // One only: the jobs in the queue come next.
            let Some(work) = offer(work, |pool, job| pool.run_inline(job).map(drop)) else {
                return false;
            };
            self.put_back(pool, work);
            return true;
        }
        false
    }
}

impl State {
    /// Whether any work waits that no thread offers.
    fn has_work(&self) -> bool {
        self.lines.values().any(|line| !line.work.is_empty())
    }

    /// Removes the work that has waited longest for a pool, to be offered. `None` if a thread offers work to the pool.
    fn take(&mut self, pool: usize) -> Option<Arc<dyn AcceptedWork>> {
        let line = self.lines.get_mut(&pool)?;
        if line.is_offered {
            line.is_missed = true;
            return None;
        }
        line.is_offered = true;
        line.work.pop_front()
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
