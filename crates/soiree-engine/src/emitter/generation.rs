//! What emissions on the thread that emits read, and how a close knows that they are still at it.

use std::any::Any;
use std::sync::{Arc, Weak};
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};

use super::settings::Current;
use crate::context::{EnteredFrame, Frame, enter_frame};
use crate::emission::Hub;
use crate::trace;
use soiree_core::panic::contained;
use soiree_core::registry::{PublishHook, Snapshot};
use soiree_core::sync::Monitor;

/// Subscriptions and settings of one moment.
pub(super) struct Scene {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) current: Arc<Current>,
    /// It has an exit, nobody is told of an emission that goes well, and none waits for its turn.
    quiet: bool,
    /// In a scene that cannot be left no emission begins. Last, so that whoever leaves is inside until all else is dropped.
    exit: Option<Exit>,
}

/// How the last emission leaves that was in a scene.
struct Exit {
    doors: Arc<Doors>,
    /// That it does so: the listeners that go with the scene may call whatever a listener may.
    leaving: Option<(usize, EnteredFrame)>,
}

/// The scene that emissions begin in.
///
/// Emissions are not counted as they come and go, which would cost each of them as much as calling its listener. They hold on to
/// the scene that they began in, and a close waits until none holds on to any.
pub(super) struct Scenes {
    now: ArcSwap<Scene>,
    doors: Arc<Doors>,
}

struct Doors {
    /// The address of the emitter's hub, for frames.
    hub: usize,
    open: Monitor<Open>,
}

/// The scenes that emissions may be in.
struct Open {
    is_closed: bool,
    scenes: Vec<Place>,
    /// The last emission is to leave this one's gate.
    holds_gate: Option<Arc<Hub>>,
}

struct Place {
    scene: Weak<Scene>,
    /// Whoever has replaced the scene holds on to it, and is no emission.
    replaced: bool,
}

impl Scene {
    pub(super) fn is_open(&self) -> bool {
        self.exit.is_some()
    }

    /// Whether emissions begin in it without a word.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet && !trace::is_possible()
    }
}

/// An emission is the last to let go.
impl Drop for Scene {
    fn drop(&mut self) {
        let scene = std::ptr::from_ref(self).addr();
        if let Some(exit) = &mut self.exit {
            let frame = Frame {
                hub: exit.doors.hub,
                flight: 0,
                pool: 0,
            };
            exit.leaving = Some((scene, enter_frame(frame)));
        }
    }
}

impl Drop for Exit {
    fn drop(&mut self) {
        let Some((scene, entered)) = self.leaving.take() else {
            return;
        };
        drop(entered);
        self.doors.change(|open| open.remove(scene));
    }
}

impl Doors {
    /// Changes who is inside. If that is nobody, those who wait for it are told, and the gate that is held is left, without the lock.
    fn change<R>(&self, change: impl FnOnce(&mut Open) -> R) -> R {
        let mut open = self.open.lock();
        let result = change(&mut open);
        let mut holds_gate = None;
        if open.is_closed && open.emissions() == 0 {
            holds_gate = open.holds_gate.take();
            self.open.notify_all();
        }
        drop(open);
        if let Some(hub) = holds_gate {
            hub.leave();
        }
        result
    }
}

impl Open {
    /// How many emissions there are, once it is closed: all that readers owe to a scene is paid as the next one takes its place.
    fn emissions(&self) -> usize {
        let inside = |place: &Place| match place.scene.strong_count() {
            // The last one is about to leave.
            0 => 1,
            holders => holders - usize::from(place.replaced),
        };
        self.scenes.iter().map(inside).sum()
    }

    fn place(&mut self, scene: &Arc<Scene>) -> Option<&mut Place> {
        let mut places = self.scenes.iter_mut();
        places.find(|place| place.scene.as_ptr() == Arc::as_ptr(scene))
    }

    fn remove(&mut self, scene: usize) {
        self.scenes
            .retain(|place| place.scene.as_ptr().addr() != scene);
    }
}

/// Lets go of a scene, from which listeners may go that others took off.
struct Held(Option<Guard<Arc<Scene>>>);

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        contained(|| drop(self.0.take()));
    }
}

