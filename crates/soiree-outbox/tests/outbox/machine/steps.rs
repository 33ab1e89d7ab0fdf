//! The steps of a history.

use std::time::Duration;

use soiree::store::{Millis, Store, StoreError};
use soiree::{CloseOutboxError, Soiree, StoreState};
use soiree_testkit::{StoreFault, StoreMethod};

use super::Medium;
use super::compare::id;
use super::oracle::{KEEP, Pending, State};
use super::script::{LISTENERS, Mood, SPECS};
use super::step::{Fault, How, Often, Open, Step};
use super::world::{LIMIT, World, wait_for};

impl<M: Medium> World<M> {
    pub(crate) fn step(&mut self, step: &Step) {
        if self.process.is_none() {
            self.open();
        }
        if self.process.is_none() {
            // A listener ends every process.
            if let Step::SetMood(listener, mood) = step {
                self.script.lock().unwrap().moods[*listener] = *mood;
            }
            return;
        }
        self.oracle.nothing_is_fresh();
        let mut late = 0;
        match step {
            Step::Emit(drafts, how) => self.emit(drafts, *how),
            Step::Repeat { nth, other } => self.repeat(*nth, *other),
            Step::SetMood(listener, mood) => {
                self.script.lock().unwrap().moods[*listener] = *mood;
            }
            Step::Advance(time) => late = self.advance(*time),
            Step::SetWall(days) => {
                self.wall += days * 24 * 3_600_000;
                self.clock.set_wall(Millis(self.wall));
            }
            // A claim may have found dead events. That is compared after the start.
            Step::Redrive { .. } | Step::RedriveAll(_) | Step::Discard { .. }
                if !self.running().is_started => {}
            Step::Redrive { listener, nth } => self.redrive(*listener, *nth),
            Step::RedriveAll(listener) => self.redrive_all(*listener),
            Step::Discard { listener, nth } => self.discard(*listener, *nth),
            Step::Subscribe(listener) => self.subscribe(*listener),
            Step::Unsubscribe(listener) => self.unsubscribe(*listener),
            Step::Rename(listener) => self.rename(*listener),
            Step::Remove(listener) => self.remove(*listener),
            Step::Start => {
                if !self.running().is_started {
                    self.start();
                }
            }
            Step::Drain => self.drain(),
            Step::Close(open) => return self.close(open),
            Step::Kill(open) => {
                self.kill();
                self.open = open.clone();
                return self.open();
            }
            Step::KillAtCommit {
                nth,
                after,
                drafts,
                open,
            } => {
                let fault = match after {
                    true => StoreFault::cut().after_the_call(),
                    false => StoreFault::cut(),
                };
                let store = self.running().store.clone();
                store.fail_every(StoreMethod::Commit, *nth, fault);
                self.emit(drafts, How::AtOnce);
                self.open = open.clone();
            }
            Step::FailCommits(fault, commits, drafts, often) => {
                let fault = match fault {
                    Fault::Full => StoreFault::full(),
                    Fault::Io => StoreFault::io(),
                    Fault::Busy => StoreFault::busy(),
                };
                let store = self.running().store.clone();
                match often {
                    Often::Next => store.fail_next(StoreMethod::Commit, *commits, fault),
                    // What failed is tried again, so that every one would be for ever.
                    Often::Every => store.fail_every(StoreMethod::Commit, *commits + 1, fault),
                }
                self.emit(drafts, How::OneByOne);
            }
            Step::Unknown {
                stored,
                draft,
                open,
            } => {
                let fault = match stored {
                    true => StoreFault::unknown_but_stored(),
                    false => StoreFault::unknown(),
                };
                let store = self.running().store.clone();
                store.fail_next(StoreMethod::Commit, 1, fault);
                self.emit(std::slice::from_ref(draft), How::OneByOne);
                return self.close_failed(open);
            }
        }
        self.rest(late);
        if let Some(process) = &self.process {
            process.store.heal();
            if process.store.is_cut() {
                self.kill();
            } else {
                self.forget_failed();
            }
        }
    }

    fn advance(&mut self, time: u64) -> i64 {
        self.clock.advance(Duration::from_millis(time));
        let late = i64::try_from(time).unwrap();
        self.wall += late;
        let now = &mut self.process.as_mut().expect("a process runs").now;
        *now += late;
        self.oracle.latest = self.oracle.latest.max(*now);
        late
    }

    /// The event at the nth place among those that are dead, or an event that is not dead.
    fn choose(&self, listener: usize, nth: usize) -> Option<(u64, bool)> {
        let dead = self.oracle.dead(listener);
        if let Some(nth) = nth.checked_rem(dead.len()) {
            return Some((dead[nth], true));
        }
        self.oracle.events.keys().next().map(|at| (*at, false))
    }

    fn redrive(&mut self, listener: usize, nth: usize) {
        let Some((at, is_dead)) = self.choose(listener, nth) else {
            return;
        };
        let name = &self.oracle.listeners[listener].name;
        let number = self.oracle.events[&at].parts.number;
        let redriven = self.running().outbox.redrive(name, id(number)).unwrap();
        assert_eq!(redriven, is_dead);
        if is_dead {
            self.revive(listener, at);
        }
    }

    fn redrive_all(&mut self, listener: usize) {
        let dead = self.oracle.dead(listener);
        let name = &self.oracle.listeners[listener].name;
        let redriven = self.running().outbox.redrive_all(name, |_| true).unwrap();
        assert_eq!(redriven, dead.len());
        for at in dead {
            self.revive(listener, at);
        }
    }

