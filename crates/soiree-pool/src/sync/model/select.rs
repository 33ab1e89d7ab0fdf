//! Waiting for the first of several operations.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvError, SelectTimeoutError, SendError};
use shuttle::future::batch_semaphore::{BatchSemaphore, Fairness};
use shuttle::rand::Rng;
use shuttle::thread::yield_now;

use super::channel::{Receiver, Sender};
use super::step;
use super::timer::Timer;

/// A channel's end, as a select sees it.
pub(super) trait Part {
    /// Whether its operation would not block now.
    fn is_ready(&self) -> bool;
    /// Has the waiter told when that may have changed.
    fn hook(&self, hook: Hook);
    fn unhook(&self, waiter: &Arc<Waiter>);
}

/// A thread that is blocked in a select.
pub(super) struct Waiter {
    /// The operation that another thread met it in, and what that thread hands over or waits to be handed.
    claimed: Mutex<Option<(usize, AnyHandover)>>,
    woken: BatchSemaphore,
}

type AnyHandover = Arc<dyn Any + Send + Sync>;

/// A waiter's mark at a channel, for one of its operations.
pub(super) struct Hook {
    waiter: Arc<Waiter>,
    index: usize,
}

/// A value on its way from one thread to another without a queue.
pub(super) struct Handover<T> {
    value: Mutex<Option<T>>,
    filled: BatchSemaphore,
}

#[derive(Default)]
pub(crate) struct Select<'a> {
    parts: Vec<&'a dyn Part>,
}

/// An operation that can be completed at once. It has to be, before the thread does anything else.
#[must_use]
pub(crate) struct SelectedOperation {
    index: usize,
    handover: Option<AnyHandover>,
}

impl<'a> Select<'a> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.parts.push(sender);
        self.parts.len() - 1
    }

    pub(crate) fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.parts.push(receiver);
        self.parts.len() - 1
    }

    pub(crate) fn select(&mut self) -> SelectedOperation {
        loop {
            if let Some(selected) = self.wait(Timer::Never) {
                return selected;
            }
        }
    }

    pub(crate) fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation, SelectTimeoutError> {
        self.wait(Timer::after(timeout)).ok_or(SelectTimeoutError)
    }

    pub(crate) fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation, SelectTimeoutError> {
        self.wait(Timer::until(deadline)).ok_or(SelectTimeoutError)
    }

    fn wait(&self, timer: Timer) -> Option<SelectedOperation> {
        step();
        loop {
            if let Some(index) = self.ready() {
                let handover = None;
                return Some(SelectedOperation { index, handover });
            }
            if timer.fires() {
                return None;
            }
            let waiter = Arc::new(Waiter::new());
            for (index, part) in self.parts.iter().enumerate() {
                let waiter = Arc::clone(&waiter);
                part.hook(Hook { waiter, index });
            }
            match timer {
                Timer::Never => drop(waiter.woken.acquire_blocking(1)),
                // It looks again rather than to be woken: so it never counts as blocked, and always ends.
                Timer::Pending(_) | Timer::Passed => yield_now(),
            }
            for part in &self.parts {
                part.unhook(&waiter);
            }
            if let Some((index, handover)) = locked(&waiter.claimed).take() {
                let handover = Some(handover);
                return Some(SelectedOperation { index, handover });
            }
        }
    }

    /// One of those that are ready, whichever.
    fn ready(&self) -> Option<usize> {
        let ready: Vec<usize> = (0..self.parts.len())
            .filter(|index| self.parts[*index].is_ready())
            .collect();
        match ready.len() {
            0 => None,
            1 => Some(ready[0]),
            several => Some(ready[shuttle::rand::thread_rng().gen_range(0..several)]),
        }
    }
}

impl SelectedOperation {
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn send<T: Send + 'static>(
        self,
        sender: &Sender<T>,
        value: T,
    ) -> Result<(), SendError<T>> {
        if let Some(handover) = self.handover {
            Handover::of(handover).fill(value);
            return Ok(());
        }
        let sent = sender.send_now(value);
        if let Err(crossbeam_channel::TrySendError::Full(_)) = &sent {
            panic!("a selected channel filled up before it was sent to");
        }
        sent.map_err(|unsent| SendError(unsent.into_inner()))
    }

    pub(crate) fn recv<T: Send + 'static>(self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        if let Some(handover) = self.handover {
            return Ok(Handover::of(handover).take());
        }
        let received = receiver.recv_now();
        if let Err(crossbeam_channel::TryRecvError::Empty) = &received {
            panic!("a selected channel ran empty before it was received from");
        }
        received.map_err(|_| RecvError)
    }
}

impl Waiter {
    fn new() -> Self {
        Self {
            claimed: Mutex::new(None),
            woken: BatchSemaphore::new(0, Fairness::Unfair),
        }
    }
}

impl Hook {
    pub(super) fn is_of(&self, waiter: &Arc<Waiter>) -> bool {
        Arc::ptr_eq(&self.waiter, waiter)
    }

    /// Whether no other thread has met the waiter yet.
    pub(super) fn is_free(&self) -> bool {
        locked(&self.waiter.claimed).is_none()
    }

    /// Meets the waiter in this operation.
    pub(super) fn claim<T: Send + 'static>(&self, handover: Arc<Handover<T>>) {
        *locked(&self.waiter.claimed) = Some((self.index, handover));
        self.wake();
    }

    /// Has the waiter look again.
    pub(super) fn wake(&self) {
        self.waiter.woken.release_no_scheduling_point(1);
    }
}

impl<T: Send + 'static> Handover<T> {
    pub(super) fn empty() -> Arc<Self> {
        Arc::new(Self {
            value: Mutex::new(None),
            filled: BatchSemaphore::new(0, Fairness::Unfair),
        })
    }

    pub(super) fn full(value: T) -> Arc<Self> {
        let handover = Self::empty();
        handover.fill(value);
        handover
    }

    fn of(any: AnyHandover) -> Arc<Self> {
        any.downcast()
            .unwrap_or_else(|_| panic!("the channel that is used is not the one that was selected"))
    }

    fn fill(&self, value: T) {
        *locked(&self.value) = Some(value);
        self.filled.release_no_scheduling_point(1);
    }

    /// The value, once it is there.
    pub(super) fn take(&self) -> T {
        loop {
            if let Some(value) = locked(&self.value).take() {
                return value;
            }
            drop(self.filled.acquire_blocking(1));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
