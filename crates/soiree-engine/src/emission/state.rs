//! What an emission is between `emit` and its end, whatever it carries.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use once_cell::race::OnceBox;

use super::lane::{Berth, start};
use super::link::Link;
use super::part::AnyPart;
use super::report::{Errors, Report};
use super::setup::Setup;
use crate::context::{self, Frame};
use crate::dispatch::Tally;
use crate::topic_text::TopicText;
use crate::trace::{self, EmissionSpan};
use soiree_core::ListenerError;
use soiree_core::panic::contained;

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
/// It is done, and has left the gate, so that a close no longer waits for it.
const SETTLED: u8 = 2;
const STAGE: u8 = 3;
/// Somebody waits and wants to be told of the end.
const WAITED_FOR: u8 = 4;

/// What does not depend on the cargo. Small: it goes from one processor to another and back.
pub(crate) struct Core {
    pub(crate) setup: Arc<Setup>,
    topic: TopicText,
    rare: OnceBox<Rare>,
    delivered: AtomicU32,
    /// Parts that have not ended. The listeners that are called one after another are one of them.
    unended: AtomicU32,
    state: AtomicU8,
    /// Its outcome is known.
    done: AtomicBool,
    aborted: AtomicBool,
    pub(super) discarded: AtomicBool,
    /// Its pool did not take it, so that of its end nobody is told.
    pub(super) refused: AtomicBool,
    /// Its listeners are called on the thread that emits.
    pub(super) on_caller: bool,
    pub(crate) span: EmissionSpan,
}

/// What only emissions have that fail, are waited for, have listeners elsewhere, or are ordered.
#[derive(Default)]
struct Rare {
    failed: AtomicU64,
    timed_out: AtomicU64,
    not_called: AtomicU64,
    retried: AtomicU64,
    ledger: Mutex<Ledger>,
    changed: Condvar,
    /// Its place among those of its key.
    berth: OnceLock<Berth>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) errors: Errors,
    pub(crate) waker: Option<Waker>,
    /// Listeners that were handed over to other pools and have not ended.
    pub(super) parts: Vec<Arc<dyn AnyPart>>,
    /// How often there has been a part to look at.
    pub(super) news: usize,
}

impl Core {
    #[inline]
    pub(crate) fn new(setup: Arc<Setup>, topic: &str) -> Self {
        Self {
            setup,
            topic: TopicText::new(topic),
            rare: OnceBox::new(),
            delivered: AtomicU32::new(0),
            unended: AtomicU32::new(1),
            state: AtomicU8::new(QUEUED),
            done: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            discarded: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            on_caller: false,
            span: EmissionSpan::default(),
        }
    }

