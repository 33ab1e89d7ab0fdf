//! Listeners that run on a pool of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cargo::Cargo;
use super::flight::Flight;
use super::future::{Adopted, Attempt};
use super::later::call_again;
use super::link::Link;
use super::stalled::give_place;
use super::watch::{Late, watch};
use crate::context;
use crate::dispatch::{Failed, Ground, Tally, dispatch_one, handled};
use crate::invocation::{Call, Watched, Within};
use soiree_core::observe::reclaim as take_back;
use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{
    Event, ListenerEnd, ListenerError, ListenerErrorKind, PanicPayload, SubmitErrorReason, Task,
};

/// One listener of an emission, on its way to another pool.
struct Part<C> {
    flight: Arc<Flight<C>>,
    entry: Arc<Registration>,
    pool: Arc<Link>,
    begun: AtomicBool,
}

/// A part of an emission whose cargo is not known.
pub(crate) trait AnyPart: Send + Sync {
    /// Whether nobody has begun it, and the calling thread works for the pool that has yet to run it.
    fn is_on_its_pool(&self) -> bool;

    /// Whether it is an async listener, on a pool that the calling thread works for.
    fn is_future_here(&self) -> bool;

    /// Runs it here, if nobody has begun to.
    fn run_here(self: Arc<Self>);

    /// Has it run inside a future of its pool that this thread polls, if it is one itself and nobody has begun to.
    fn run_inside(self: Arc<Self>) -> Option<Pin<Box<dyn Adopted>>>;
}

impl<C: Cargo> Part<C> {
    fn claim(&self) -> bool {
        !self.begun.swap(true, Ordering::AcqRel)
    }
}

/// Inside a part nothing is handed over any more.
pub(super) struct Inside<'a, C> {
    pub(super) flight: &'a Arc<Flight<C>>,
    pub(super) part: Option<Arc<dyn AnyPart>>,
    pub(super) link: &'a Arc<Link>,
    /// The call that an attempt after it must not overlap.
    pub(super) late: Option<&'a Arc<Late>>,
}

impl<'a, C> Inside<'a, C> {
    /// Futures have no timeouts.
    pub(super) fn of_future(flight: &'a Arc<Flight<C>>, link: &'a Arc<Link>) -> Self {
        Self {
            flight,
            part: None,
            link,
            late: None,
        }
    }
}

impl<C: Cargo> Ground for Inside<'_, C> {
    fn keep(&mut self, error: ListenerError) {
        self.flight.core.fail(error);
    }

    fn hand_over(&mut self, _: &Arc<Registration>, _: &dyn Event, _: &mut Tally) -> bool {
        false
    }

    fn retry(&mut self, entry: &Arc<Registration>, event: &dyn Event, failed: Failed<'_>) -> bool {
        call_again(self.flight, entry, event, failed, self.late)
    }

    fn watch(&mut self, call: &Call<'_>, within: Within<'_>, limit: Duration) -> Watched {
        watch(
            self.flight,
            call,
            within,
            limit,
            self.part.as_ref(),
            self.link,
        )
    }

    fn is_aborted_elsewhere(&mut self, _: &dyn Event) -> bool {
        false
    }
}

impl<C: Cargo> AnyPart for Part<C> {
    fn is_on_its_pool(&self) -> bool {
        !self.begun.load(Ordering::Acquire) && !self.is_async() && self.pool.is_here()
    }

    fn is_future_here(&self) -> bool {
        self.is_async() && self.pool.is_here()
    }

    fn run_here(self: Arc<Self>) {
        if !self.claim() {
            return;
        }
        let core = &self.flight.core;
        let mut tally = Tally::default();
        let _entered = self.flight.core.enter_on(&self.pool);
        contained(|| {
            C::show(&self.flight, &mut |event| {
                tally = dispatch_one(
                    &core.setup.hub.registry,
                    &self.entry,
                    core.topic(),
                    event,
                    &core.setup.handlers,
                    &mut Inside {
                        flight: &self.flight,
                        part: Some(Arc::clone(&self) as _),
                        link: &self.pool,
                        late: None,
                    },
                );
            });
        });
        self.end(tally);
    }

    fn run_inside(self: Arc<Self>) -> Option<Pin<Box<dyn Adopted>>> {
        if self.is_future_here() {
            self.adopt()
        } else {
            None
        }
    }
}

impl<C: Cargo> Attempt for Part<C> {
    type Cargo = C;

    fn flight(&self) -> &Arc<Flight<C>> {
        &self.flight
    }

    fn entry(&self) -> &Arc<Registration> {
        &self.entry
    }

