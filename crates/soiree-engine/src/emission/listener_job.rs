//! Listeners that run on a pool of their own.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use soiree_core::panic::{caught, contained};
use soiree_core::registry::Registration;
use soiree_core::{Event, ListenerEnd, ListenerError, ListenerErrorKind, SubmitErrorReason, Task};

use super::async_call::{inline_call, job_of};
use super::attempt::{Attempt, Target};
use super::finish::end_called_part;
use super::helping::{InlineCall, PendingWork};
use super::in_flight::{InFlight, with_event};
use super::reclaim::{Reclaimed, reclaim_work};
use super::retry_attempt::{end_attempt, report_and_follow};
use super::timeout::arm;
use crate::context::on_timer;
use crate::dispatch::{Counts, EndedCall, Progress, handle_error};
use crate::invocation::{Call, CallOutcome, invoke, precheck};

/// One listener of an emission, as a job of another pool.
struct ListenerJob {
    target: Target,
    started: AtomicBool,
}

/// Submits a listener to its own pool. Returns `false` if the caller must call it here instead.
pub(super) fn delegate(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    counts: &mut Counts,
) -> bool {
    let state = emission.state();
    let is_async = registration.is_async();
    let mut reject = |reason| {
        counts.not_called += 1;
        let error = registration.rejected(state.topic(), reason);
        report_not_called(emission, registration, &error, event);
    };
    let pool_ref = state.settings.own_pool(registration);
    let pool = pool_ref.and_then(|pool_ref| Some((pool_ref, pool_ref.upgrade()?)));
    let pool = pool.filter(|(pool_ref, _)| is_async || !pool_ref.is_here());
    let Some((pool_ref, pool)) = pool else {
        if is_async {
            reject(SubmitErrorReason::Closed);
        }
        return is_async;
    };
    if is_async && !pool.polls_futures() {
        reject(SubmitErrorReason::Other(
            "it polls no futures, and this is an async listener".into(),
        ));
        return true;
    }
    let job = Arc::new(ListenerJob {
        target: Target {
            emission: Arc::clone(emission),
            registration: Arc::clone(registration),
            pool_ref: Arc::clone(pool_ref),
        },
        started: AtomicBool::new(false),
    });
    state.add_call();
    state.add_part(Arc::clone(&job) as _);
    let offered = job_of(&job);
    let submit = || {
        if pool_ref.blocks_workers && !on_timer() {
            pool.submit(offered)
        } else {
            pool.try_submit(offered)
        }
    };
    // A pool that panics has dropped the job, which has reported that.
    let Ok(Err(rejected)) = caught(submit) else {
        return true;
    };
    let Reclaimed::Rejected(reason) = reclaim_work(rejected, || job.claim()) else {
        return true;
    };
    // The bulkhead was drained meanwhile.
    let is_gone = matches!(reason, SubmitErrorReason::Closed) && !is_async;
    if !is_gone {
        reject(reason);
    }
    job.ended(Counts::default());
    !is_gone
}

/// Reports a listener that is not called.
fn report_not_called(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    error: &ListenerError,
    event: &dyn Event,
) {
    let state = emission.state();
    let handlers = &state.settings.handlers;
    let call = Call::new(registration, state.topic(), event, 1, handlers);
    call.ended(match error.kind() {
        ListenerErrorKind::Rejected => ListenerEnd::Rejected(error),
        _ => ListenerEnd::Discarded(error),
    });
    if let Some(error) = handle_error(event, handlers, error.clone()) {
        state.keep_error(error);
    }
}

impl ListenerJob {
    fn claim(&self) -> bool {
        !self.started.swap(true, Ordering::AcqRel)
    }
}

impl PendingWork for ListenerJob {
    fn is_runnable_here(&self) -> bool {
        !self.started.load(Ordering::Acquire)
            && !self.target.is_async()
            && self.target.pool_ref.is_here()
    }

    fn is_future_here(&self) -> bool {
        self.target.is_future_here()
    }

    fn run_here(self: Arc<Self>) {
        self.run_unless_claimed();
    }

    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>> {
        if self.is_future_here() {
            inline_call(self)
        } else {
            None
        }
    }
}

impl Attempt for ListenerJob {
    fn target(&self) -> &Target {
        &self.target
    }

    fn number(&self) -> u32 {
        1
    }

    fn claim_to_run(&self) -> bool {
        self.claim()
    }

    fn call(self: &Arc<Self>, event: &dyn Event, counts: &mut Counts) {
        let state = self.target.emission.state();
        let settings = &state.settings;
        let registration = &self.target.registration;
        let last = Cell::new(false);
        let call = Call::new(registration, state.topic(), event, 1, &settings.handlers);
        let outcome = CallOutcome::caught(|| {
            if let Some(outcome) = precheck(&call, &last) {
                return outcome;
            }
            let progress = Progress {
                snapshot: None,
                before: *counts,
                is_last_run: last.get(),
            };
            let part = Arc::clone(self) as Arc<dyn PendingWork>;
            let limit = registration.timeout().map(|limit| {
                let (emission, pool_ref) = (&self.target.emission, &self.target.pool_ref);
                arm(emission, &call, progress, limit, Some(&part), pool_ref)
            });
            invoke(&call, event, limit)
        });
        report_and_follow(&self.target.emission, &call, outcome, None, counts);
        if last.get() {
            settings.shared.registry.remove_exhausted(registration);
        }
        contained(|| counts.aborted |= event.is_aborted());
    }

    fn lost(self: &Arc<Self>, reason: Option<SubmitErrorReason>) {
        let state = self.target.emission.state();
        let _entered = state.enter_on(&self.target.pool_ref);
        let error = match reason {
            Some(reason) => self.target.registration.rejected(state.topic(), reason),
            None => self.target.registration.discarded(state.topic()),
        };
        contained(|| {
            with_event(&self.target.emission, |event| {
                report_not_called(
                    &self.target.emission,
                    &self.target.registration,
                    &error,
                    event,
                );
            });
        });
        self.ended(Counts::one_not_called());
    }

    fn ended(self: &Arc<Self>, counts: Counts) {
        self.target.emission.state().remove_pending(self);
        end_called_part(&self.target.emission, counts);
    }

    fn end(self: &Arc<Self>, event: &dyn Event, ended: EndedCall) {
        end_attempt(self, event, ended);
    }
}

impl Task for ListenerJob {
    fn run(self: Arc<Self>) {
        self.run_as_job();
    }

    fn discarded(self: Arc<Self>) {
        if self.claim() {
            self.lost(None);
        }
    }
}
