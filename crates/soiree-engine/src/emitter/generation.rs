//! What `emit_sync` reads, and how a close waits for every `emit_sync` that still runs.

use std::any::Any;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};
use std::time::Instant;

use soiree_core::panic::contained;
use soiree_core::registry::{PublishHook, Snapshot};
use soiree_core::sync::{Monitor, ReadMostly, Replaced};

use super::current::Current;
use crate::context::{EnteredFrame, Frame, enter_frame};
use crate::emission::EmitterShared;
use crate::trace;

/// Subscriptions and settings of one moment.
pub(super) struct Generation {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) current: Arc<Current>,
    /// It is open, nobody is notified of an emission that succeeds, and none is ordered by key.
    fast_path: bool,
    /// As `fast_path`, but events are ordered by key.
    fast_path_in_turn: bool,
    /// As `fast_path`, but observers are notified. No listener is slow that does not say itself when it is.
    observed_path: bool,
    /// `None` once closed. Declared last, so that it drops after the listeners: until then the dropping thread counts as running an
    /// emission.
    exit: Option<ExitGuard>,
}

/// Removes the generation from those in use when its last emission has released it.
struct ExitGuard {
    tracker: Arc<Tracker>,
    /// Set while the generation is dropped: the frame in which its listeners are dropped. Their `Drop` may call what a listener may call.
    leaving: Option<(usize, EnteredFrame)>,
}

/// The generation that emissions start in, and those that some are still in.
///
/// Emissions are not counted as they start and end, which would cost each of them as much as calling its listener. They hold the
/// generation that they started in, and a close waits until none holds any.
pub(super) struct Generations {
    now: ReadMostly<Generation>,
    tracker: Arc<Tracker>,
}

struct Tracker {
    /// The address of the emitter, for frames.
    emitter: usize,
    open: Monitor<TrackedGenerations>,
}

/// The generations that emissions may still hold.
struct TrackedGenerations {
    is_closed: bool,
    generations: Vec<TrackedGeneration>,
    /// The emitter whose task the last running emission must end.
    deferred_end: Option<Arc<EmitterShared>>,
}

struct TrackedGeneration {
    generation: Weak<Generation>,
    /// The thread that replaces this generation still holds a handle, which is not an emission.
    replaced: bool,
}

impl Generation {
    pub(super) fn is_open(&self) -> bool {
        self.exit.is_some()
    }

    /// Whether emissions in it need no check and notify nobody.
    #[inline]
    pub(super) fn has_fast_path(&self) -> bool {
        self.fast_path && !trace::is_possible()
    }

    /// As [`has_fast_path`](Self::has_fast_path), once it is the turn of the event.
    #[inline]
    pub(super) fn has_fast_path_in_turn(&self) -> bool {
        self.fast_path_in_turn && !trace::is_possible()
    }

    /// Whether emissions in it need no check, and only observers are notified.
    #[inline]
    pub(super) fn has_observed_path(&self) -> bool {
        self.observed_path && !trace::is_possible()
    }
}

/// An emission is the last to release it.
impl Drop for Generation {
    fn drop(&mut self) {
        let generation = std::ptr::from_ref(self).addr();
        if let Some(exit) = &mut self.exit {
            let frame = Frame::of(exit.tracker.emitter);
            exit.leaving = Some((generation, enter_frame(frame)));
        }
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let Some((generation, entered)) = self.leaving.take() else {
            return;
        };
        drop(entered);
        self.tracker.change(|open| open.remove(generation));
    }
}

impl Tracker {
    /// Changes which generations are in use. If no emission is left in any, notifies those that wait for that and ends the task that is
    /// held, without the lock.
    fn change<R>(&self, change: impl FnOnce(&mut TrackedGenerations) -> R) -> R {
        let mut open = self.open.lock();
        let result = change(&mut open);
        let mut deferred_end = None;
        if open.is_closed && open.emissions() == 0 {
            deferred_end = open.deferred_end.take();
            self.open.notify_all();
        }
        drop(open);
        if let Some(shared) = deferred_end {
            shared.task_ended();
        }
        result
    }
}

impl TrackedGenerations {
    /// How many emissions run. Exact once closed: a generation that was replaced has a handle for each emission that reads it, and no other.
    fn emissions(&self) -> usize {
        let inside = |tracked: &TrackedGeneration| match tracked.generation.strong_count() {
            // The last one is about to leave.
            0 => 1,
            holders => holders - usize::from(tracked.replaced),
        };
        self.generations.iter().map(inside).sum()
    }

    fn find(&mut self, generation: &Arc<Generation>) -> Option<&mut TrackedGeneration> {
        let mut tracked = self.generations.iter_mut();
        tracked.find(|tracked| tracked.generation.as_ptr() == Arc::as_ptr(generation))
    }

    fn remove(&mut self, generation: usize) {
        self.generations
            .retain(|tracked| tracked.generation.as_ptr().addr() != generation);
    }
}

