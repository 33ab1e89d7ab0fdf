//! What an inbox and its listener share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use crossbeam_utils::Backoff;
use soiree_core::InboxInfo;
use soiree_core::panic::{Contained, contained};
use soiree_core::sync::{Condvar, Mutex, MutexGuard, lock_with_backoff};

use crate::item::{GivesBack, Queued, Received};
use crate::options::WhenFull;
use crate::queue::{Item, Pushed, Queue};
use crate::waiting::Waiting;
use crate::wakers::{Wakers, Woken};

pub(crate) struct Shared<E> {
    /// For its tokens.
    me: Weak<dyn GivesBack>,
    state: Mutex<State<E>>,
    /// Emissions wait here for room.
    room: Condvar,
    /// Threads wait here for an item, unless the channel is used.
    items: Condvar,
    /// As many as the queue has, for threads that look before they wait.
    pushed: AtomicUsize,
    /// Yields tokens once it is used.
    channel: Receiver<Queued>,
    when_full: WhenFull,
    capacity: usize,
}

pub(crate) struct State<E> {
    queue: Queue<E>,
    pub(crate) wakers: Wakers,
    /// Emissions that wait for room.
    blocked: Waiting,
    /// Threads that wait for an item.
    receiving: Waiting,
    /// Somebody has asked for the channel: from then on, each item has a token there.
    uses_channel: bool,
    /// `None` once the channel has ended: the listener is gone, and everything was taken.
    tokens: Option<Sender<Queued>>,
    /// The listener is gone.
    has_ended: bool,
    /// The inbox was dropped.
    is_dropped: bool,
}

/// The outcome of an attempt to receive.
pub(crate) enum Next<E> {
    Item(Received<E>),
    /// Nothing yet.
    Empty,
    /// Nothing any more.
    Ended,
    /// Whatever the channel yields.
    InChannel,
}

impl<E: Send + 'static> Shared<E> {
    pub(crate) fn new(capacity: usize, when_full: WhenFull) -> Arc<Self> {
        let (tokens, channel) = unbounded();
        Arc::new_cyclic(|me: &Weak<Self>| Self {
            me: Weak::clone(me) as _,
            state: Mutex::new(State {
                queue: Queue::new(capacity),
                wakers: Wakers::default(),
                blocked: Waiting::default(),
                receiving: Waiting::default(),
                uses_channel: false,
                tokens: Some(tokens),
                has_ended: false,
                is_dropped: false,
            }),
            room: Condvar::new(),
            items: Condvar::new(),
            pushed: AtomicUsize::new(0),
            channel,
            when_full,
            capacity,
        })
    }
}

impl<E> Shared<E> {
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<E>> {
        lock_with_backoff(&self.state, self.capacity)
    }

    /// Adds an event. Blocks if that is what the inbox does when it is full.
    pub(crate) fn push(&self, event: E) {
        let mut event = Contained::new(event);
        let backoff = Backoff::new();
        let mut state = self.lock();
        loop {
            if state.is_dropped {
                drop(state);
                return;
            }
            let uses_channel = state.uses_channel;
            let receive = |first| match uses_channel {
                true => self.channel.try_recv().ok().map(Queued::into_number),
                false => Some(first),
            };
            let (number, dropped) = match state.queue.push(event, self.when_full, receive) {
                Pushed::Queued(number) => (Some(number), None),
                Pushed::Missed(missed, number) => (number, Some((missed, None))),
                Pushed::Replaced(dropped, number) => (Some(number), Some(dropped)),
                Pushed::Full(full) => {
                    event = full;
                    // Room that comes soon is not worth a sleep, unless others sleep already: they come first.
                    if !backoff.is_completed() && state.blocked.threads() == 0 {
                        drop(state);
                        snooze_while(&backoff, || {
                            self.pushed.load(Ordering::Relaxed) >= self.capacity
                        });
                        state = self.lock();
                        continue;
                    }
                    state.blocked.begin();
                    let woken = self.room.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                    state.blocked.end();
                    continue;
                }
            };
            self.note_length(&state);
            let notifies = number.is_some_and(|number| state.announce(number, &self.me));
            let woken = state.wakers.take();
            drop(state);
            if notifies {
                self.items.notify_one();
            }
            wake(woken);
            drop(dropped);
            return;
        }
    }

    fn note_length(&self, state: &State<E>) {
        self.pushed
            .store(state.queue.item_count(), Ordering::Relaxed);
    }

    /// The next item, if there is one now.
    #[inline]
    pub(crate) fn next(&self) -> Next<E> {
        self.next_in(self.lock()).unwrap_or_else(|_| Next::Empty)
    }

