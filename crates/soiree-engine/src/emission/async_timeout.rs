//! The time limit of a call of an async listener.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use soiree_core::panic::{Contained, caught, contained};
use soiree_core::registry::Registration;
use soiree_core::sync::{AtomicU8, Mutex};
use soiree_core::{Timer, TimerId, far_future};

use super::shared::EmissionSettings;

/// The listener runs.
const RUNNING: u8 = 0;
/// It has ended in time.
const ENDED: u8 = 1;
/// The time has run out.
const EXPIRED: u8 = 2;

/// The time limit of a call. When the time runs out, the timer thread wakes the task that polls the future, and that task drops it:
/// what a future holds may need the runtime that it runs on, and its drop may take long.
pub(super) struct AsyncTimeout {
    limit: Duration,
    due: Instant,
    timer: Option<Arc<dyn Timer>>,
    /// `None` if there is no timer that takes the task: then the time is only looked at where the future is polled.
    armed: Option<TimerId>,
    expiry: Arc<Expiry>,
}

/// What the timer holds.
struct Expiry {
    stage: AtomicU8,
    waker: Mutex<Option<Contained<Waker>>>,
}

impl AsyncTimeout {
    /// The limit of a listener that is about to be called, if it has one.
    pub(super) fn new(
        registration: &Registration,
        settings: &EmissionSettings,
    ) -> Option<Box<Self>> {
        let limit = registration.timeout()?;
        let timer = settings.timer.clone();
        let due = match &timer {
            Some(timer) => caught(|| timer.after(limit)).ok(),
            None => Instant::now().checked_add(limit),
        };
        Some(Box::new(Self {
            limit,
            due: due.unwrap_or_else(far_future),
            timer,
            armed: None,
            expiry: Arc::new(Expiry {
                stage: AtomicU8::new(RUNNING),
                waker: Mutex::default(),
            }),
        }))
    }

    /// The listener was called, and has returned a future.
    pub(super) fn arm(&mut self) {
        let Some(timer) = &self.timer else {
            return;
        };
        let (expiry, due) = (Arc::clone(&self.expiry), self.due);
        let armed = caught(|| timer.at(due, Box::new(move || expiry.on_expired())));
        self.armed = armed.ok().and_then(Result::ok);
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Lets the timer wake this task.
    pub(super) fn wake_later(&self, waker: &Waker) {
        if self.armed.is_some() {
            self.expiry.wake_later(waker);
        }
    }

    /// Whether the time has run out.
    pub(super) fn is_expired(&self) -> bool {
        if self.armed.is_some() {
            return self.expiry.stage.load(Ordering::Acquire) == EXPIRED;
        }
        let now = self.timer.as_ref().map(|timer| caught(|| timer.now()));
        now.and_then(Result::ok).unwrap_or_else(Instant::now) >= self.due
    }

    /// The future has ended. Returns whether it has in time.
    pub(super) fn ended(&self) -> bool {
        let stage = &self.expiry.stage;
        !self.is_expired()
            && stage
                .compare_exchange(RUNNING, ENDED, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
}

impl Drop for AsyncTimeout {
    fn drop(&mut self) {
        if let (Some(timer), Some(id)) = (&self.timer, self.armed) {
            contained(|| _ = timer.cancel(id));
        }
        drop(self.expiry.take_waker());
    }
}

impl Expiry {
    /// On the timer thread.
    fn on_expired(&self) {
        let stage = &self.stage;
        let expired = stage.compare_exchange(RUNNING, EXPIRED, Ordering::AcqRel, Ordering::Acquire);
        if expired.is_ok() {
            if let Some(waker) = self.take_waker() {
                waker.wake();
            }
        }
    }

    fn wake_later(&self, waker: &Waker) {
        let waiting = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = waiting
            .as_ref()
            .is_some_and(|waiting| waiting.will_wake(waker));
        drop(waiting);
        if is_same {
            return;
        }
        let next = Contained::new(waker.clone());
        let mut waiting = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let former = waiting.replace(next);
        drop(waiting);
        // Not under the lock: wakers are user code.
        drop(former);
    }

    fn take_waker(&self) -> Option<Contained<Waker>> {
        let mut waiting = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.take()
    }
}
