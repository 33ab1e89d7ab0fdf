//! Starting workers, and running their jobs when a thread cannot be started.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use soiree_core::panic::contained;
use soiree_core::{Job, PanicPayload};

use crate::shared::Shared;
use crate::state::State;
use crate::strategy::Load;
use crate::sync::{Arc, Mutex, Ordering, lock};
use crate::worker;
use crate::worker_permits::WorkerPermit;

/// A permit on its way to a new thread. Exactly one takes it: the thread once it runs; or else [`Shared::try_start`], when the spawn
/// handler returns; or else the thread that drops the body later.
struct Handover {
    permit: Option<WorkerPermit>,
    in_handler: bool,
    /// Whether the body was dropped before it ran, in the handler or on the thread.
    is_body_dropped: bool,
}

/// The body of a worker's thread. It answers for the permit, wherever it is dropped.
struct Body {
    shared: Arc<Shared>,
    handover: Arc<Mutex<Handover>>,
}

impl Body {
    fn run(self) {
        let permit = lock(&self.handover).permit.take();
        if let Some(permit) = permit {
            worker::run(&self.shared, permit);
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut handover = lock(&self.handover);
        if handover.in_handler {
            // The handler may hold a lock of its own, so no job may run here. The caller of the handler takes the permit.
            handover.is_body_dropped = true;
            return;
        }
        let permit = handover.permit.take();
        drop(handover);
        if let Some(permit) = permit {
            self.shared.replace_thread(permit);
        }
    }
}

/// Why a worker was not started. The error is the spawn handler's, and dropping it is user code.
pub(crate) struct StartError(Option<io::Error>);

impl StartError {
    fn new(error: io::Error) -> Self {
        Self(Some(error))
    }

    /// The thread was started, and has ended before it became a worker.
    pub(crate) fn ended_early() -> Self {
        Self::new(io::Error::other("the thread ended before it ran its body"))
    }

    pub(crate) fn into_inner(mut self) -> io::Error {
        let error = self.0.take();
        error.unwrap_or_else(|| io::ErrorKind::Other.into())
    }
}

impl Drop for StartError {
    fn drop(&mut self) {
        let error = self.0.take();
        contained(|| drop(error));
    }
}

impl Shared {
    /// Starts a worker. Call it with the state unlocked: the spawn handler is user code.
    ///
    /// # Errors
    /// If no thread could be started. No job is stranded then: the other workers run what is queued, or this thread has run it.
    pub(crate) fn spawn_worker(self: &Arc<Self>, permit: WorkerPermit) -> Result<(), StartError> {
        self.try_start(permit).map_err(|(permit, error)| {
            self.substitute(permit);
            error
        })
    }

    /// Starts a thread for the permit, or returns it.
    fn try_start(self: &Arc<Self>, permit: WorkerPermit) -> Result<(), (WorkerPermit, StartError)> {
        let number = self.next_worker_number.fetch_add(1, Ordering::Relaxed);
        let builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        let handover = Arc::new(Mutex::new(Handover {
            permit: Some(permit),
            in_handler: true,
            is_body_dropped: false,
        }));
        let body = Body {
            shared: Arc::clone(self),
            handover: Arc::clone(&handover),
        };
        let body = Box::new(move || body.run());
        let spawned = catch_unwind(AssertUnwindSafe(|| (self.spawn_handler)(builder, body)));
        let spawned = spawned.unwrap_or_else(|payload| {
            drop(PanicPayload::new(payload));
            Err(io::Error::other("the spawn handler panicked"))
        });
        let spawned = spawned.map_err(StartError::new);
        let mut handover = lock(&handover);
        handover.in_handler = false;
        let error = match spawned {
            Err(error) => error,
            Ok(()) if handover.is_body_dropped => StartError::ended_early(),
            Ok(()) => return Ok(()),
        };
        // A handler may start the thread and still return an error or panic.
        let permit = handover.permit.take();
        drop(handover);
        match permit {
            Some(permit) => Err((permit, error)),
            None => Ok(()),
        }
    }