    /// Returns the state if there is nothing yet.
    #[inline]
    fn next_in<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<E>>,
    ) -> Result<Next<E>, MutexGuard<'a, State<E>>> {
        if state.uses_channel {
            return Ok(Next::InChannel);
        }
        match state.queue.pop() {
            Some(item) => {
                self.note_length(&state);
                Ok(Next::Item(self.taken(state, item)))
            }
            None if state.has_ended => Ok(Next::Ended),
            None => Err(state),
        }
    }

    /// The next item. Blocks until there is one, or the deadline passes.
    pub(crate) fn wait_next(&self, deadline: Option<Instant>) -> Next<E> {
        let next = self.next();
        if !matches!(next, Next::Empty) {
            return next;
        }
        // As channels do: an item that comes soon is not worth a sleep.
        let backoff = Backoff::new();
        snooze_while(&backoff, || self.pushed.load(Ordering::Relaxed) == 0);
        let mut state = self.lock();
        loop {
            state = match self.next_in(state) {
                Ok(next) => return next,
                Err(state) => state,
            };
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Next::Empty;
            }
            state.receiving.begin();
            state = match left {
                None => {
                    let woken = self.items.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
                Some(left) => {
                    let woken = self.items.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.receiving.end();
        }
    }

    /// The channel of tokens. From now on, each item has one.
    pub(crate) fn channel(&self) -> &Receiver<Queued> {
        let mut state = self.lock();
        if state.uses_channel {
            return &self.channel;
        }
        state.uses_channel = true;
        if let Some(tokens) = &state.tokens {
            let numbers = state.queue.numbers();
            numbers.for_each(|number| drop(tokens.send(Queued::new(number, &self.me))));
        }
        let ended = state.end_channel();
        drop(state);
        drop(ended);
        // They wait for the channel instead.
        self.items.notify_all();
        &self.channel
    }

    /// What a token stands for. `None` if it is that of another inbox.
    pub(crate) fn take(&self, queued: Queued) -> Option<Received<E>> {
        if !queued.is_of(&self.me) {
            return None;
        }
        let token = queued.into_number();
        let mut state = self.lock();
        let item = state.queue.take(token)?;
        Some(self.taken(state, item))
    }

    /// Hands an item out that was taken from the queue.
    #[inline]
    fn taken(&self, mut state: MutexGuard<'_, State<E>>, item: Item<E>) -> Received<E> {
        let makes_room = matches!(item, Item::Event(_)) && state.blocked.notify();
        let ended = state.end_channel();
        let woken = ended.as_ref().and_then(|_| state.wakers.take());
        drop(state);
        if makes_room {
            self.room.notify_one();
        }
        drop(ended);
        wake(woken);
        match item {
            Item::Event(event) => Received::Event(event.into_inner()),
            Item::Missed(missed) => Received::Missed(missed),
        }
    }

    /// The listener is gone: no event comes any more.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        let ended = state.end_channel();
        let woken = state.wakers.take();
        drop(state);
        // First, so that a task that is woken finds the channel closed.
        drop(ended);
        self.items.notify_all();
        wake(woken);
    }

    /// The inbox is gone: nobody takes anything any more.
    pub(crate) fn drop_inbox(&self) {
        let mut state = self.lock();
        state.is_dropped = true;
        let items = state.queue.clear();
        let ended = state.end_channel();
        drop(state);
        drop(ended);
        self.room.notify_all();
        contained(|| drop(items));
    }

    pub(crate) fn info(&self) -> InboxInfo {
        let state = self.lock();
        let mut info = InboxInfo::new(self.capacity);
        info.waiting = state.queue.len();
        info.received = state.queue.received();
        info.missed = state.queue.missed();
        info.blocked = state.blocked.threads();
        info
    }
}

impl<E> State<E> {
    /// There is a new item. Returns whether a thread that waits for one has to be notified.
    #[inline]
    fn announce(&mut self, number: u64, inbox: &Weak<dyn GivesBack>) -> bool {
        if !self.uses_channel {
            return self.receiving.notify();
        }
        if let Some(tokens) = &self.tokens {
            // Under the lock, so that tokens are in the order of their numbers.
            let _ = tokens.send(Queued::new(number, inbox));
        }
        false
    }

    /// Ends the channel once the listener is gone and everything was taken: until then a token may be given back.
    #[inline]
    fn end_channel(&mut self) -> Option<Sender<Queued>> {
        let ends = self.uses_channel && self.has_ended && self.queue.item_count() == 0;
        if ends { self.tokens.take() } else { None }
    }
}

impl<E: Send> GivesBack for Shared<E> {
    #[cold]
    fn give_back(&self, number: u64) {
        let mut state = self.lock();
        if !state.queue.has(number) {
            return;
        }
        // Threads that wait on the channel meanwhile are woken by what is sent.
        let mut numbers: Vec<u64> = self.channel.try_iter().map(Queued::into_number).collect();
        numbers.push(number);
        numbers.sort_unstable();
        for number in numbers {
            state.announce(number, &self.me);
        }
        let woken = state.wakers.take();
        drop(state);
        wake(woken);
    }
}

/// Until `waits` returns `false`, or it is better to sleep.
fn snooze_while(backoff: &Backoff, waits: impl Fn() -> bool) {
    while waits() && !backoff.is_completed() {
        backoff.snooze();
    }
}

fn wake(woken: Option<Woken>) {
    if let Some(woken) = woken {
        woken.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn wait_until_one_waits(shared: &Shared<u64>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while shared.lock().receiving.threads() == 0 {
            assert!(Instant::now() < deadline, "nobody waits");
            thread::yield_now();
        }
    }

    /// A4: a reader that sleeps learns of an item, of the channel, and of the end.
    #[test]
    fn a_sleeping_reader_is_woken_by_whatever_happens() {
        type Happens = fn(&Shared<u64>);
        type IsExpected = fn(Next<u64>) -> bool;
        let what_happens: [(Happens, IsExpected); 3] = [
            (
                |shared| shared.push(7),
                |next| matches!(next, Next::Item(Received::Event(7))),
            ),
            (
                |shared| drop(shared.channel().clone()),
                |next| matches!(next, Next::InChannel),
            ),
            (|shared| shared.end(), |next| matches!(next, Next::Ended)),
        ];
        for (happens, is_expected) in what_happens {
            let shared = Shared::new(1, WhenFull::Block);
            let deadline = Instant::now() + Duration::from_secs(60);
            thread::scope(|scope| {
                let reader = scope.spawn(|| shared.wait_next(Some(deadline)));
                wait_until_one_waits(&shared);
                happens(&shared);
                assert!(reader.join().is_ok_and(is_expected));
                assert!(Instant::now() < deadline, "it slept on");
            });
        }
    }
}