    fn link(&self) -> &Arc<Link> {
        &self.pool
    }

    fn number(&self) -> u32 {
        1
    }

    fn claim_to_run(&self) -> bool {
        self.claim()
    }

    fn is_lost(self: &Arc<Self>, reason: Option<SubmitErrorReason>) {
        let _entered = self.flight.core.enter_on(&self.pool);
        let topic = self.flight.core.topic();
        let error = match reason {
            Some(reason) => self.entry.rejected(topic, reason),
            None => self.entry.discarded(topic),
        };
        contained(|| {
            C::show(&self.flight, &mut |event| {
                not_called(&self.flight, &self.entry, &error, event);
            });
        });
        self.end(Tally {
            not_called: 1,
            ..Tally::default()
        });
    }

    fn end(self: &Arc<Self>, tally: Tally) {
        take_off(&self.flight, self);
        self.flight.end_calls(tally);
    }
}

impl<C: Cargo> Task for Part<C> {
    fn run(self: Arc<Self>) {
        let part = Arc::clone(&self);
        self.run_here();
        give_place(&part.flight.core.setup.hub, || Arc::clone(&part.pool));
    }

    fn discarded(self: Arc<Self>) {
        if self.claim() {
            self.is_lost(None);
        }
    }
}

/// Has a listener called on the pool of its own. Says whether that is settled; else it is to be called here.
pub(super) fn hand_over<C: Cargo>(
    flight: &Arc<Flight<C>>,
    entry: &Arc<Registration>,
    event: &dyn Event,
    tally: &mut Tally,
) -> bool {
    let core = &flight.core;
    let is_async = entry.is_async();
    let mut is_refused = |reason| {
        tally.not_called += 1;
        let error = entry.rejected(core.topic(), reason);
        not_called(flight, entry, &error, event);
    };
    let link = core.setup.own_pool(entry);
    let pool = link.and_then(|link| Some((link, link.upgrade()?)));
    let Some((link, pool)) = pool.filter(|(link, _)| is_async || !link.is_here()) else {
        if is_async {
            is_refused(SubmitErrorReason::Closed);
        }
        return is_async;
    };
    if is_async && !pool.polls_futures() {
        is_refused(SubmitErrorReason::Other(
            "it polls no futures, and this is an async listener".into(),
        ));
        return true;
    }
    let part = Arc::new(Part {
        flight: Arc::clone(flight),
        entry: Arc::clone(entry),
        pool: Arc::clone(link),
        begun: AtomicBool::new(false),
    });
    core.begin_call();
    core.add_part(Arc::clone(&part) as _);
    let job = part.offer();
    let submit = || {
        if link.blocks_workers && !context::on_timer() {
            pool.submit(job)
        } else {
            pool.try_submit(job)
        }
    };
    // A pool that panics has dropped the job, and dropping it has told of it.
    let Ok(Err(refused)) = catch_unwind(AssertUnwindSafe(submit)).map_err(PanicPayload::new) else {
        return true;
    };
    let (job, reason) = take_back(refused).into_parts();
    // Before the job is dropped, which would tell that it was discarded.
    let is_unclaimed = part.claim();
    drop(job);
    if !is_unclaimed {
        // Somebody who waits for the emission has run it meanwhile.
        return true;
    }
    // A bulkhead that was drained meanwhile.
    let gone = matches!(reason, SubmitErrorReason::Closed) && !is_async;
    if !gone {
        is_refused(reason);
    }
    part.end(Tally::default());
    !gone
}

/// Tells of a listener that is not called.
fn not_called<C: Cargo>(
    flight: &Arc<Flight<C>>,
    entry: &Arc<Registration>,
    error: &ListenerError,
    event: &dyn Event,
) {
    let core = &flight.core;
    let handlers = &core.setup.handlers;
    let call = Call::new(entry, core.topic(), event, 1, handlers);
    call.ended(match error.kind() {
        ListenerErrorKind::Rejected => ListenerEnd::Rejected(error),
        _ => ListenerEnd::Discarded(error),
    });
    if let Some(error) = handled(event, handlers, error.clone()) {
        core.fail(error);
    }
}

/// Takes a part off its emission's list.
pub(super) fn take_off<C, P: ?Sized>(flight: &Flight<C>, part: &Arc<P>) {
    let part = Arc::as_ptr(part).cast::<()>();
    let mut ledger = flight.core.ledger();
    let found = |other: &Arc<dyn AnyPart>| Arc::as_ptr(other).cast::<()>() == part;
    let taken = ledger.parts.iter().position(found);
    let taken = taken.map(|at| ledger.parts.swap_remove(at));
    drop(ledger);
    drop(taken);
}
