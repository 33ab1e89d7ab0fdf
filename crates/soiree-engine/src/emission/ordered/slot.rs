//! Emissions that are ordered by a key.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cargo::Cargo;
use super::core::Core;
use super::flight::{AnyFlight, Flight};
use super::future::Waiter;
use super::link::Link;
use super::setup::Setup;
use super::stalled::stall;
use crate::ordering::{Ahead, Member, OrderingKey, Rule, Waiting};
use crate::routing::Bulkheads;
use soiree_core::observe::reclaim as take_back;
use soiree_core::{Job, PanicPayload, Pool, SubmitError, SubmitErrorReason, Task};

/// An emission's place in the lane of its key.
pub(crate) struct Berth {
    rule: Arc<Rule>,
    key: OrderingKey,
    /// It holds up nobody, or no longer.
    left: AtomicBool,
    /// Listeners on other pools that have not been called yet. Those that are called one after another are one of them.
    uncalled: AtomicUsize,
    /// The pool that it has gone to since its own was taken off.
    moved: Mutex<Option<Arc<Link>>>,
}

impl Berth {
    pub(crate) fn new(rule: &Arc<Rule>, key: OrderingKey) -> Self {
        Self {
            rule: Arc::clone(rule),
            key,
            left: AtomicBool::new(false),
            uncalled: AtomicUsize::new(1),
            moved: Mutex::default(),
        }
    }

    /// For an emission that somebody else holds the place for.
    pub(super) fn borrowed(rule: &Arc<Rule>, key: OrderingKey) -> Self {
        let berth = Self::new(rule, key);
        berth.left.store(true, Ordering::Release);
        berth
    }

    pub(super) fn link(&self) -> Option<Arc<Link>> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.clone()
    }

    pub(super) fn tell_behind(&self) {
        self.rule.lanes.tell_behind(&self.key);
    }

    fn leave(&self) -> Option<Waiting> {
        if self.left.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.rule.lanes.leave(&self.key)
    }
}

/// Whether a thread that waits for an emission may run it.
pub(super) enum Standing {
    Its,
    NotYet,
    /// The thread is inside of what it would wait for.
    Never,
}

impl Core {
    /// It was not let into its lane, so that it has nothing to leave.
    pub(crate) fn give_up_berth(&self) {
        if let Some(berth) = self.berth() {
            berth.left.store(true, Ordering::Release);
        }
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.berth().is_some()
    }

    /// The pool that runs it.
    pub(crate) fn link(&self) -> Arc<Link> {
        let moved = self.berth().and_then(|berth| berth.link());
        moved.unwrap_or_else(|| Arc::clone(&self.setup.pool))
    }

    /// A job of it for its pool.
    pub(crate) fn offer(&self, task: Arc<dyn Task>) -> Job {
        self.setup.offer(task, &self.link())
    }

    pub(crate) fn move_to(&self, link: &Arc<Link>) {
        let Some(berth) = self.berth() else {
            return;
        };
        let mut moved = berth.moved.lock().unwrap_or_else(PoisonError::into_inner);
        *moved = Some(Arc::clone(link));
    }

    /// Whose turn it is, now that nothing of this one holds it up.
    pub(super) fn leave_lane(&self) -> Option<Waiting> {
        self.berth()?.leave()
    }