    /// Does the work of a thread that was started, and has dropped its body. Called on that thread.
    #[cold]
    fn replace_thread(self: &Arc<Self>, permit: WorkerPermit) {
        if !thread::panicking() {
            return self.substitute(permit);
        }
        // Guards in jobs would take the panic of this thread for their own, so the jobs run on another one.
        let permit = Arc::new(Mutex::new(Some(permit)));
        let (shared, passed) = (Arc::clone(self), Arc::clone(&permit));
        let run = move || {
            let permit = lock(&passed).take();
            if let Some(permit) = permit {
                shared.substitute(permit);
            }
        };
        let name = self.name.clone().into_string();
        if thread::Builder::new().name(name).spawn(run).is_err() {
            let permit = lock(&permit).take();
            if let Some(permit) = permit {
                self.substitute(permit);
            }
        }
    }

    /// Runs jobs on this thread in place of the worker that could not be started: those that other threads have queued because they
    /// counted on it. Tries to start a thread again after each of them.
    ///
    /// So there is never a job in the queue, or one that waits for a place in it, without a worker or a thread that is about to
    /// start one.
    #[cold]
    fn substitute(self: &Arc<Self>, mut permit: WorkerPermit) {
        let mut state = self.lock();
        // From here on, nobody may queue a job in reliance on this permit.
        state.permits.mark_busy(true);
        while let Some(job) = self.next_stranded_job(&mut state) {
            self.counters.record_started_off_worker();
            self.publish(&state);
            self.unlock_and_notify(state);
            drop(self.run_off_worker(job, self.worker_context.enter_worker()));
            state = self.lock();
            if !state.has_stranded_jobs() {
                break;
            }
            state.permits.mark_idle();
            self.unlock_and_notify(state);
            match self.try_start(permit) {
                Ok(()) => return,
                Err((returned, _)) => permit = returned,
            }
            state = self.lock();
            state.permits.mark_busy(true);
        }
        state.failed_starts += 1;
        state.permits.release(permit);
        self.unlock_and_notify_exit(state);
    }

    fn next_stranded_job(&self, state: &mut State) -> Option<Job> {
        if !state.has_stranded_jobs() {
            return None;
        }
        if let Some(job) = state.jobs.try_recv() {
            return Some(job);
        }
        // With a capacity of 0 there is no place for it, but there is a thread.
        let (job, thread) = state.waiters.pop_job()?;
        self.counters.record_accepted();
        self.publish_waiters(state);
        if let Some(thread) = thread {
            thread.notify_one();
        }
        Some(job)
    }

    /// Starts another worker if the strategy wants one and the limit allows it.
    pub(crate) fn grow_if_wanted(self: &Arc<Self>, load: &Load) {
        let wanted = || load.waiting > 0 && self.strategy.grow(load);
        match catch_unwind(AssertUnwindSafe(wanted)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(payload) => return drop(PanicPayload::new(payload)),
        }
        if let Some(permit) = self.try_acquire_for_backlog() {
            // If that fails, the live workers run all jobs.
            drop(self.spawn_worker(permit));
        }
    }

    /// Acquires a permit for one more worker if jobs, queued or waiting for a place, outnumber the idle workers. Acquires none for a
    /// first worker: a submitter starts that one, and reports the error if it cannot.
    pub(crate) fn try_acquire_for_backlog(&self) -> Option<WorkerPermit> {
        let mut state = self.lock();
        // What waits has no idle worker: those that are idle are kept for others.
        let is_needed = !state.waiters.is_empty() || state.jobs.len() > state.permits.idle();
        if state.permits.live() == 0 || !is_needed {
            return None;
        }
        let permit = state.permits.try_acquire();
        self.publish_all(&state);
        self.unlock_and_notify(state);
        permit
    }
}