impl Scenes {
    pub(super) fn new(hub: &Arc<Hub>, snapshot: Arc<Snapshot>, current: Arc<Current>) -> Self {
        let doors = Arc::new(Doors {
            hub: Arc::as_ptr(hub).addr(),
            open: Monitor::new(Open {
                is_closed: false,
                scenes: Vec::new(),
                holds_gate: None,
            }),
        });
        let first = scene(&doors, &mut doors.open.lock(), snapshot, current);
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

    /// Has emissions begin with these settings. What it replaces is to be [let go](Self::leave_to_emissions) of when no lock is held.
    pub(super) fn set(&self, current: Arc<Current>) -> Arc<Scene> {
        self.replace(&mut self.doors.open.lock(), |now| {
            (Arc::clone(&now.snapshot), current)
        })
    }

    /// No emission begins from now on. Those that are refused hold on to this snapshot, which should have no listeners.
    pub(super) fn close(&self, empty: Arc<Snapshot>) {
        let mut open = self.doors.open.lock();
        open.is_closed = true;
        let last = self.replace(&mut open, |now| (empty, Arc::clone(&now.current)));
        drop(open);
        self.leave_to_emissions(last);
    }

    fn replace(
        &self,
        open: &mut Open,
        next: impl FnOnce(&Scene) -> (Arc<Snapshot>, Arc<Current>),
    ) -> Arc<Scene> {
        let now = self.now.load();
        let (snapshot, current) = next(&now);
        if let Some(place) = open.place(&now) {
            place.replaced = true;
        }
        self.now.swap(scene(&self.doors, open, snapshot, current))
    }

    /// Lets go of a scene that was replaced.
    pub(super) fn leave_to_emissions(&self, replaced: Arc<Scene>) {
        let last = self.doors.change(|open| {
            if let Some(place) = open.place(&replaced) {
                place.replaced = false;
            }
            let address = Arc::as_ptr(&replaced).addr();
            let mut last = Arc::into_inner(replaced)?;
            // Not inside: listeners that go with it may close the emitter.
            last.exit = None;
            open.remove(address);
            Some(last)
        });
        contained(move || drop(last));
    }

    /// Waits until all emissions have ended, once closed; `false` if the deadline came first.
    pub(super) fn wait_empty(&self, deadline: Option<Instant>) -> bool {
        let doors = &self.doors.open;
        let mut open = doors.lock();
        let mut late = false;
        while open.emissions() > 0 {
            if late {
                return false;
            }
            match deadline {
                Some(deadline) => (open, late) = doors.wait_until(open, deadline),
                None => open = doors.wait(open),
            }
        }
        true
    }

    /// How many emissions have not ended, once closed. If there are any, the gate is entered, and left by the last of them.
    pub(super) fn hold_gate(&self, hub: &Arc<Hub>) -> u64 {
        let mut open = self.doors.open.lock();
        let emissions = open.emissions();
        if emissions > 0 {
            hub.gate.enter_again();
            open.holds_gate = Some(Arc::clone(hub));
        }
        emissions as u64
    }
}

fn scene(
    doors: &Arc<Doors>,
    open: &mut Open,
    snapshot: Arc<Snapshot>,
    current: Arc<Current>,
) -> Arc<Scene> {
    let exit = (!open.is_closed).then(|| Exit {
        doors: Arc::clone(doors),
        leaving: None,
    });
    let settings = &current.settings;
    let quiet = exit.is_some() && settings.handlers.are_quiet() && settings.orders.is_empty();
    let scene = Arc::new(Scene {
        snapshot,
        current,
        quiet,
        exit,
    });
    if scene.is_open() {
        open.scenes.push(Place {
            scene: Arc::downgrade(&scene),
            replaced: false,
        });
    }
    scene
}

impl PublishHook for Scenes {
    fn publish(&self, snapshot: Arc<Snapshot>) -> Arc<dyn Any + Send + Sync> {
        let mut open = self.doors.open.lock();
        if open.is_closed {
            return snapshot;
        }
        self.replace(&mut open, |now| (snapshot, Arc::clone(&now.current)))
    }

    fn retire(&self, replaced: Arc<dyn Any + Send + Sync>) {
        match replaced.downcast() {
            Ok(replaced) => self.leave_to_emissions(replaced),
            Err(unused) => contained(move || drop(unused)),
        }
    }
}