    /// One more listener is to be called elsewhere.
    pub(super) fn begin_call(&self) {
        if let Some(berth) = self.berth() {
            berth.uncalled.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A listener on another pool was called, or all those that are called one after another.
    pub(super) fn end_call(&self) {
        let Some(berth) = self.berth() else {
            return;
        };
        let last = berth.uncalled.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && berth.rule.lets_retries_be_overtaken() {
            start(berth.leave());
        }
    }

    /// Runs here those of its parts that could be waiting for this very thread. Whether there were any, and how many there
    /// have been to look at.
    pub(super) fn lend_to_parts(&self, waiter: &mut Waiter) -> (bool, usize) {
        let Some(ledger) = self.ledger_in_use() else {
            return (false, 0);
        };
        let (parts, seen) = (ledger.parts.clone(), ledger.news);
        drop(ledger);
        let mut lent = false;
        for part in parts {
            if part.is_on_its_pool() {
                part.run_here();
                lent = true;
            } else if part.is_future_here() {
                lent |= waiter.see_to(part);
            }
        }
        (lent, seen)
    }

    /// Where it goes when its pool was taken off: where its topic goes without that one.
    fn elsewhere(&self) -> Option<(Arc<Link>, Arc<dyn Pool>)> {
        if !self.link().is_taken_off() {
            return None;
        }
        let Setup { routes, pools, .. } = &*self.setup;
        let routes = routes
            .iter()
            .filter(|(pattern, _)| pattern.matches(self.topic()));
        let names = routes.map(|(_, name)| &**name);
        let links = names
            .chain(std::iter::once(Bulkheads::DEFAULT))
            .filter_map(|name| pools.get(name));
        let mut open = links.filter(|link| !link.is_taken_off());
        open.find_map(|link| Some((Arc::clone(link), link.upgrade()?)))
    }
}

/// Runs here what stands before the emission in its lane, as far as this thread could be keeping it from running.
pub(super) fn lend_to_lane(flight: &Arc<dyn AnyFlight>, waiter: &mut Waiter) -> Standing {
    let core = flight.core();
    let Some(berth) = core.berth() else {
        return Standing::Its;
    };
    let member = Arc::clone(flight).member();
    let is_worker = core.setup.pools.values().any(|link| link.is_here());
    while core.is_queued() && !berth.left.load(Ordering::Acquire) {
        match berth.rule.lanes.ahead(&berth.key, &member, is_worker) {
            Ahead::Nobody => return Standing::Its,
            Ahead::Member(head) if head.is_around_here() => return Standing::Never,
            Ahead::Member(head) => {
                if !head.lend(waiter) {
                    return Standing::NotYet;
                }
            }
        }
    }
    Standing::NotYet
}

impl<C: Cargo> Flight<C> {
    /// Sees to a refusal. Whether this pool is full, and it has to try again.
    fn take_back(self: &Arc<Self>, pool: &mut Arc<dyn Pool>, refused: SubmitError) -> Rejected {
        let (job, reason) = take_back(refused).into_parts();
        // Before the job is dropped, which would tell that it was discarded.
        let is_unclaimed = self.core.claim();
        drop(job);
        if !is_unclaimed {
            return Rejected::Ended;
        }
        match reason {
            SubmitErrorReason::Full { .. }
            | SubmitErrorReason::TimedOut { .. }
            | SubmitErrorReason::RecursionLimit { .. } => {
                self.core.unclaim();
                return Rejected::Full;
            }
            SubmitErrorReason::Closed => {
                if let Some((link, other)) = self.core.elsewhere() {
                    self.core.move_to(&link);
                    *pool = other;
                    self.core.unclaim();
                    return Rejected::Elsewhere;
                }
            }
            _ => {}
        }
        self.end_unrun();
        Rejected::Ended
    }

    fn send(
        self: Arc<Self>,
        pool: Option<Arc<dyn Pool>>,
        submit: impl Fn(&dyn Pool, Job) -> Result<(), SubmitError>,
    ) -> Option<Waiting> {
        let mut pool = pool?;
        while self.core.is_queued() {
            let job = self.core.offer(Arc::clone(&self) as _);
            let submitted = catch_unwind(AssertUnwindSafe(|| submit(&*pool, job)));
            // A pool that panics has dropped the job, and dropping it has told of it.
            let Err(refused) = submitted.map_err(PanicPayload::new).unwrap_or(Ok(())) else {
                return None;
            };
            match self.take_back(&mut pool, refused) {
                Rejected::Elsewhere => {}
                Rejected::Ended => return None,
                Rejected::Full => {
                    return Some(Waiting {
                        member: self,
                        pool: Some(pool),
                    });
                }
            }
        }
        None
    }
}

enum Rejected {
    Full,
    Elsewhere,
    Ended,
}

impl<C: Cargo> Member for Flight<C> {
    fn offer(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<Waiting> {
        self.send(pool, |pool, job| pool.try_submit(job))
    }

    fn run_inline(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<Waiting> {
        self.send(pool, |pool, job| pool.run_inline(job).map(drop))
    }

    fn stall(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) {
        let member = Arc::clone(&self) as _;
        stall(&self.core, Waiting { member, pool });
    }

    fn discard(self: Arc<Self>) {
        if self.core.claim() {
            self.end_unrun();
        }
    }

    fn lend(self: Arc<Self>, waiter: &mut Waiter) -> bool {
        if self.core.is_queued() && self.core.link().is_here() {
            self.run_here();
            return true;
        }
        self.core.lend_to_parts(waiter).0
    }

    fn is_around_here(&self) -> bool {
        self.core.is_around_here()
    }

    fn tell(&self) {
        self.core.tell();
    }
}

thread_local! {
    /// What this thread is to put on its way when it has done so with what it is at.
    static STARTING: RefCell<Option<VecDeque<Waiting>>> = const { RefCell::new(None) };
}

/// Puts an emission on its way whose turn has come. A pool that drops it ends it, which makes it the next one's turn; so those are
/// put in a row here, instead of inside one another.
pub(super) fn start(next: Option<Waiting>) {
    let Some(next) = next else {
        return;
    };
    let mut next = Some(next);
    let others = STARTING.try_with(|starting| {
        let mut starting = starting.borrow_mut();
        match &mut *starting {
            Some(row) => row.extend(next.take()),
            None => *starting = Some(VecDeque::new()),
        }
    });
    let Some(mut next) = next else {
        return;
    };
    loop {
        if let Some(Waiting { member, pool }) = next.member.offer(next.pool) {
            member.stall(pool);
        }
        if others.is_err() {
            return;
        }
        let following = STARTING.try_with(|starting| {
            let mut starting = starting.borrow_mut();
            let following = starting.as_mut().and_then(VecDeque::pop_front);
            if following.is_none() {
                *starting = None;
            }
            following
        });
        match following {
            Ok(Some(following)) => next = following,
            _ => return,
        }
    }
}
