//! When calls of a receiver may be sent: not more often than at a rate, and none while the receiver has asked for a pause.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

pub(crate) struct Gate {
    /// Between two calls.
    interval: Duration,
    /// The next call is not sent before.
    next: Mutex<Instant>,
    /// Held by the first of those that wait. The others wait behind it, in order, without a timer.
    line: tokio::sync::Mutex<()>,
    is_stopped: watch::Sender<bool>,
}

impl Gate {
    /// With so many calls a second at most. Near a thousand there are fewer, as the timer counts milliseconds.
    pub(crate) fn new(rate: Option<u32>) -> Self {
        let interval = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate);
        Self {
            interval,
            next: Mutex::new(Instant::now()),
            line: tokio::sync::Mutex::new(()),
            is_stopped: watch::Sender::new(false),
        }
    }

    /// Waits until a call may be sent. `false` if it would have to wait, and the gate is stopped.
    pub(crate) async fn pass(&self) -> bool {
        let _first = self.line.lock().await;
        let mut is_stopped = self.is_stopped.subscribe();
        while let Some(due) = self.try_pass() {
            tokio::select! {
                // The pause may have become longer meanwhile.
                () = sleep_until(due) => {}
                _ = is_stopped.wait_for(|is_stopped| *is_stopped) => return false,
            }
        }
        true
    }

    /// `None` if the call may be sent now; otherwise when to ask again.
    fn try_pass(&self) -> Option<Instant> {
        let (mut next, now) = (self.next(), Instant::now());
        if *next > now {
            return Some(*next);
        }
        *next = now + self.interval;
        None
    }

    /// Lets no call pass for so long.
    pub(crate) fn pause(&self, pause: Duration) {
        let mut next = self.next();
        *next = (*next).max(Instant::now() + pause);
    }

    /// How long no call will pass.
    pub(crate) fn remaining(&self) -> Duration {
        self.next().saturating_duration_since(Instant::now())
    }

    /// From now on nobody waits here: the service stops.
    pub(crate) fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
