//! Calls of async listeners: from the queue of their pool to their end.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use soiree_core::panic::{caught, contained};
use soiree_core::sync::{Mutex, MutexGuard};
use soiree_core::{Event, Job, JobId, ListenerFuture, MAX_INLINE_DEPTH, SubmitErrorReason, Task};

use super::accepted::AcceptedWork;
use super::async_timeout::AsyncTimeout;
use super::attempt::Attempt;
use super::helping::InlineCall;
use super::in_flight::{OwnedEvent, list_part};
use super::pool_ref::PoolRef;
use super::requeue::{next_pool, requeue_attempt};
use crate::context::count_frames;
use crate::dispatch::{self, EndedCall, StartedCall};
use crate::invocation::{Call, SuspendedCall};

/// The job of an attempt, for its pool.
pub(super) fn job_of<A: Attempt>(attempt: &Arc<A>) -> Job {
    let settings = &attempt.target().state().settings;
    if attempt.target().is_async() {
        let call = AsyncCall::new(Arc::clone(attempt), Stage::Waiting);
        let job = Job::from_future(call).with_id(JobId::of(attempt));
        settings.observe(job, &attempt.target().pool_ref())
    } else if settings.handlers.observers.is_empty() {
        Job::from_task(Arc::clone(attempt) as _)
    } else {
        settings.job(Arc::clone(attempt) as _, &attempt.target().pool_ref())
    }
}

/// Returns a future that runs an async listener inside a future of its pool that this thread polls, unless the listener has started.
pub(super) fn inline_call<A: Attempt>(attempt: Arc<A>) -> Option<Pin<Box<dyn InlineCall>>> {
    let pool_ref = attempt.target().pool_ref();
    let pool = pool_ref.address();
    let depth = count_frames(|frame| frame.pool == pool);
    if !attempt.claim_to_run() {
        return None;
    }
    // Its job has nothing left to do, and must not keep a place.
    if let Some(pool) = pool_ref.upgrade() {
        pool.run_queued(JobId::of(&attempt));
    }
    if depth > MAX_INLINE_DEPTH {
        attempt.lost(Some(SubmitErrorReason::RecursionLimit { depth }));
        return None;
    }
    Some(Box::pin(AsyncCall::new(attempt, Stage::Claimed)))
}

/// The call of an async listener.
struct AsyncCall<A: Attempt> {
    attempt: Arc<A>,
    stage: Stage,
}

enum Stage {
    /// Not started; another thread may be the one to run it.
    Waiting,
    /// Not started; this future is the one that runs it.
    Claimed,
    Running {
        future: ListenerFuture,
        event: Arc<dyn Event>,
        call: SuspendedCall,
        timeout: Option<Box<AsyncTimeout>>,
    },
    Over,
}

impl<A: Attempt> AsyncCall<A> {
    fn new(attempt: Arc<A>, stage: Stage) -> Self {
        Self { attempt, stage }
    }

    /// Calls the listener, which returns a future if it is called at all.
    fn start(&mut self) {
        let attempt = &self.attempt;
        let emission = &attempt.target().emission;
        let event = OwnedEvent::shared(emission, attempt.number());
        let settings = &emission.state().settings;
        let call = self.call(&*event);
        let registry = &settings.shared.registry;
        // Before the listener is called, since its time runs from here.
        let mut timeout = AsyncTimeout::new(&attempt.target().registration, settings);
        match dispatch::start(registry, &call, &event, &settings.handlers) {
            StartedCall::Running(future) => {
                let call = call.suspend();
                if let Some(timeout) = &mut timeout {
                    timeout.arm();
                }
                self.stage = Stage::Running {
                    future,
                    event,
                    call,
                    timeout,
                };
            }
            StartedCall::Ended(ended) => {
                drop(call);
                self.stage = Stage::Over;
                self.attempt.end(&*event, ended);
            }
        }
    }

    fn call<'a>(&'a self, event: &'a dyn Event) -> Call<'a> {
        let (attempt, state) = (&self.attempt, self.attempt.target().state());
        let handlers = &state.settings.handlers;
        let (topic, number) = (state.topic(), attempt.number());
        Call::new(
            &attempt.target().registration,
            topic,
            event,
            number,
            handlers,
        )
    }