    fn revive(&mut self, listener: usize, at: u64) {
        let pending = Pending {
            attempts: 0,
            due: self.running().now,
            is_fresh: false,
            crashes: Some(0),
            was_running: false,
        };
        let states = &mut self.oracle.listeners[listener].states;
        states.insert(at, State::Pending(pending));
    }

    fn discard(&mut self, listener: usize, nth: usize) {
        let Some((at, is_dead)) = self.choose(listener, nth) else {
            return;
        };
        let name = &self.oracle.listeners[listener].name;
        let number = self.oracle.events[&at].parts.number;
        let discarded = self.running().outbox.discard(name, id(number)).unwrap();
        assert_eq!(discarded, is_dead);
        if is_dead {
            let listener = &mut self.oracle.listeners[listener];
            listener.states.insert(at, State::Ended);
            listener.counts.discarded += 1;
        }
    }

    fn unsubscribe(&mut self, listener: usize) {
        let process = self.process.as_mut().expect("a process runs");
        let Some(id) = process.ids[listener].take() else {
            return;
        };
        let soiree: &dyn Soiree = &process.outbox;
        soiree.off(SPECS[listener].pattern, &id).unwrap();
        let is_unsettled = !process.is_started;
        let known = &mut self.oracle.listeners[listener];
        known.is_subscribed = false;
        known.is_unsettled = is_unsettled;
    }

    /// D15: progress and dead events go on under the new name.
    fn rename(&mut self, index: usize) {
        let old = self.oracle.listeners[index].name.clone();
        let new = format!("{old}x");
        let (outbox, listener) = (&self.running().outbox, &self.oracle.listeners[index]);
        if listener.is_subscribed {
            let error = outbox.rename_listener(&old, &new).unwrap_err();
            assert!(matches!(error, StoreError::Busy { .. }), "{error}");
            return;
        }
        let renamed = when_it_has_left(|| outbox.rename_listener(&old, &new));
        assert_eq!(renamed, listener.is_known);
        if renamed {
            self.oracle.listeners[index].name = new;
        }
    }

    fn remove(&mut self, index: usize) {
        let (outbox, listener) = (&self.running().outbox, &self.oracle.listeners[index]);
        if listener.is_subscribed {
            let error = outbox.remove_listener(&listener.name).unwrap_err();
            assert!(matches!(error, StoreError::Busy { .. }), "{error}");
            return;
        }
        let removed = when_it_has_left(|| outbox.remove_listener(&listener.name));
        assert_eq!(removed, listener.is_known);
        let listener = &mut self.oracle.listeners[index];
        listener.is_known = false;
        listener.states.clear();
    }

    /// D18: a drain ends once nothing is left to do.
    fn drain(&mut self) {
        let process = self.running();
        if !process.is_started {
            return;
        }
        if self.oracle.has_pending() {
            process.outbox.drain(Duration::ZERO).unwrap_err();
        } else {
            process.outbox.drain(LIMIT).unwrap();
        }
    }

    fn close(&mut self, open: &Open) {
        let process = self.process.take().expect("a process runs");
        process.outbox.close().unwrap();
        self.ended();
        // Without a start nothing was compared.
        self.was_killed = !process.is_started;
        self.open = open.clone();
        self.open();
    }

    /// D13: nothing more is accepted, and a close says so.
    fn close_failed(&mut self, open: &Open) {
        let process = self.process.take().expect("a process runs");
        assert_eq!(self.unsure.len(), 1, "its commit failed");
        if process.store.is_cut() {
            self.process = Some(process);
            self.kill();
        } else {
            let state = process.outbox.stats().state;
            assert!(matches!(state, StoreState::Failed(_)), "{state:?}");
            let error = process.outbox.close().unwrap_err();
            assert!(matches!(error, CloseOutboxError::Store(_)), "{error}");
            M::kill(process.store.inner());
            self.ended();
            self.was_killed = true;
        }
        self.open = open.clone();
        self.open();
    }

    /// Everybody does their best: nothing is left in the end.
    pub(crate) fn finish(&mut self) {
        self.script.lock().unwrap().moods = [Mood::Fine; LISTENERS];
        let open = Open {
            in_flight: 8,
            oldest: false,
            subscribed: std::array::from_fn(|index| self.oracle.listeners[index].is_known),
            started: true,
        };
        self.wall += 10 * 24 * 3_600_000;
        self.clock.set_wall(Millis(self.wall));
        match self.process {
            Some(_) => self.close(&open),
            None => {
                self.open = open;
                self.open();
            }
        }
        for listener in 0..LISTENERS {
            self.step(&Step::RedriveAll(listener));
            while !self.oracle.dead(listener).is_empty() {
                self.step(&Step::Discard { listener, nth: 0 });
            }
        }
        while self.oracle.has_pending() {
            self.step(&Step::Advance(60_000));
        }
        self.step(&Step::Drain);
        for _ in 0..2 {
            // The relay answers a drain before it looks at what is due. Once it answers another one, it has done that, and its timer is set;
            // otherwise this would be too late, and a timer whose time has come already runs nothing before the clock is advanced again.
            self.drain();
            self.drain();
            self.advance(u64::try_from(KEEP).unwrap() + 1);
            self.rest(0);
        }
        let process = self.process.take().expect("nobody ends it");
        wait_for("ended events to be removed", || {
            match process.store.inner().size().unwrap().events {
                0 => Ok(()),
                events => Err(format!("{events} are there")),
            }
        });
        process.outbox.close().unwrap();
    }
}

/// A listener that was unsubscribed leaves once what it did is committed.
fn when_it_has_left(mut change: impl FnMut() -> Result<bool, StoreError>) -> bool {
    wait_for("the listener to leave", || match change() {
        Err(error @ StoreError::Busy { .. }) => Err(error.to_string()),
        other => Ok(other.unwrap()),
    })
}
