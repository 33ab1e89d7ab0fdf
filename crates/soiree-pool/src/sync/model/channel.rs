//! Channels whose every operation is one step of the checker.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{SendError, TryRecvError, TrySendError};

use super::select::{Handover, Hook, Part, Select, Waiter};
use super::step;

pub(crate) struct Sender<T>(Arc<Channel<T>>);

pub(crate) struct Receiver<T>(Arc<Channel<T>>);

struct Channel<T> {
    /// How many values it holds at most, if there is a limit.
    capacity: Option<usize>,
    // The checker's threads share one thread, and none is switched away from while it holds this.
    state: Mutex<State<T>>,
}

struct State<T> {
    queue: VecDeque<T>,
    /// Whether one of the two ends is gone.
    disconnected: bool,
    sending: Vec<Hook>,
    receiving: Vec<Hook>,
}

pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel {
        capacity,
        state: Mutex::new(State {
            queue: VecDeque::new(),
            disconnected: false,
            sending: Vec::new(),
            receiving: Vec::new(),
        }),
    });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

impl<T: Send + 'static> Sender<T> {
    pub(crate) fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut select = Select::new();
        select.send(self);
        select.select().send(self, value)
    }

    pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        step();
        self.send_now(value)
    }

    /// As `try_send`, in the step of the caller.
    pub(super) fn send_now(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.lock();
        if state.disconnected {
            return Err(TrySendError::Disconnected(value));
        }
        if let Some(hook) = state.receiving.iter().find(|hook| hook.is_free()) {
            if self.0.capacity == Some(0) {
                hook.claim(Handover::full(value));
                return Ok(());
            }
        }
        if self.0.is_full(&state) {
            return Err(TrySendError::Full(value));
        }
        state.queue.push_back(value);
        state.receiving.iter().for_each(Hook::wake);
        Ok(())
    }
}

impl<T: Send + 'static> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        step();
        self.recv_now()
    }

    /// As `try_recv`, in the step of the caller.
    pub(super) fn recv_now(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.lock();
        if let Some(value) = state.queue.pop_front() {
            state.sending.iter().for_each(Hook::wake);
            return Ok(value);
        }
        if let Some(hook) = state.sending.iter().find(|hook| hook.is_free()) {
            if self.0.capacity == Some(0) {
                let handover = Handover::empty();
                hook.claim(Arc::clone(&handover));
                drop(state);
                return Ok(handover.take());
            }
        }
        Err(match state.disconnected {
            true => TryRecvError::Disconnected,
            false => TryRecvError::Empty,
        })
    }

    pub(crate) fn len(&self) -> usize {
        step();
        self.0.lock().queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Channel<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self, state: &State<T>) -> bool {
        self.capacity
            .is_some_and(|capacity| state.queue.len() >= capacity)
    }

    fn disconnect(&self) {
        let mut state = self.lock();
        state.disconnected = true;
        state.sending.iter().for_each(Hook::wake);
        state.receiving.iter().for_each(Hook::wake);
    }
}

impl<T> Part for Sender<T> {
    fn is_ready(&self) -> bool {
        let state = self.0.lock();
        let met = self.0.capacity == Some(0) && state.receiving.iter().any(Hook::is_free);
        state.disconnected || met || !self.0.is_full(&state)
    }

    fn hook(&self, hook: Hook) {
        self.0.lock().sending.push(hook);
    }

    fn unhook(&self, waiter: &Arc<Waiter>) {
        self.0.lock().sending.retain(|hook| !hook.is_of(waiter));
    }
}

impl<T> Part for Receiver<T> {
    fn is_ready(&self) -> bool {
        let state = self.0.lock();
        let met = self.0.capacity == Some(0) && state.sending.iter().any(Hook::is_free);
        state.disconnected || met || !state.queue.is_empty()
    }

    fn hook(&self, hook: Hook) {
        self.0.lock().receiving.push(hook);
    }

    fn unhook(&self, waiter: &Arc<Waiter>) {
        self.0.lock().receiving.retain(|hook| !hook.is_of(waiter));
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.disconnect();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.disconnect();
    }
}
