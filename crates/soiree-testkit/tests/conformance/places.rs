//! Places that the reference pool keeps for jobs to come, and tasks that wait for one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use soiree_core::{
    Job, KeepsPlaces, Overflow, Reservation, Reserve, SubmitError, SubmitErrorReason as Reason,
};

use crate::faults::Fault;
use crate::reference::Shared;
use crate::state::{Phase, State};

/// A task that waits for a place.
#[derive(Default)]
pub(crate) struct WaitingTask(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    is_granted: bool,
    waker: Option<Waker>,
}

impl WaitingTask {
    /// Sets what wakes the task. Returns whether it has a place.
    fn set_waker(&self, waker: &Waker) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.waker = Some(waker.clone());
        inner.is_granted
    }

    fn is_granted(&self) -> bool {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.is_granted
    }

    pub(crate) fn end_wait(&self, is_granted: bool, under_lock: bool) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.is_granted = is_granted;
        let Some(waker) = inner.waker.take() else {
            return;
        };
        drop(inner);
        match under_lock {
            true => waker.wake(),
            // The caller holds the lock of the pool.
            false => drop(thread::spawn(move || waker.wake())),
        }
    }
}

impl Shared {
    /// Places that are kept, as far as they are counted.
    pub(crate) fn reserved(&self, state: &State) -> usize {
        match self.fault {
            Fault::KeepsNoPlaces => 0,
            _ => state.reserved,
        }
    }

    pub(crate) fn try_reserve(self: &Arc<Self>) -> Result<Reservation, Reason> {
        let mut state = self.lock();
        while self.has(Fault::WaitsInTryReserve)
            && state.phase == Phase::Open
            && !self.has_room(&state)
        {
            state = self.wait(state);
        }
        let has_queue = self.capacity() > 0 || self.has(Fault::ReservesWithoutAQueue);
        if state.phase != Phase::Open {
            return Err(Reason::Closed);
        }
        if !has_queue || !self.has_room(&state) || state.reserved >= self.capacity().max(1) {
            return Err(self.full());
        }
        state.reserved += 1;
        Ok(Reservation::kept_by(self))
    }

    pub(crate) fn reserve(self: &Arc<Self>) -> Reserve {
        Reserve::new(Reserving {
            shared: Arc::clone(self),
            waiting: None,
        })
    }

    /// Gives a place to a task.
    pub(crate) fn grant(&self, state: &mut State, task: &WaitingTask) {
        state.reserved += 1;
        task.end_wait(true, self.has(Fault::WakesTasksUnderItsLock));
    }

    fn no_longer_reserved(&self, state: &mut State) {
        if state.phase == Phase::Open || self.has(Fault::WaitsForReservationsInARelease) {
            state.reserved -= 1;
        }
        self.changed.notify_all();
    }
}

impl KeepsPlaces for Shared {
    fn submit_reserved(self: Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let mut state = self.lock();
        while state.phase == Phase::Open && self.wants_worker(&state, 1) {
            drop(state);
            let failed = self.start().err();
            state = self.lock();
            let Some(error) = failed else { continue };
            if state.live > 0 {
                break;
            }
            self.no_longer_reserved(&mut state);
            return Err(self.reject(state, job, Reason::Spawn(error)));
        }
        self.no_longer_reserved(&mut state);
        if state.phase != Phase::Open && !self.has(Fault::AcceptsReservedJobsWhenClosed) {
            return Err(self.reject(state, job, Reason::Closed));
        }
        match self.fault {
            Fault::LosesJobsWithAPlace => state.submitted += 1,
            _ => self.accept(&mut state, job),
        }
        Ok(())
    }

    fn give_back(self: Arc<Self>) {
        if self.has(Fault::LosesPlacesThatAreGivenBack) {
            return;
        }
        let mut state = self.lock();
        self.no_longer_reserved(&mut state);
        self.serve(&mut state);
    }
}

struct Reserving {
    shared: Arc<Shared>,
    waiting: Option<(u64, Arc<WaitingTask>)>,
}

impl Reserving {
    fn begin(&mut self, waker: &Waker) -> Poll<Result<Reservation, Reason>> {
        let shared = &self.shared;
        let mut state = shared.lock();
        let rejects = matches!(shared.overflow(), Overflow::Reject | Overflow::DropOldest);
        loop {
            if state.phase != Phase::Open {
                return Poll::Ready(Err(Reason::Closed));
            }
            if shared.wants_worker(&state, 1) {
                drop(state);
                let failed = shared.start().err();
                state = shared.lock();
                match failed {
                    Some(error) if state.live == 0 && !shared.has(Fault::WaitsForNoWorker) => {
                        return Poll::Ready(Err(Reason::Spawn(error)));
                    }
                    Some(_) => {}
                    None => continue,
                }
            }
            if shared.has_room(&state) && state.live > 0 {
                state.reserved += 1;
                return Poll::Ready(Ok(Reservation::kept_by(shared)));
            }
            if rejects {
                return Poll::Ready(Err(shared.full()));
            }
            if shared.has(Fault::BlocksInReserve) {
                state = shared.wait(state);
                continue;
            }
            let task = Arc::new(WaitingTask::default());
            task.set_waker(waker);
            let number = state.line.push_task(Arc::clone(&task));
            self.waiting = Some((number, task));
            return Poll::Pending;
        }
    }
}

impl Future for Reserving {
    type Output = Result<Reservation, Reason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((number, task)) = &self.waiting else {
            return self.begin(context.waker());
        };
        let state = self.shared.lock();
        let (is_granted, waits) = (
            task.set_waker(context.waker()),
            state.line.contains(*number),
        );
        drop(state);
        let shared = Arc::clone(&self.shared);
        match (is_granted, waits) {
            (true, _) => {
                self.waiting = None;
                Poll::Ready(Ok(Reservation::kept_by(&shared)))
            }
            (false, true) => Poll::Pending,
            (false, false) => Poll::Ready(Err(Reason::Closed)),
        }
    }
}

impl Drop for Reserving {
    fn drop(&mut self) {
        let Some((number, task)) = self.waiting.take() else {
            return;
        };
        let shared = &self.shared;
        let mut state = shared.lock();
        match task.is_granted() {
            true if shared.has(Fault::LosesPlacesOfTasksThatGiveUp) => {}
            true => {
                shared.no_longer_reserved(&mut state);
                shared.serve(&mut state);
            }
            false if shared.has(Fault::ServesTasksThatHaveGivenUp) => {}
            false => state.line.remove_task(number),
        }
    }
}
