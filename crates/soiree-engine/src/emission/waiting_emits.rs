//! Emissions that were not accepted yet and wait for a place, without a thread: those of emitters in async code.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::task::Waker;

use soiree_core::panic::{Contained, contained};
use soiree_core::sync::{Mutex, MutexGuard};

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

/// Rejects an emission that waits, because the emitter closes. Holds the emission.
type Reject = Box<dyn FnOnce() + Send>;

struct Entry {
    reject: Reject,
    waker: Option<Contained<Waker>>,
    /// The address of the pool that it is submitted to when no earlier one waits for it. `None` if it waits for something else.
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

    /// Lets an emission wait, and calls `reject` if the emitter is closed meanwhile. Returns `false` if it is closed already.
    pub(crate) fn enter(
        &self,
        ticket: Ticket,
        reject: impl FnOnce() + Send + 'static,
        pool: Option<usize>,
    ) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        let entry = Entry {
            reject: Box::new(reject),
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
            waker.wake();
        }
        left.is_some()
    }

    /// Sets what wakes the task that waits. Returns `false` if a close has rejected the emission.
    pub(crate) fn set_waker(&self, ticket: Ticket, waker: &Waker) -> bool {
        let state = self.lock();
        let is_set = state.entries.get(&ticket).map(|entry| {
            let former = entry.waker.as_ref();
            former.is_some_and(|former| former.will_wake(waker))
        });
        drop(state);
        match is_set {
            None => return false,
            Some(true) => return true,
            Some(false) => {}
        }
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

    /// Whether this emission is the next to be submitted to the pool.
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
            waker.wake();
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

    /// Rejects all that wait, and lets none wait any more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let entries = std::mem::take(&mut state.entries);
        drop(state);
        for entry in entries.into_values() {
            contained(entry.reject);
            if let Some(waker) = &entry.waker {
                waker.wake();
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
