//! Places in the queue that are kept for jobs to come.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use soiree_core::panic::Contained;
use soiree_core::{
    Job, KeepsPlaces, Overflow, Reservation, Reserve, ReservedPlace, SubmitError,
    SubmitErrorReason as Reason,
};

use crate::executor::Executor;
use crate::queued_job::QueuedJob;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state_guard::StateGuard;
use crate::task_waiter::TaskWaiter;

impl<E: Executor> Shared<E> {
    /// Keeps a place in the queue. A worker that is free is no such place, as the limit of workers may be lowered meanwhile.
    pub(crate) fn try_reserve(self: &Arc<Self>) -> Result<Reservation, Reason> {
        let mut state = self.revive(self.lock())?;
        if !state.try_reserve() {
            let capacity = self.options.capacity;
            return Err(Reason::Full { capacity });
        }
        drop(state);
        Ok(Reservation::kept_by(self))
    }
}

impl<E: Executor> Shared<E> {
    /// A future that waits for a place.
    pub(crate) fn reserve(self: &Arc<Self>) -> Reserve {
        let reserve = Reserve::new(Reserving {
            shared: Arc::clone(self),
            waiting: None,
        });
        match self.options.overflow {
            Overflow::BlockFor(timeout) => reserve.with_timeout(timeout),
            _ => reserve,
        }
    }

    /// Sees to it that permits are sent for jobs that no worker is left to run. Returns the reason if the pool takes no jobs.
    fn revive<'a>(
        self: &'a Arc<Self>,
        mut state: StateGuard<'a, E>,
    ) -> Result<StateGuard<'a, E>, Reason> {
        if !state.is_closed() && (state.is_stalled() || state.is_stranded()) {
            match self.dispatch(state) {
                Ok(locked) => state = locked,
                Err(error) => {
                    self.sending_failed(&error);
                    return Err(error.into_reason());
                }
            }
        }
        match state.is_closed() {
            true => Err(Reason::Closed),
            false => Ok(state),
        }
    }
}

impl<E: Executor> Shared<E> {
    /// Submits a job to a place that was kept for it. It starts in the order of `seq`, or as one that has just come.
    fn submit_kept(self: &Arc<Self>, job: Job, seq: Option<Seq>) -> Result<(), SubmitError> {
        let job = QueuedJob::new(job);
        let mut state = self.lock();
        state.no_longer_reserved();
        if state.is_closed() {
            return Err(self.reject(state, job.job, Reason::Closed));
        }
        let seq = seq.unwrap_or_else(|| state.new_seq());
        // Also if the limit of workers was lowered, and too many jobs are queued. It is queued as if it had come before that.
        self.accept(state, seq, job)
    }
}

impl<E: Executor> KeepsPlaces for Shared<E> {
    fn submit_reserved(self: Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_kept(job, None)
    }

    fn give_back(self: Arc<Self>) {
        let mut state = self.lock();
        state.no_longer_reserved();
        if !state.line.has_waiters() {
            return;
        }
        match self.dispatch(state) {
            Ok(state) => self.look_for_end(state),
            Err(error) => self.sending_failed(&error),
        }
    }
}

/// The place of a task that has waited for it. Its job starts before those of all who began to wait later.
struct WaitedPlace<E: Executor> {
    /// `None` once it was used or given back.
    pool: Option<Weak<Shared<E>>>,
    seq: Seq,
}

impl<E: Executor> WaitedPlace<E> {
    fn reserve(pool: &Arc<Shared<E>>, seq: Seq) -> Reservation {
        let pool = Some(Arc::downgrade(pool));
        Reservation::new(Self { pool, seq })
    }

    fn take(&mut self) -> Option<Arc<Shared<E>>> {
        self.pool.take()?.upgrade()
    }
}

impl<E: Executor> ReservedPlace for WaitedPlace<E> {
    fn submit(mut self: Box<Self>, job: Job) -> Result<(), SubmitError> {
        match self.take() {
            Some(pool) => pool.submit_kept(job, Some(self.seq)),
            None => Err(SubmitError::new(job, Reason::Closed)),
        }
    }
}

impl<E: Executor> Drop for WaitedPlace<E> {
    fn drop(&mut self) {
        if let Some(pool) = self.take() {
            pool.give_back();
        }
    }
}

/// A task that waits for a place.
struct Reserving<E: Executor> {
    shared: Arc<Shared<E>>,
    /// `None` before it waits, and once it no longer does.
    waiting: Option<(Seq, Arc<TaskWaiter>)>,
}

impl<E: Executor> Reserving<E> {
    fn begin(&mut self, waker: Contained<Waker>) -> Poll<Result<Reservation, Reason>> {
        let shared = &self.shared;
        let mut state = match shared.revive(shared.lock()) {
            Ok(state) => state,
            Err(reason) => return Poll::Ready(Err(reason)),
        };
        if state.has_place_for_new() {
            state.reserved_places += 1;
            drop(state);
            return Poll::Ready(Ok(Reservation::kept_by(shared)));
        }
        let overflow = shared.options.overflow;
        if matches!(overflow, Overflow::Reject | Overflow::DropOldest) {
            let capacity = shared.options.capacity;
            return Poll::Ready(Err(Reason::Full { capacity }));
        }
        let task = Arc::new(TaskWaiter::new(waker));
        let seq = state.new_seq();
        state.line.push_task(seq, Arc::clone(&task));
        drop(state);
        self.waiting = Some((seq, task));
        Poll::Pending
    }
}

impl<E: Executor> Future for Reserving<E> {
    type Output = Result<Reservation, Reason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = Contained::new(context.waker().clone());
        let Some((seq, task)) = &self.waiting else {
            return self.begin(waker);
        };
        // Before the state is looked at, so that no change of it is missed.
        task.set_waker(waker);
        let shared = Arc::clone(&self.shared);
        let reason = match shared.revive(shared.lock()) {
            Ok(state) if state.line.has_task(*seq) => return Poll::Pending,
            Ok(_) => Reason::Closed,
            Err(reason) => reason,
        };
        if task.is_granted() {
            let place = WaitedPlace::reserve(&shared, *seq);
            self.waiting = None;
            return Poll::Ready(Ok(place));
        }
        self.stop_waiting();
        Poll::Ready(Err(reason))
    }
}

impl<E: Executor> Reserving<E> {
    fn stop_waiting(&mut self) {
        let Some((seq, task)) = self.waiting.take() else {
            return;
        };
        let mut state = self.shared.lock();
        if task.is_granted() {
            drop(state);
            Arc::clone(&self.shared).give_back();
        } else {
            state.line.remove_task(seq);
            self.shared.look_for_end(state);
        }
        // Without the lock: it holds the task's waker.
        drop(task);
    }
}

impl<E: Executor> Drop for Reserving<E> {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}
