//! What emissions on the thread that emits read, and how a close knows that they are still at it.

use std::sync::{Arc, Weak};
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};

use super::settings::Current;
use crate::emission::Hub;
use crate::registry::{Follower, Former, Snapshot, contained};
use crate::sync::Monitor;
use crate::trace;

/// Subscriptions and settings of one moment.
pub(super) struct Scene {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) current: Arc<Current>,
    /// Where those leave that hold on to it, which is being inside the emitter. In a scene without doors no emission begins.
    doors: Option<Arc<Doors>>,
    /// It is open, nobody is told of an emission that goes well, and none waits for its turn.
    quiet: bool,
}

/// The scene that emissions begin in.
///
/// Emissions are not counted as they come and go, which would cost each of them as much as calling its listener. They hold on to
/// the scene that they began in, and a close waits until nobody holds on to any.
pub(super) struct Scenes {
    now: ArcSwap<Scene>,
    doors: Arc<Doors>,
}

type Doors = Monitor<Open>;

/// The scenes that emissions may be in.
struct Open {
    is_closed: bool,
    /// All that are left, and some that are gone.
    scenes: Vec<Weak<Scene>>,
    /// The last emission is to leave this one's gate.
    holds_gate: Option<Arc<Hub>>,
}

impl Scene {
    fn new(snapshot: Arc<Snapshot>, current: Arc<Current>, doors: Option<Arc<Doors>>) -> Arc<Self> {
        let settings = &current.settings;
        let quiet = doors.is_some() && settings.handlers.are_quiet() && settings.orders.is_empty();
        Arc::new(Self {
            snapshot,
            current,
            doors,
            quiet,
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.doors.is_some()
    }

    /// Whether emissions begin in it without a word.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet && !trace::is_possible()
    }
}

/// Before the listeners go that only this scene has left: their `Drop` may close the emitter.
impl Drop for Scene {
    fn drop(&mut self) {
        let Some(doors) = &self.doors else { return };
        let mut open = doors.lock();
        if !open.is_closed || open.emissions() > 0 {
            return;
        }
        let holds_gate = open.holds_gate.take();
        doors.notify_all();
        drop(open);
        if let Some(hub) = holds_gate {
            hub.leave();
        }
    }
}

/// Lets go of a scene. Others may have replaced it, and nobody else hold on to listeners that they took off.
struct Held(Option<Guard<Arc<Scene>>>);

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        contained(|| drop(self.0.take()));
    }
}

impl Open {
    /// How many emissions there are, once it is closed: all that readers owe to a scene is paid as the next one takes its place.
    fn emissions(&self) -> usize {
        self.scenes.iter().map(Weak::strong_count).sum()
    }
}

impl Scenes {
    pub(super) fn new(snapshot: Arc<Snapshot>, current: Arc<Current>) -> Self {
        let doors = Arc::new(Monitor::new(Open {
            is_closed: false,
            scenes: Vec::new(),
            holds_gate: None,
        }));
        let first = Scene::new(snapshot, current, Some(Arc::clone(&doors)));
        doors.lock().scenes.push(Arc::downgrade(&first));
        Self {
            now: ArcSwap::new(first),
            doors,
        }
    }

    /// Calls `act` with the scene of this moment, and is inside it meanwhile.
    #[inline]
    pub(super) fn inside<R>(&self, act: impl FnOnce(&Scene) -> R) -> R {
        let mut held = Held(None);
        act(held.0.insert(self.now.load()))
    }

    /// Has emissions begin with these settings. What is returned is to be dropped when no lock is held.
    pub(super) fn set(&self, current: Arc<Current>) -> Arc<Scene> {
        self.replace(&mut self.doors.lock(), |now| {
            (Arc::clone(&now.snapshot), current)
        })
    }

    /// No emission begins from now on.
    pub(super) fn close(&self) {
        let mut open = self.doors.lock();
        open.is_closed = true;
        let last = self.replace(&mut open, |now| {
            (Arc::clone(&now.snapshot), Arc::clone(&now.current))
        });
        drop(open);
        drop(last);
    }

    fn replace(
        &self,
        open: &mut Open,
        next: impl FnOnce(&Scene) -> (Arc<Snapshot>, Arc<Current>),
    ) -> Arc<Scene> {
        let (snapshot, current) = next(&self.now.load());
        let doors = (!open.is_closed).then(|| Arc::clone(&self.doors));
        let next = Scene::new(snapshot, current, doors);
        if next.is_open() {
            if open.scenes.len() == open.scenes.capacity() {
                open.scenes.retain(|scene| scene.strong_count() > 0);
            }
            open.scenes.push(Arc::downgrade(&next));
        }
        self.now.swap(next)
    }

    /// Waits until all emissions have ended, once closed; `false` if the deadline came first.
    pub(super) fn wait_empty(&self, deadline: Option<Instant>) -> bool {
        let mut open = self.doors.lock();
        let mut late = false;
        while open.emissions() > 0 {
            if late {
                return false;
            }
            match deadline {
                Some(deadline) => (open, late) = self.doors.wait_until(open, deadline),
                None => open = self.doors.wait(open),
            }
        }
        true
    }

    /// How many emissions have not ended, once closed. If there are any, the gate is entered, and left by the last of them.
    pub(super) fn hold_gate(&self, hub: &Arc<Hub>) -> u64 {
        let mut open = self.doors.lock();
        let emissions = open.emissions();
        if emissions > 0 {
            hub.gate.enter_again();
            open.holds_gate = Some(Arc::clone(hub));
        }
        emissions as u64
    }
}

impl Follower for Scenes {
    fn follow(&self, snapshot: Arc<Snapshot>) -> Former {
        self.replace(&mut self.doors.lock(), |now| {
            (snapshot, Arc::clone(&now.current))
        })
    }
}
