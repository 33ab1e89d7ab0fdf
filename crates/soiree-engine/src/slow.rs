//! Finding listeners that run for too long, while they do.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::topic_text::TopicText;
use soiree_core::Timer;
use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::sync::{STRIPES, stripe};
use soiree_core::{Observers, SlowListener};

/// Sees every listener that runs for too long.
pub type SlowListenerHandler = Arc<dyn Fn(&SlowListener<'_>) + Send + Sync>;

/// Watches over calls of listeners, and tells of those that run for longer than they should.
///
/// A call that has a threshold is put on a list, and taken off as it ends. Of the timer it takes one task for all of them, due
/// when the first may be over its threshold, and none when nothing runs.
///
/// Handlers and observers are called by the timer. It should be a timer for nothing else: what they do is up to them, and would
/// hold up whatever else the timer is to call.
#[derive(Clone)]
pub struct SlowListenerMonitor(Arc<Shared>);

struct Shared {
    timer: Arc<dyn Timer>,
    epoch: Instant,
    stripes: [CachePadded<Mutex<Calls>>; STRIPES],
    /// When the timer's tasks are due: mostly one, at most one for each different threshold.
    tasks: Mutex<Vec<Instant>>,
    /// When the first of them is, in nanoseconds after the epoch.
    first: AtomicU64,
}

const NEVER: u64 = u64::MAX;

#[derive(Default)]
struct Calls {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

enum Slot {
    Free,
    /// A call, and whether it was told of.
    Running(Running, bool),
    /// A call that the timer's thread has taken out to tell of it.
    Telling,
    /// The same, and it has ended by now, at this time.
    Ended(Instant),
}

/// A call to be watched.
pub(crate) struct Running {
    pub(crate) entry: Arc<Registration>,
    pub(crate) topic: TopicText,
    pub(crate) attempt: u32,
    pub(crate) threshold: Duration,
    pub(crate) observers: Observers,
    pub(crate) handler: Option<SlowListenerHandler>,
    pub(crate) began: Instant,
    pub(crate) due: Instant,
}

/// Where a call stands on the list, for [`SlowListenerMonitor::end`].
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    stripe: usize,
    slot: usize,
}

impl SlowListenerMonitor {
    /// With a timer of its own.
    pub fn new(timer: Arc<dyn Timer>) -> Self {
        Self(Arc::new(Shared {
            epoch: timer.now(),
            timer,
            stripes: Default::default(),
            tasks: Mutex::default(),
            first: AtomicU64::new(NEVER),
        }))
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.timer.now()
    }

    pub(crate) fn begin(&self, call: Running) -> Seat {
        let (stripe, due) = (stripe(), call.due);
        let mut calls = self.0.calls(stripe);
        let slot = match calls.free.pop() {
            Some(slot) => slot,
            None => {
                calls.slots.push(Slot::Free);
                calls.slots.len() - 1
            }
        };
        calls.slots[slot] = Slot::Running(call, false);
        drop(calls);
        self.0.wake_at(due);
        Seat { stripe, slot }
    }

    /// Takes the call off, and if it was told of, tells that it has ended.
    pub(crate) fn end(&self, seat: Seat) {
        let mut ended = None;
        loop {
            let mut calls = self.0.calls(seat.stripe);
            let slot = &mut calls.slots[seat.slot];
            match (mem::replace(slot, Slot::Free), ended) {
                (Slot::Running(call, told), _) => {
                    calls.free.push(seat.slot);
                    drop(calls);
                    if told {
                        call.tell(ended.unwrap_or_else(|| self.now()), true);
                    }
                    contained(move || drop(call));
                    return;
                }
                // So that the end is told of last, whoever is telling that it runs does so.
                (Slot::Telling, Some(at)) => {
                    *slot = Slot::Ended(at);
                    return;
                }
                (Slot::Telling, None) => {
                    *slot = Slot::Telling;
                    drop(calls);
                    ended = Some(self.now());
                }
                (Slot::Free | Slot::Ended(_), _) => return,
            }
        }
    }
}

impl Shared {
    fn calls(&self, stripe: usize) -> MutexGuard<'_, Calls> {
        let calls = self.stripes[stripe].lock();
        calls.unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(nanos).unwrap_or(NEVER - 1)
    }

    /// Has the timer look at the calls at this time, unless it does so before.
    fn wake_at(self: &Arc<Self>, due: Instant) {
        let nanos = self.nanos(due);
        if self.first.load(Ordering::SeqCst) <= nanos {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.iter().any(|task| *task <= due) {
            return;
        }
        tasks.push(due);
        self.first.store(nanos, Ordering::SeqCst);
        drop(tasks);
        let shared = Arc::downgrade(self);
        let task = move || {
            if let Some(shared) = shared.upgrade() {
                shared.fall_due(due);
            }
        };
        if self.timer.at(due, Box::new(task)).is_err() {
            // The next call tries again.
            self.forget(due);
        }
    }

    fn forget(&self, due: Instant) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| *task != due);
        let first = tasks.iter().min().map_or(NEVER, |first| self.nanos(*first));
        self.first.store(first, Ordering::SeqCst);
    }

    fn fall_due(self: &Arc<Self>, due: Instant) {
        // First, so that a call which is not seen below has the timer look again.
        self.forget(due);
        let next = (0..STRIPES).filter_map(|stripe| self.look(stripe)).min();
        if let Some(next) = next {
            self.wake_at(next);
        }
    }

    /// Tells of calls that are over their thresholds. Says when the next one will be.
    fn look(&self, stripe: usize) -> Option<Instant> {
        let now = self.timer.now();
        let (mut slow, mut next) = (Vec::new(), None);
        for (at, slot) in self.calls(stripe).slots.iter_mut().enumerate() {
            match mem::replace(slot, Slot::Telling) {
                Slot::Running(call, false) if call.due <= now => slow.push((at, call)),
                other => {
                    if let Slot::Running(call, false) = &other {
                        next = Some(next.map_or(call.due, |next: Instant| next.min(call.due)));
                    }
                    *slot = other;
                }
            }
        }
        for (at, call) in slow {
            call.tell(self.timer.now(), false);
            let mut calls = self.calls(stripe);
            let slot = &mut calls.slots[at];
            if let Slot::Ended(ended) = *slot {
                *slot = Slot::Free;
                calls.free.push(at);
                drop(calls);
                call.tell(ended, true);
                contained(move || drop(call));
            } else {
                *slot = Slot::Running(call, true);
            }
        }
        next
    }
}

impl Running {
    fn tell(&self, now: Instant, ended: bool) {
        let (topic, listener) = (self.topic.as_str(), self.entry.listener_ref());
        let running_for = now.saturating_duration_since(self.began);
        let (attempt, threshold) = (self.attempt, self.threshold);
        let slow = SlowListener::new(topic, listener, attempt, threshold, running_for, ended);
        self.observers
            .notify(|observer| observer.listener_slow(&slow));
        if let Some(handler) = &self.handler {
            contained(|| handler(&slow));
        }
    }
}

impl fmt::Debug for SlowListenerMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowListenerMonitor")
            .finish_non_exhaustive()
    }
}
