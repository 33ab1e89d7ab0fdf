//! Listeners that are futures: on their way to their pool, and polled there to their end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::cargo::{Cargo, Owned};
use super::flight::Flight;
use super::link::Link;
use super::part::{AnyPart, Inside};
use crate::context;
use crate::dispatch::{self, Ground, Tally};
use crate::invocation::{Begun, Call};
use soiree_core::observe::reclaim as take_back;
use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{Event, Job, ListenerFuture, MAX_INLINE_DEPTH, SubmitErrorReason, Task};

/// One attempt of a listener, on its way to a pool of its own.
pub(super) trait Attempt: AnyPart + Task + Sized + 'static {
    type Cargo: Cargo;

    fn flight(&self) -> &Arc<Flight<Self::Cargo>>;
    fn entry(&self) -> &Arc<Registration>;
    fn link(&self) -> &Arc<Link>;

    /// The number of the attempt, from 1.
    fn number(&self) -> u32;

    /// Whether it is the caller who runs it.
    fn claim_to_run(&self) -> bool;

    /// It was claimed, and will not be called, since its pool dropped it or for this reason.
    fn is_lost(self: &Arc<Self>, reason: Option<SubmitErrorReason>);

    /// It has come to this, and is a part of the emission no longer.
    fn end(self: &Arc<Self>, tally: Tally);

    fn is_async(&self) -> bool {
        self.entry().is_async()
    }

    /// What its pool is given to run.
    fn offer(self: &Arc<Self>) -> Job {
        let setup = &self.flight().core.setup;
        if self.is_async() {
            let run = Run::new(Arc::clone(self), Stage::Waiting);
            setup.offer_job(Job::from_future(run), self.link())
        } else {
            setup.offer(Arc::clone(self) as _, self.link())
        }
    }

    /// Has an async listener that waits for a place run inside a future that has one, and is polled on this thread.
    fn adopt(self: Arc<Self>) -> Option<Pin<Box<dyn Adopted>>> {
        let pool = self.link().address();
        let depth = context::count(|frame| frame.pool == pool);
        if !self.claim_to_run() {
            return None;
        }
        if depth > MAX_INLINE_DEPTH {
            self.is_lost(Some(SubmitErrorReason::RecursionLimit { depth }));
            return None;
        }
        Some(Box::pin(Run::new(self, Stage::Claimed)))
    }
}

/// Who waits for an emission on this thread.
pub(crate) enum Waiter {
    /// It blocks; in vain, if what it waits for needs the thread, or a place that is taken as long as it blocks.
    Blocking { in_vain: bool },
    /// It is polled, and these are async listeners that run inside it.
    Polled(Vec<Pin<Box<dyn Adopted>>>),
}

impl Waiter {
    /// Sees to an async listener on a pool that the thread works for. Whether that has got it on.
    pub(super) fn see_to(&mut self, part: Arc<dyn AnyPart>) -> bool {
        match self {
            Self::Blocking { in_vain } => {
                *in_vain = true;
                false
            }
            Self::Polled(adopted) => {
                let before = adopted.len();
                adopted.extend(part.run_inside());
                adopted.len() > before
            }
        }
    }

    /// Polls what runs inside it.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) {
        if let Self::Polled(adopted) = self {
            adopted.retain_mut(|listener| listener.as_mut().poll(context).is_pending());
        }
    }
}

/// What runs inside it is not lost when nobody waits any more.
impl Drop for Waiter {
    fn drop(&mut self) {
        if let Self::Polled(adopted) = self {
            for listener in adopted.drain(..) {
                listener.give_back();
            }
        }
    }
}

/// A listener that runs inside a future that waits for its emission.
pub(crate) trait Adopted: Future<Output = ()> + Send {
    /// Nobody waits any more: it goes to its pool.
    fn give_back(self: Pin<Box<Self>>);
}

/// An async listener, from the queue of its pool to its end.
struct Run<A: Attempt> {
    part: Arc<A>,
    stage: Stage,
}

enum Stage {
    /// Not begun, and others may be the ones to run it.
    Waiting,
    /// Not begun, and nobody else will.
    Claimed,
    Running {
        future: ListenerFuture,
        event: Arc<dyn Event>,
        begun: Begun,
    },
    Over,
}