impl Generations {
    pub(super) fn new(
        shared: &Arc<EmitterShared>,
        snapshot: Arc<Snapshot>,
        current: Arc<Current>,
    ) -> Self {
        let tracker = Arc::new(Tracker {
            emitter: Arc::as_ptr(shared).addr(),
            open: Monitor::new(TrackedGenerations {
                is_closed: false,
                generations: Vec::new(),
                deferred_end: None,
            }),
        });
        let first = generation(&tracker, &mut tracker.open.lock(), snapshot, current);
        Self {
            now: ReadMostly::new(first),
            tracker,
        }
    }

    /// Calls `act` inside the current generation.
    #[inline]
    pub(super) fn inside<R>(&self, act: impl FnOnce(&Generation) -> R) -> R {
        self.now.read(|generation| act(generation))
    }

    /// Emissions start with these settings from now on. Returns what it replaces, to be [retired](Self::retire) when no lock is held.
    pub(super) fn set(&self, current: Arc<Current>) -> Replaced<Generation> {
        self.replace(&mut self.tracker.open.lock(), |now| {
            (Arc::clone(&now.snapshot), current)
        })
    }

    /// No emission starts from now on. Those that are rejected hold this snapshot, which should have no listeners.
    pub(super) fn close(&self, empty: Arc<Snapshot>) {
        let mut open = self.tracker.open.lock();
        open.is_closed = true;
        let last = self.replace(&mut open, |now| (empty, Arc::clone(&now.current)));
        drop(open);
        self.retire(last);
    }

    fn replace(
        &self,
        open: &mut TrackedGenerations,
        next: impl FnOnce(&Generation) -> (Arc<Snapshot>, Arc<Current>),
    ) -> Replaced<Generation> {
        let now = self.now.get();
        let (snapshot, current) = next(&now);
        if let Some(tracked) = open.find(&now) {
            tracked.replaced = true;
        }
        self.now
            .replace(generation(&self.tracker, open, snapshot, current))
    }

    /// Releases a generation that was replaced.
    pub(super) fn retire(&self, replaced: Replaced<Generation>) {
        let replaced = replaced.into_last();
        let last = self.tracker.change(|open| {
            if let Some(tracked) = open.find(&replaced) {
                tracked.replaced = false;
            }
            let address = Arc::as_ptr(&replaced).addr();
            let mut last = Arc::into_inner(replaced)?;
            // Not inside: listeners that are dropped with it may close the emitter.
            last.exit = None;
            open.remove(address);
            Some(last)
        });
        contained(move || drop(last));
    }

    /// Waits until all emissions have ended, once closed. Returns `false` if the deadline came first.
    pub(super) fn wait_empty(&self, deadline: Option<Instant>) -> bool {
        let monitor = &self.tracker.open;
        let mut open = monitor.lock();
        let mut late = false;
        while open.emissions() > 0 {
            if late {
                return false;
            }
            match deadline {
                Some(deadline) => (open, late) = monitor.wait_until(open, deadline),
                None => open = monitor.wait(open),
            }
        }
        // An emission that was not the last to release its generation has taken no lock. What its listeners have written is seen from here.
        fence(Ordering::Acquire);
        true
    }

    /// Starts a task that the last running emission ends, if any runs. To be called once closed.
    pub(super) fn hold_task(&self, shared: &Arc<EmitterShared>) {
        let mut open = self.tracker.open.lock();
        if open.emissions() > 0 {
            shared.tracker.start_nested();
            open.deferred_end = Some(Arc::clone(shared));
        }
    }

    /// How many emissions have not ended, on this thread or on pools, once closed.
    pub(super) fn unended(&self, shared: &EmitterShared) -> u64 {
        let open = self.tracker.open.lock();
        let held = u64::from(open.deferred_end.is_some());
        open.emissions() as u64 + shared.tracker.len().saturating_sub(held)
    }
}

fn generation(
    tracker: &Arc<Tracker>,
    open: &mut TrackedGenerations,
    snapshot: Arc<Snapshot>,
    current: Arc<Current>,
) -> Arc<Generation> {
    let exit = (!open.is_closed).then(|| ExitGuard {
        tracker: Arc::clone(tracker),
        leaving: None,
    });
    let (is_open, has_orders) = (exit.is_some(), current.has_orders());
    let handlers = &current.settings.handlers;
    let is_observed = handlers.observe_emissions();
    let measures_slowness = handlers.slow_listener.is_some() || handlers.slow_after.is_some();
    let generation = Arc::new(Generation {
        fast_path: is_open && !is_observed && !has_orders,
        fast_path_in_turn: is_open && !is_observed && has_orders,
        observed_path: is_open && is_observed && !has_orders && !measures_slowness,
        snapshot,
        current,
        exit,
    });
    if generation.is_open() {
        open.generations.push(TrackedGeneration {
            generation: Arc::downgrade(&generation),
            replaced: false,
        });
    }
    generation
}

impl PublishHook for Generations {
    fn publish(&self, snapshot: Arc<Snapshot>) -> Box<dyn Any + Send> {
        let mut open = self.tracker.open.lock();
        if open.is_closed {
            return Box::new(snapshot);
        }
        Box::new(self.replace(&mut open, |now| (snapshot, Arc::clone(&now.current))))
    }

    fn retire(&self, replaced: Box<dyn Any + Send>) {
        match replaced.downcast() {
            Ok(replaced) => Self::retire(self, *replaced),
            Err(unused) => contained(move || drop(unused)),
        }
    }
}