    /// Drops the future, and reports its end.
    fn finish(&mut self, report: impl FnOnce(&Call<'_>) -> EndedCall) {
        let stage = mem::replace(&mut self.stage, Stage::Over);
        let Stage::Running {
            future,
            event,
            call,
            timeout,
        } = stage
        else {
            return;
        };
        {
            let _entered = call.enter_span();
            contained(move || drop(future));
        }
        drop(timeout);
        let call = self.call(&*event).resume(call);
        let ended = report(&call);
        drop(call);
        self.attempt.end(&*event, ended);
        contained(move || drop(event));
    }
}

impl<A: Attempt> Future for AsyncCall<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let attempt = Arc::clone(&this.attempt);
        let state = attempt.target().state();
        let _entered = attempt.target().enter();
        let _turn = attempt.target().enter_turn();
        if let Stage::Waiting = this.stage {
            let is_here = attempt.claim_to_run();
            this.stage = if is_here { Stage::Claimed } else { Stage::Over };
        }
        let listed = list_part(&attempt.target().emission);
        if let Stage::Claimed = this.stage {
            this.start();
        }
        let Stage::Running {
            future,
            call,
            timeout,
            ..
        } = &mut this.stage
        else {
            return Poll::Ready(());
        };
        if let Some(timeout) = timeout {
            timeout.wake_later(context.waker());
        }
        let expired = |timeout: &Option<Box<AsyncTimeout>>| {
            let timeout = timeout.as_ref().filter(|timeout| timeout.is_expired());
            timeout.map(|timeout| timeout.limit())
        };
        let handlers = &state.settings.handlers;
        if let Some(limit) = expired(timeout) {
            drop(listed);
            this.finish(|call| dispatch::time_out(call, handlers, limit, None));
            return Poll::Ready(());
        }
        let polled = {
            let _entered = call.enter_span();
            caught(|| future.as_mut().poll(context))
        };
        let result = match polled {
            Ok(Poll::Pending) => match expired(timeout) {
                None => return Poll::Pending,
                Some(limit) => {
                    drop(listed);
                    this.finish(|call| dispatch::time_out(call, handlers, limit, None));
                    return Poll::Ready(());
                }
            },
            Ok(Poll::Ready(result)) => Ok(result),
            Err(payload) => Err(payload),
        };
        drop(listed);
        let late = timeout.as_ref().filter(|timeout| !timeout.ended());
        match late.map(|timeout| timeout.limit()) {
            None => this.finish(|call| dispatch::finish(call, handlers, result)),
            Some(limit) => {
                this.finish(|call| dispatch::time_out(call, handlers, limit, Some(result)));
            }
        }
        Poll::Ready(())
    }
}

/// Dropped before its end, by its pool or with the runtime that polled it.
impl<A: Attempt> Drop for AsyncCall<A> {
    fn drop(&mut self) {
        if let Stage::Over = self.stage {
            return;
        }
        let attempt = Arc::clone(&self.attempt);
        let state = attempt.target().state();
        let _entered = attempt.target().enter();
        let _turn = attempt.target().enter_turn();
        match self.stage {
            Stage::Over => {}
            Stage::Waiting => Task::discarded(Arc::clone(&attempt)),
            Stage::Claimed => attempt.lost(None),
            Stage::Running { .. } => {
                self.finish(|call| dispatch::cancel(call, &state.settings.handlers));
            }
        }
    }
}

impl<A: Attempt> InlineCall for AsyncCall<A> {
    fn resubmit(self: Pin<Box<Self>>) {
        if let Stage::Over = self.stage {
            return;
        }
        let attempt = Arc::clone(&self.attempt);
        let target = attempt.target();
        let resumed = ResumedCall {
            attempt: Arc::clone(&attempt),
            call: Mutex::new(Some(Job::from_future(self))),
        };
        requeue_attempt(target.state(), &target.registration, Arc::new(resumed));
    }
}

/// A call that has started inside a future that no longer waits for it, and goes on as a job of its pool.
struct ResumedCall<A: Attempt> {
    attempt: Arc<A>,
    /// The call, unless a pool has it.
    call: Mutex<Option<Job>>,
}

impl<A: Attempt> ResumedCall<A> {
    fn call(&self) -> MutexGuard<'_, Option<Job>> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Attempt> AcceptedWork for ResumedCall<A> {
    fn pool_ref(&self) -> Arc<PoolRef> {
        self.attempt.target().pool_ref()
    }

    fn next_pool(&self, from: &Arc<PoolRef>) -> Option<Arc<PoolRef>> {
        next_pool(
            self.attempt.target().state(),
            Some(&self.attempt.target().registration),
            from,
        )
    }

    fn move_to(&self, pool_ref: &Arc<PoolRef>) {
        self.attempt.target().move_to(pool_ref);
    }

    fn job(self: Arc<Self>) -> Job {
        let call = self.call().take();
        let call = call.unwrap_or_else(|| Job::new(|| ()));
        self.attempt
            .target()
            .state()
            .settings
            .observe(call, &self.pool_ref())
    }

    fn claim(&self) -> bool {
        true
    }

    fn unclaim(&self) {}

    fn reclaimed(&self, job: Job) {
        *self.call() = Some(job);
    }

    /// Dropping the call reports it as cancelled.
    fn reject(self: Arc<Self>, _: SubmitErrorReason) {
        let call = self.call().take();
        drop(call);
    }
}