impl<A: Attempt> Run<A> {
    fn new(part: Arc<A>, stage: Stage) -> Self {
        Self { part, stage }
    }

    /// Calls the listener, which gives a future if it is called at all.
    fn begin(&mut self) {
        let part = &self.part;
        let flight = part.flight();
        let event: Arc<dyn Event> = Arc::new(Owned::new(Arc::clone(flight), part.number()));
        let setup = &flight.core.setup;
        let call = self.call(&*event);
        let begun = dispatch::begin(
            &setup.hub.registry,
            &call,
            &event,
            &setup.handlers,
            &mut Inside::of_future(flight, part.link()),
        );
        match begun {
            Ok(future) => {
                let begun = call.leave();
                self.stage = Stage::Running {
                    future,
                    event,
                    begun,
                };
            }
            Err(tally) => {
                drop(call);
                self.end(tally);
            }
        }
    }

    fn call<'a>(&'a self, event: &'a dyn Event) -> Call<'a> {
        let (part, core) = (&self.part, &self.part.flight().core);
        let handlers = &core.setup.handlers;
        Call::new(part.entry(), core.topic(), event, part.number(), handlers)
    }

    fn end(&mut self, tally: Tally) {
        self.stage = Stage::Over;
        self.part.end(tally);
    }
}

impl<A: Attempt> Future for Run<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let part = Arc::clone(&this.part);
        let flight = part.flight();
        let _entered = flight.core.enter_on(part.link());
        if let Stage::Waiting = this.stage {
            let is_here = part.claim_to_run();
            this.stage = if is_here { Stage::Claimed } else { Stage::Over };
        }
        if let Stage::Claimed = this.stage {
            this.begin();
        }
        let Stage::Running { future, begun, .. } = &mut this.stage else {
            return Poll::Ready(());
        };
        let polled = {
            let _entered = begun.enter();
            dispatch::caught(|| future.as_mut().poll(context))
        };
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => Ok(outcome),
            Err(payload) => Err(payload),
        };
        this.finish(|call, ground| {
            dispatch::finish(call, &flight.core.setup.handlers, ended, ground)
        });
        Poll::Ready(())
    }
}

impl<A: Attempt> Run<A> {
    /// Drops the future, and tells of its end.
    fn finish(&mut self, tell: impl FnOnce(&Call<'_>, &mut dyn Ground) -> Tally) {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let Stage::Running {
            future,
            event,
            begun,
        } = stage
        else {
            return;
        };
        {
            let _entered = begun.enter();
            contained(move || drop(future));
        }
        let call = self.call(&*event).resume(begun);
        let mut ground = Inside::of_future(self.part.flight(), self.part.link());
        let tally = tell(&call, &mut ground);
        drop(call);
        contained(move || drop(event));
        self.end(tally);
    }
}

/// Dropped before its end, by its pool or with the runtime that polled it.
impl<A: Attempt> Drop for Run<A> {
    fn drop(&mut self) {
        if let Stage::Over = self.stage {
            return;
        }
        let part = Arc::clone(&self.part);
        let flight = part.flight();
        let _entered = flight.core.enter_on(part.link());
        match self.stage {
            Stage::Over => {}
            Stage::Waiting => Task::discarded(Arc::clone(&part)),
            Stage::Claimed => part.is_lost(None),
            Stage::Running { .. } => {
                self.finish(|call, ground| {
                    dispatch::cut_short(call, &flight.core.setup.handlers, ground)
                });
            }
        }
    }
}

impl<A: Attempt> Adopted for Run<A> {
    fn give_back(self: Pin<Box<Self>>) {
        let pool = match self.stage {
            Stage::Over => None,
            _ => self.part.link().upgrade(),
        };
        if let Some(pool) = pool {
            // Should it refuse, the listener is dropped, which tells of it.
            let part = Arc::clone(&self.part);
            let setup = &part.flight().core.setup;
            let job = setup.offer_job(Job::from_future(self), part.link());
            contained(|| drop(pool.try_submit(job).map_err(take_back)));
        }
    }
}
