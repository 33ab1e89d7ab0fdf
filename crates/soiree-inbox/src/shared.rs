//! What an inbox and its listener share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use soiree_core::InboxInfo;
use soiree_core::panic::{Contained, contained};

use crate::item::{Queued, Received};
use crate::options::WhenFull;
use crate::queue::{Item, Pushed, Queue};
use crate::wakers::Wakers;

pub(crate) struct Shared<E> {
    state: Mutex<State<E>>,
    /// Emissions wait here for room.
    room: Condvar,
    when_full: WhenFull,
    capacity: usize,
}

pub(crate) struct State<E> {
    queue: Queue<E>,
    pub(crate) wakers: Wakers,
    /// How many emissions wait for room.
    blocked: usize,
    /// The inbox was dropped.
    is_dropped: bool,
}

impl<E> Shared<E> {
    pub(crate) fn new(capacity: usize, when_full: WhenFull) -> Self {
        Self {
            state: Mutex::new(State {
                queue: Queue::new(capacity),
                wakers: Wakers::default(),
                blocked: 0,
                is_dropped: false,
            }),
            room: Condvar::new(),
            when_full,
            capacity,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event. Blocks if that is what the inbox does when it is full.
    pub(crate) fn push(&self, event: E, tokens: &Sender<Queued>, received: &Receiver<Queued>) {
        let mut event = Contained::new(event);
        let mut state = self.lock();
        loop {
            if state.is_dropped {
                drop(state);
                return;
            }
            let receive = || received.try_recv().ok().map(|queued| queued.0);
            let (token, dropped) = match state.queue.push(event, self.when_full, receive) {
                Pushed::Queued(token) => (Some(token), None),
                Pushed::Missed(missed, token) => (token, Some((missed, None))),
                Pushed::Replaced(dropped, token) => (Some(token), Some(dropped)),
                Pushed::Full(full) => {
                    event = full;
                    state.blocked += 1;
                    state = self
                        .room
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                    state.blocked -= 1;
                    continue;
                }
            };
            if let Some(token) = token {
                // Under the lock, so that tokens are in the order of their numbers.
                let _ = tokens.send(Queued(token));
            }
            let woken = state.wakers.take();
            drop(state);
            woken.wake();
            drop(dropped);
            return;
        }
    }

    /// What a token stands for.
    pub(crate) fn take(&self, token: u64) -> Option<Received<E>> {
        let mut state = self.lock();
        let item = state.queue.take(token)?;
        let makes_room = state.blocked > 0 && matches!(item, Item::Event(_));
        drop(state);
        if makes_room {
            self.room.notify_one();
        }
        Some(match item {
            Item::Event(event) => Received::Event(event.into_inner()),
            Item::Missed(missed) => Received::Missed(missed),
        })
    }

    /// The listener is gone: no event comes any more.
    pub(crate) fn end(&self) {
        let woken = self.lock().wakers.take();
        woken.wake();
    }

    /// The inbox is gone: nobody takes anything any more.
    pub(crate) fn drop_inbox(&self) {
        let mut state = self.lock();
        state.is_dropped = true;
        let items = state.queue.clear();
        drop(state);
        self.room.notify_all();
        contained(|| drop(items));
    }

    pub(crate) fn info(&self) -> InboxInfo {
        let state = self.lock();
        let mut info = InboxInfo::new(self.capacity);
        info.waiting = state.queue.len();
        info.received = state.queue.received();
        info.missed = state.queue.missed();
        info.blocked = state.blocked;
        info
    }
}
