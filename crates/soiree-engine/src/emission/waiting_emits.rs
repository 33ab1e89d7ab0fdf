//! Emissions that were not accepted yet and wait for a place, without a thread: those of emitters in async code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use soiree_core::panic::{Contained, contained};

use super::in_flight::InFlight;
use super::state::wake;

/// The emissions of one emitter that wait for a place, in the order in which they began to wait.
#[derive(Default)]
pub(crate) struct WaitingEmits(Mutex<State>);

#[derive(Default)]
struct State {
    entries: BTreeMap<Ticket, Entry>,
    last: u64,
    closed: bool,
}

/// Which emission waits. Later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

struct Entry {
    emission: Arc<dyn InFlight>,
    waker: Option<Contained<Waker>>,
    /// The address of the pool that it is submitted to when it is its turn. `None` if it waits for something else.
    pool: Option<usize>,
}

impl WaitingEmits {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for an emission that is going to wait.
    pub(crate) fn ticket(&self) -> Ticket {
        let mut state = self.lock();
        state.last += 1;
        Ticket(state.last)
    }

    /// Lets an emission wait. Returns `false` if the emitter is closed.
    pub(crate) fn enter(
        &self,
        ticket: Ticket,
        emission: &Arc<dyn InFlight>,
        pool: Option<usize>,
    ) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        let entry = Entry {
            emission: Arc::clone(emission),
            waker: None,
            pool,
        };
        state.entries.insert(ticket, entry);
        true
    }

    /// Ends the wait of an emission. Returns `false` if a close has rejected it.
    pub(crate) fn leave(&self, ticket: Ticket) -> bool {
        let mut state = self.lock();
        let left = state.entries.remove(&ticket);
        let next = left.as_ref().and_then(|entry| entry.pool);
        let next = next
            .and_then(|pool| state.first_for(pool))
            .map(|(_, next)| next);
        let waker = next.and_then(|next| next.waker.take());
        drop(state);
        if let Some(waker) = waker {
            wake(&waker);
        }
        left.is_some()
    }

    /// Sets what wakes the task that waits. Returns `false` if a close has rejected the emission.
    pub(crate) fn set_waker(&self, ticket: Ticket, waker: &Waker) -> bool {
        let waker = Some(Contained::new(waker.clone()));
        let mut state = self.lock();
        let Some(entry) = state.entries.get_mut(&ticket) else {
            drop(state);
            return false;
        };
        let former = std::mem::replace(&mut entry.waker, waker);
        drop(state);
        drop(former);
        true
    }

    /// Whether it is the turn of this emission to be submitted to the pool.
    pub(crate) fn is_next(&self, ticket: Ticket, pool: usize) -> bool {
        let mut state = self.lock();
        state
            .first_for(pool)
            .is_some_and(|(first, _)| *first == ticket)
    }

    pub(crate) fn wake(&self, ticket: Ticket) {
        let mut state = self.lock();
        let entry = state.entries.get_mut(&ticket);
        let waker = entry.and_then(|entry| entry.waker.take());
        drop(state);
        if let Some(waker) = waker {
            wake(&waker);
        }
    }

    /// How many wait for their turn to be submitted.
    pub(crate) fn in_turn(&self) -> usize {
        let state = self.lock();
        state
            .entries
            .values()
            .filter(|one| one.pool.is_some())
            .count()
    }

    /// Lets no emission wait any more. `reject` rejects those that do.
    pub(crate) fn close(&self, reject: impl Fn(&Arc<dyn InFlight>)) {
        let mut state = self.lock();
        state.closed = true;
        let entries = std::mem::take(&mut state.entries);
        drop(state);
        for entry in entries.into_values() {
            contained(|| reject(&entry.emission));
            if let Some(waker) = &entry.waker {
                wake(waker);
            }
        }
    }
}

impl State {
    fn first_for(&mut self, pool: usize) -> Option<(&Ticket, &mut Entry)> {
        let mut entries = self.entries.iter_mut();
        entries.find(|(_, entry)| entry.pool == Some(pool))
    }
}