    /// One that runs already, on the thread that makes it.
    pub(super) fn running(setup: Arc<Setup>, topic: &str, span: EmissionSpan) -> Self {
        let mut core = Self::new(setup, topic);
        core.on_caller = true;
        core.span = span;
        core.state = AtomicU8::new(RUNNING);
        core
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    pub(super) fn berth(&self) -> Option<&Berth> {
        self.rare.get()?.berth.get()
    }

    pub(crate) fn set_berth(&self, berth: Berth) {
        let _ = self.rare().berth.set(berth);
    }

    pub(crate) fn topic(&self) -> &str {
        self.topic.as_str()
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.state.load(Ordering::Acquire) & STAGE == QUEUED
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.state.load(Ordering::Acquire) & STAGE == SETTLED
    }

    /// Whether the calling thread is inside this very emission, or must not wait for any.
    pub(crate) fn is_around_here(&self) -> bool {
        let flight = self.address();
        context::inside_any(|frame| frame.flight == flight || frame.pool == context::TIMER)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let ledger = self.rare().ledger.lock();
        ledger.unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger, if anything can be in it.
    pub(super) fn ledger_in_use(&self) -> Option<MutexGuard<'_, Ledger>> {
        self.rare.get().map(|_| self.ledger())
    }

    /// Waits for an error or the end, if the end has not come; asks to be told of it.
    pub(crate) fn wait_change<'a>(
        &self,
        ledger: MutexGuard<'a, Ledger>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, Ledger> {
        if self.ask_to_be_told() {
            return ledger;
        }
        let changed = &self.rare().changed;
        match timeout {
            None => changed.wait(ledger).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                changed
                    .wait_timeout(ledger, timeout)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    /// To be called with the ledger locked. Says whether it is settled already.
    pub(crate) fn ask_to_be_told(&self) -> bool {
        self.state.fetch_or(WAITED_FOR, Ordering::AcqRel) & STAGE == SETTLED
    }

    pub(crate) fn report(&self, ledger: &Ledger) -> Report {
        self.report_with(ledger.errors.clone())
    }

    /// The report of one that is settled.
    pub(crate) fn settled_report(&self) -> Report {
        match self.ledger_in_use() {
            Some(ledger) => self.report(&ledger),
            None => self.report_with(Errors::default()),
        }
    }

    fn report_with(&self, errors: Errors) -> Report {
        let unfinished = !self.is_done();
        let discarded = self.discarded.load(Ordering::Relaxed);
        Report {
            discarded,
            unfinished,
            ..Report::ended(self.tally(), errors)
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally {
            delivered: self.delivered.load(Ordering::Relaxed).into(),
            aborted: self.aborted.load(Ordering::Relaxed),
            ..Tally::default()
        };
        if let Some(rare) = self.rare.get() {
            tally.failed = rare.failed.load(Ordering::Relaxed);
            tally.timed_out = rare.timed_out.load(Ordering::Relaxed);
            tally.not_called = rare.not_called.load(Ordering::Relaxed);
            tally.retried = rare.retried.load(Ordering::Relaxed);
        }
        tally
    }

    /// Its pool did not take it: what ends it next is no end that observers are told of.
    pub(crate) fn set_refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    fn frame(&self) -> Frame {
        match self.berth().and_then(|berth| berth.link()) {
            Some(moved) => self.frame_on(&moved),
            None => self.frame_on(&self.setup.pool),
        }
    }

    /// For what is done on its behalf on a thread that may be no worker of its pool.
    pub(super) fn frame_here(&self) -> Frame {
        Frame {
            pool: 0,
            ..self.frame()
        }
    }

    /// Has the calling thread be inside this emission, on behalf of its pool.
    pub(super) fn enter(&self) -> (context::EnteredFrame, trace::Entered) {
        (context::enter_frame(self.frame()), self.span.enter())
    }

    /// Has the calling thread be inside this emission, on behalf of this pool.
    pub(super) fn enter_on(&self, pool: &Link) -> (context::EnteredFrame, trace::Entered) {
        (context::enter_frame(self.frame_on(pool)), self.span.enter())
    }

    /// The same for the timer's thread.
    pub(super) fn enter_on_timer(&self) -> (context::EnteredFrame, trace::Entered) {
        let frame = Frame {
            pool: context::TIMER,
            ..self.frame_here()
        };
        (context::enter_frame(frame), self.span.enter())
    }

    pub(super) fn frame_on(&self, pool: &Link) -> Frame {
        Frame {
            hub: Arc::as_ptr(&self.setup.hub).addr(),
            flight: self.address(),
            pool: pool.address(),
        }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether it is the caller who runs or discards this.
    pub(crate) fn claim(&self) -> bool {
        let queued = |state| (state & STAGE == QUEUED).then_some(state | RUNNING);
        self.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, queued)
            .is_ok()
    }

    /// Leaves it to others after all.
    pub(crate) fn unclaim(&self) {
        self.state.fetch_and(!STAGE, Ordering::AcqRel);
        self.tell_of_parts();
    }

    pub(super) fn add_part(&self, part: Arc<dyn AnyPart>) {
        self.unended.fetch_add(1, Ordering::AcqRel);
        self.ledger().parts.push(part);
        self.tell_of_parts();
    }

    /// Wakes whoever waits, be it for one behind, who may be the one to run a part.
    pub(super) fn tell_of_parts(&self) {
        self.tell();
        if let Some(berth) = self.berth() {
            berth.tell_behind();
        }
    }

    pub(super) fn tell(&self) {
        let mut ledger = self.ledger();
        ledger.news += 1;
        let waker = ledger.waker.take();
        self.rare().changed.notify_all();
        drop(ledger);
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }

    /// Adds up what came of a part, and says whether it was the last one.
    pub(super) fn end_one(&self, tally: Tally) -> bool {
        // Only parts add parts: while this one is the last, nobody else counts.
        let is_last = self.unended.load(Ordering::Acquire) == 1;
        self.count(tally, is_last);
        is_last || self.unended.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Adds up what came of some listeners, of a part that has not ended.
    pub(super) fn add(&self, tally: Tally) {
        self.count(tally, false);
    }

    fn count(&self, tally: Tally, is_alone: bool) {
        // Nobody has so many listeners that this overflows.
        let delivered = tally.delivered as u32;
        if is_alone {
            let before = self.delivered.load(Ordering::Relaxed);
            self.delivered.store(before + delivered, Ordering::Relaxed);
        } else if delivered > 0 {
            self.delivered.fetch_add(delivered, Ordering::Relaxed);
        }
        let more = [
            tally.failed,
            tally.timed_out,
            tally.not_called,
            tally.retried,
        ];
        if more != [0; 4] {
            let rare = self.rare();
            let counts = [
                &rare.failed,
                &rare.timed_out,
                &rare.not_called,
                &rare.retried,
            ];
            for (count, more) in counts.into_iter().zip(more) {
                count.fetch_add(more, Ordering::Relaxed);
            }
        }
        if tally.aborted {
            self.aborted.store(true, Ordering::Relaxed);
        }
    }

    /// Counts errors that were omitted before.
    pub(crate) fn omit(&self, errors: u64) {
        self.ledger().errors.omitted += errors;
    }

    pub(crate) fn fail(&self, error: ListenerError) {
        let omitted = self.ledger().errors.push(error, self.setup.error_buffer);
        self.rare().changed.notify_all();
        drop(omitted);
    }

    /// Its outcome is known, and everybody told.
    pub(super) fn settle(&self) {
        // Neither may a close return before the outcome is known, nor a wait before a close would.
        self.done.store(true, Ordering::Release);
        let next = self.leave_lane();
        self.setup.hub.leave();
        if self.state.swap(SETTLED, Ordering::AcqRel) & WAITED_FOR != 0 {
            let waker = self.ledger().waker.take();
            self.rare().changed.notify_all();
            if let Some(waker) = waker {
                contained(|| waker.wake());
            }
        }
        start(next);
    }
}
