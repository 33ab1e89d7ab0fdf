//! Finding listeners that run for too long, while they run.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use soiree_core::panic::{Contained, contained};
use soiree_core::registry::Registration;
use soiree_core::sync::{STRIPES, stripe};
use soiree_core::{Interest, Observers, SlowListener, Timer, TimerId};

use crate::topic_text::TopicText;

/// Is called for each listener that runs for too long.
pub type SlowListenerHandler = Arc<dyn Fn(&SlowListener<'_>) + Send + Sync>;

/// Monitors calls of listeners, and reports those that run for longer than their threshold.
///
/// A call with a threshold is listed while it runs. All calls together use one task of the timer, due when the first call may reach its
/// threshold. A task that is not due is cancelled when the emitter closes, and when the monitor is dropped.
///
/// The timer calls handlers and observers. Use a timer of its own for this: what they do is up to them, and would delay everything
/// else that the timer has to call.
#[derive(Clone)]
pub struct SlowListenerMonitor(Arc<Shared>);

struct Shared {
    timer: Contained<Arc<dyn Timer>>,
    epoch: Instant,
    stripes: [CachePadded<Mutex<Calls>>; STRIPES],
    tasks: Mutex<Tasks>,
    /// When the first of them is due, in nanoseconds after the epoch.
    first: AtomicU64,
}

const NEVER: u64 = u64::MAX;

/// The timer's tasks: usually one, at most one for each different threshold.
#[derive(Default)]
struct Tasks {
    list: Vec<ScheduledTask>,
    next_number: u64,
}

struct ScheduledTask {
    number: u64,
    due: Instant,
    /// `None` until the timer has returned it.
    id: Option<TimerId>,
}

#[derive(Default)]
struct Calls {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

enum Slot {
    Free,
    /// A call, and whether it was reported.
    Running(MonitoredCall, bool),
    /// The timer thread has taken the call out to report it.
    Reporting,
    /// The same, and the call ended at this time meanwhile.
    Ended(Instant),
}

/// A call that is monitored.
pub(crate) struct MonitoredCall {
    pub(crate) registration: Arc<Registration>,
    pub(crate) topic: TopicText,
    pub(crate) attempt: u32,
    pub(crate) threshold: Duration,
    pub(crate) observers: Observers,
    pub(crate) handler: Option<Contained<SlowListenerHandler>>,
    pub(crate) started: Instant,
    pub(crate) due: Instant,
}

/// Where a call is listed, for [`SlowListenerMonitor::end`].
#[derive(Clone, Copy)]
pub(crate) struct MonitorKey {
    stripe: usize,
    slot: usize,
}

impl SlowListenerMonitor {
    /// A monitor on this timer, which it should have for itself.
    pub fn new(timer: Arc<dyn Timer>) -> Self {
        Self(Arc::new(Shared {
            epoch: timer.now(),
            timer: timer.into(),
            stripes: Default::default(),
            tasks: Mutex::default(),
            first: AtomicU64::new(NEVER),
        }))
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.timer.now()
    }

    /// Cancels the tasks of the timer that no running call needs.
    pub(crate) fn cancel_tasks(&self) {
        self.0.cancel_tasks();
        // After that: a call that relied on a task is listed by now.
        self.0.wake_at_next();
    }

    pub(crate) fn start(&self, call: MonitoredCall) -> MonitorKey {
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
        MonitorKey { stripe, slot }
    }

    /// Removes the call. If it was reported, reports that it has ended.
    pub(crate) fn end(&self, key: MonitorKey) {
        let mut ended = None;
        loop {
            let mut calls = self.0.calls(key.stripe);
            let slot = &mut calls.slots[key.slot];
            match (mem::replace(slot, Slot::Free), ended) {
                (Slot::Running(call, reported), _) => {
                    calls.free.push(key.slot);
                    drop(calls);
                    if reported {
                        call.report(ended.unwrap_or_else(|| self.now()), true);
                    }
                    contained(move || drop(call));
                    return;
                }
                // The thread that reports the running call reports its end too, so that the end comes last.
                (Slot::Reporting, Some(at)) => {
                    *slot = Slot::Ended(at);
                    return;
                }
                (Slot::Reporting, None) => {
                    *slot = Slot::Reporting;
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

    /// Schedules a check of the calls at this time, unless one is due before.
    fn wake_at(self: &Arc<Self>, due: Instant) {
        let nanos = self.nanos(due);
        if self.first.load(Ordering::SeqCst) <= nanos {
            return;
        }
        let mut tasks = self.tasks();
        if tasks.list.iter().any(|task| task.due <= due) {
            return;
        }
        let number = tasks.next_number;
        tasks.next_number += 1;
        tasks.list.push(ScheduledTask {
            number,
            due,
            id: None,
        });
        self.first.store(nanos, Ordering::SeqCst);
        drop(tasks);
        let shared = Arc::downgrade(self);
        let task = move || {
            if let Some(shared) = shared.upgrade() {
                shared.on_due(number);
            }
        };
        let Ok(id) = self.timer.at(due, Box::new(task)) else {
            // The next call tries again.
            self.forget(number);
            return;
        };
        let mut tasks = self.tasks();
        match tasks.list.iter_mut().find(|task| task.number == number) {
            Some(task) => task.id = Some(id),
            // It has run, or was cancelled before its ID was known.
            None => {
                drop(tasks);
                self.cancel(id);
            }
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, number: u64) {
        let mut tasks = self.tasks();
        tasks.list.retain(|task| task.number != number);
        let first = tasks.list.iter().map(|task| task.due).min();
        let first = first.map_or(NEVER, |first| self.nanos(first));
        self.first.store(first, Ordering::SeqCst);
    }

    fn cancel_tasks(&self) {
        let mut tasks = self.tasks();
        let cancelled = mem::take(&mut tasks.list);
        self.first.store(NEVER, Ordering::SeqCst);
        drop(tasks);
        for id in cancelled.into_iter().filter_map(|task| task.id) {
            self.cancel(id);
        }
    }

    fn cancel(&self, id: TimerId) {
        contained(|| _ = self.timer.cancel(id));
    }

    fn on_due(self: &Arc<Self>, number: u64) {
        // First: a call that the check below misses then schedules another check.
        self.forget(number);
        let next = (0..STRIPES).filter_map(|stripe| self.check(stripe)).min();
        if let Some(next) = next {
            self.wake_at(next);
        }
    }

    /// Schedules a check for the running call that is due first.
    fn wake_at_next(self: &Arc<Self>) {
        let next = (0..STRIPES).filter_map(|stripe| {
            let calls = self.calls(stripe);
            let due = calls.slots.iter().filter_map(Slot::due);
            due.min()
        });
        if let Some(next) = next.min() {
            self.wake_at(next);
        }
    }

    /// Reports the calls that are over their thresholds. Returns when the next one will be.
    fn check(&self, stripe: usize) -> Option<Instant> {
        let now = self.timer.now();
        let (mut slow, mut next) = (Vec::new(), None);
        for (at, slot) in self.calls(stripe).slots.iter_mut().enumerate() {
            match mem::replace(slot, Slot::Reporting) {
                Slot::Running(call, false) if call.due <= now => slow.push((at, call)),
                other => {
                    next = next.into_iter().chain(other.due()).min();
                    *slot = other;
                }
            }
        }
        for (at, call) in slow {
            call.report(self.timer.now(), false);
            let mut calls = self.calls(stripe);
            let slot = &mut calls.slots[at];
            if let Slot::Ended(ended) = *slot {
                *slot = Slot::Free;
                calls.free.push(at);
                drop(calls);
                call.report(ended, true);
                contained(move || drop(call));
            } else {
                *slot = Slot::Running(call, true);
            }
        }
        next
    }
}

impl Slot {
    /// When the call is to be reported, if it was not.
    fn due(&self) -> Option<Instant> {
        match self {
            Self::Running(call, false) => Some(call.due),
            _ => None,
        }
    }
}

/// The timer would keep a thread until the last task is due.
impl Drop for Shared {
    fn drop(&mut self) {
        self.cancel_tasks();
    }
}

impl MonitoredCall {
    fn report(&self, now: Instant, ended: bool) {
        let (topic, listener) = (self.topic.as_str(), self.registration.listener_ref());
        let running_for = now.saturating_duration_since(self.started);
        let (attempt, threshold) = (self.attempt, self.threshold);
        let slow = SlowListener::new(topic, listener, attempt, threshold, running_for, ended);
        self.observers.notify_of(Interest::LISTENERS, |observer| {
            observer.listener_slow(&slow)
        });
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

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::sync::OnceLock;

    use soiree_core::{Event, ListenerId, ListenerOptions, Pattern};
    use soiree_testkit::ManualTimer;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn call(monitor: &SlowListenerMonitor, handler: SlowListenerHandler) -> MonitoredCall {
        let pattern = Pattern::new("a").expect("the pattern is valid");
        let (id, options) = (ListenerId::new("id"), ListenerOptions::new());
        let listener = Arc::new(|_: &dyn Event| ());
        let registration =
            Registration::new(&pattern, id, options, listener).expect("the options are valid");
        MonitoredCall {
            registration: Arc::new(registration),
            topic: TopicText::new("a"),
            attempt: 1,
            threshold: SECOND,
            observers: Observers::none(),
            handler: Some(handler.into()),
            started: monitor.now(),
            due: monitor.now() + SECOND,
        }
    }

    /// L4: a call that ends while it is reported leaves no place behind, and is reported as ended.
    #[test]
    fn a_call_that_ends_while_it_is_reported_frees_its_slot() {
        let timer = ManualTimer::new();
        let monitor = SlowListenerMonitor::new(Arc::new(timer.clone()));
        let reported = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..3 {
            let key = Arc::new(OnceLock::<MonitorKey>::new());
            let (ends, ended) = ((monitor.clone(), Arc::clone(&key)), Arc::clone(&reported));
            let handler = move |slow: &SlowListener<'_>| {
                ended.lock().expect("not poisoned").push(slow.ended);
                if !slow.ended {
                    ends.0.end(*ends.1.get().expect("the call has started"));
                }
            };
            let _ = key.set(monitor.start(call(&monitor, Arc::new(handler))));
            timer.advance(SECOND);
        }
        let reported = reported.lock().expect("not poisoned");
        assert_eq!(*reported, [false, true].repeat(3));
        let stripes = (0..STRIPES).map(|stripe| monitor.0.calls(stripe));
        let places = stripes.map(|calls| (calls.slots.len(), calls.free.len()));
        let (slots, free) = places.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        assert_eq!((slots, free), (1, 1), "one place, used again and again");
    }
}
