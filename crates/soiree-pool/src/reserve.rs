//! Places in the queue that are kept for jobs to come.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use soiree_core::panic::Contained;
use soiree_core::{
    Job, KeepsPlaces, Overflow, Reservation, Reserve, SubmitError, SubmitErrorReason as Reason,
};

use crate::shared::Shared;
use crate::state::{Phase, State};
use crate::submit::Admission;
use crate::sync::{Arc, MutexGuard, Ordering};
use crate::task_waiter::TaskWaiter;
use crate::waiters::Ticket;

impl Shared {
    /// Keeps a place in the queue. A worker that is idle is no such place, as it may exit meanwhile.
    pub(crate) fn try_reserve(self: &Arc<Self>) -> Result<Reservation, Reason> {
        let full = Reason::Full {
            capacity: self.capacity,
        };
        let mut state = match self.admit(self.lock(), None) {
            Admission::Enqueue(state) => state,
            Admission::Full(_) => return Err(full),
            Admission::Rejected(reason) => return Err(reason),
        };
        if !state.jobs.try_reserve() {
            return Err(full);
        }
        self.publish_reserved(&state);
        drop(state);
        Ok(Reservation::kept_by(self))
    }

    /// Keeps a place, or an idle worker, for a task that waits for one. There is one. The caller wakes the task.
    pub(crate) fn grant(&self, state: &mut MutexGuard<'_, State>, task: &TaskWaiter) {
        state.jobs.reserve();
        self.publish_reserved(state);
        task.grant();
    }

    /// A future that waits for a place.
    pub(crate) fn reserve(self: &Arc<Self>) -> Reserve {
        let reserve = Reserve::new(Reserving {
            shared: Arc::clone(self),
            waiting: None,
        });
        match self.overflow {
            Overflow::BlockFor(timeout) => reserve.with_timeout(timeout),
            _ => reserve,
        }
    }

    /// The caller unlocks the state and notifies those who wait for a place.
    fn no_longer_reserved(&self, state: &mut MutexGuard<'_, State>) {
        // A pool that is closed keeps none.
        if state.phase == Phase::Running {
            state.jobs.give_back();
            self.publish_reserved(state);
        }
    }

    pub(crate) fn publish_reserved(&self, state: &State) {
        let reserved = state.jobs.reserved();
        self.reserved.store(reserved, Ordering::Release);
    }
}

impl KeepsPlaces for Shared {
    fn submit_reserved(self: Arc<Self>, job: Job) -> Result<(), SubmitError> {
        // Declared before the lock, so that it is dropped after it: it is the spawn handler's.
        let mut start_error = None;
        let mut state = self.lock();
        // The place is kept while a worker is started, or another job would take it.
        while state.phase == Phase::Running && state.permits.live() == 0 && start_error.is_none() {
            let Some(permit) = state.permits.try_acquire() else {
                break;
            };
            (state, start_error) = self.start_worker(state, permit);
        }
        self.no_longer_reserved(&mut state);
        if state.phase != Phase::Running || state.permits.live() == 0 {
            let is_closed = state.phase != Phase::Running;
            self.unlock_and_notify(state);
            let reason = match start_error {
                Some(error) if !is_closed => Reason::Spawn(error.into_inner()),
                _ => Reason::Closed,
            };
            return Err(self.reject(job, reason));
        }
        if state.has_room_for_reserved() {
            // Its own place: it overtakes nobody who waits for one.
            self.enqueue(state, job);
            return Ok(());
        }
        // The idle worker that was kept has exited. Those who wait came after this one.
        state.waiters.push_ahead(job);
        self.publish_waiters(&state);
        let permit = state.permits.try_acquire();
        self.publish_all(&state);
        self.unlock_and_notify(state);
        if let Some(permit) = permit {
            // If that fails, the live workers run all jobs.
            drop(self.spawn_worker(permit));
        }
        Ok(())
    }

    fn give_back(self: Arc<Self>) {
        let mut state = self.lock();
        self.no_longer_reserved(&mut state);
        self.unlock_and_notify(state);
    }
}

/// A task that waits for a place.
struct Reserving {
    shared: Arc<Shared>,
    /// `None` before it waits, and once it no longer does.
    waiting: Option<(Ticket, Arc<TaskWaiter>)>,
}

impl Reserving {
    fn begin(&mut self, waker: Contained<Waker>) -> Poll<Result<Reservation, Reason>> {
        let shared = &self.shared;
        let waits = !matches!(shared.overflow, Overflow::Reject | Overflow::DropOldest);
        match shared.admit(shared.lock(), None) {
            Admission::Enqueue(mut state) => {
                state.jobs.reserve();
                shared.publish_reserved(&state);
                drop(state);
                Poll::Ready(Ok(Reservation::kept_by(shared)))
            }
            Admission::Full(mut state) if waits => {
                let task = Arc::new(TaskWaiter::new(waker));
                let ticket = state.waiters.push_task(Arc::clone(&task));
                shared.publish_waiters(&state);
                self.waiting = Some((ticket, task));
                Poll::Pending
            }
            Admission::Full(_) => Poll::Ready(Err(Reason::Full {
                capacity: shared.capacity,
            })),
            Admission::Rejected(reason) => Poll::Ready(Err(reason)),
        }
    }
}

impl Future for Reserving {
    type Output = Result<Reservation, Reason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = || Contained::new(context.waker().clone());
        let Some((ticket, task)) = &self.waiting else {
            return self.begin(waker());
        };
        if !task.is_granted() {
            // Before the state is looked at, so that no change of it is missed.
            task.set_waker(waker());
        }
        let shared = &self.shared;
        // Declared before the lock, so that it is dropped after it: it is the spawn handler's.
        let mut start_error = None;
        let mut state = shared.lock();
        // Nobody else starts a worker for those who wait. It keeps its place among them meanwhile.
        while state.permits.live() == 0 && start_error.is_none() && state.waiters.contains(*ticket)
        {
            let Some(permit) = state.permits.try_acquire() else {
                break;
            };
            (state, start_error) = shared.start_worker(state, permit);
        }
        let waits = state.waiters.contains(*ticket);
        if waits && (state.permits.live() > 0 || start_error.is_none()) {
            return Poll::Pending;
        }
        state.waiters.remove_task(*ticket);
        let is_granted = task.is_granted();
        shared.unlock_after_leaving(state);
        let ready = match start_error {
            _ if is_granted => Ok(Reservation::kept_by(shared)),
            Some(error) if waits => Err(Reason::Spawn(error.into_inner())),
            _ => Err(Reason::Closed),
        };
        self.waiting = None;
        Poll::Ready(ready)
    }
}

impl Drop for Reserving {
    fn drop(&mut self) {
        let Some((ticket, task)) = self.waiting.take() else {
            return;
        };
        let mut state = self.shared.lock();
        if task.is_granted() {
            self.shared.no_longer_reserved(&mut state);
            self.shared.unlock_and_notify(state);
        } else {
            state.waiters.remove_task(ticket);
            self.shared.unlock_after_leaving(state);
        }
        // Without the lock: it holds the task's waker.
        drop(task);
    }
}
