//! The emitters that wait for room behind the events of a key, in the order in which they began to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::Waker;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use soiree_core::OrderingKey;
use soiree_core::panic::Contained;
use soiree_core::sync::thread::Thread;
use soiree_core::sync::{AtomicUsize, Mutex, MutexGuard};

use super::key_queue::HashedKey;

/// All that wait for room in the queues of one order. Locked before any queue is.
#[derive(Default)]
pub(super) struct RoomLine {
    /// How many wait.
    count: AtomicUsize,
    line: Mutex<Line>,
}

#[derive(Default)]
pub(super) struct Line {
    waiters: BTreeMap<u64, Waiter>,
    by_key: HashMap<OrderingKey, BTreeSet<u64>, RandomState>,
    last: u64,
}

struct Waiter {
    key: HashedKey,
    wake: Option<Wake>,
}

/// How one that waits is woken to look again.
pub(super) enum Wake {
    Thread(Thread),
    Task(Contained<Waker>),
}

impl Wake {
    pub(super) fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task(waker) => waker.wake(),
        }
    }
}

impl RoomLine {
    pub(super) fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Joins the line at its end. Returns the number of the place.
    pub(super) fn join(&self, key: &HashedKey) -> u64 {
        let mut line = self.lock();
        // Before the caller looks for room: a thread that makes room after that looks at the line.
        self.count.fetch_add(1, Ordering::SeqCst);
        line.last += 1;
        let number = line.last;
        let waiter = Waiter {
            key: key.clone(),
            wake: None,
        };
        line.waiters.insert(number, waiter);
        line.by_key
            .entry(key.key.clone())
            .or_default()
            .insert(number);
        number
    }

    /// Sets what wakes the one with this number, once. To be called before it looks for room.
    pub(super) fn set_wake(&self, number: u64, wake: Wake) {
        let mut line = self.lock();
        let waiter = line.waiters.get_mut(&number);
        let former = waiter.and_then(|waiter| waiter.wake.replace(wake));
        drop(line);
        drop(former);
    }

    /// Leaves the line. Returns the key that it waited for.
    pub(super) fn leave(&self, number: u64) -> Option<HashedKey> {
        let mut line = self.lock();
        let waiter = line.waiters.remove(&number)?;
        if let Some(others) = line.by_key.get_mut(&waiter.key.key) {
            others.remove(&number);
            if others.is_empty() {
                line.by_key.remove(&waiter.key.key);
            }
        }
        drop(line);
        self.count.fetch_sub(1, Ordering::SeqCst);
        drop(waiter.wake);
        Some(waiter.key)
    }
}

impl Line {
    /// Whether one that waits before this number waits for the same key. Without a number, whether any does.
    pub(super) fn is_first_of_key(&self, number: Option<u64>, key: &OrderingKey) -> bool {
        let first = self.by_key.get(key).and_then(BTreeSet::first);
        first.is_none_or(|first| number.is_some_and(|number| number <= *first))
    }

    /// How many wait before this number, counted up to `most`.
    pub(super) fn count_before(&self, number: Option<u64>, most: usize) -> usize {
        let before = ..number.unwrap_or(u64::MAX);
        self.waiters.range(before).take(most).count()
    }

    /// Takes what wakes the first one that waits for this key.
    pub(super) fn take_first_of_key(&mut self, key: &OrderingKey) -> Option<Wake> {
        let first = *self.by_key.get(key)?.first()?;
        self.waiters.get_mut(&first)?.wake.take()
    }

    /// Takes what wakes the first ones of the line, as many as there is room for, except for those that wait behind one of their key.
    pub(super) fn take_first(&mut self, room: usize) -> Vec<Wake> {
        let Self {
            waiters, by_key, ..
        } = self;
        let first = waiters.iter_mut().take(room);
        first
            .filter_map(|(number, waiter)| {
                let is_first = by_key.get(&waiter.key.key)?.first() == Some(number);
                is_first.then(|| waiter.wake.take())?
            })
            .collect()
    }
}
