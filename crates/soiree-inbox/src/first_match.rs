//! The first event that passes a filter.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use soiree_core::panic::Contained;
use soiree_core::{BoxError, Event, Listener};

use crate::listener::Convert;

pub(crate) type Filter<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

/// How many events are kept until the wait begins.
const KEPT: usize = 1_024;

/// The first event that passes a filter, which is not known from the start.
pub(crate) struct FirstMatch<E> {
    state: Mutex<State<E>>,
    changed: Condvar,
}

struct State<E> {
    stage: Stage<E>,
    waker: Option<Contained<Waker>>,
}

enum Stage<E> {
    /// The wait has not started.
    Keeping {
        events: Vec<Contained<E>>,
        /// How many more there were.
        missed: u64,
        closed: bool,
    },
    Filtering(Option<Arc<Contained<Filter<E>>>>),
    Ended(Ended<E>),
    /// The result was taken.
    Taken,
}

/// How the wait has ended.
pub(crate) enum Ended<E> {
    Matched(Contained<E>),
    Closed,
    /// Events that may have matched came too early.
    Missed(u64),
    TimedOut,
}

impl<E> FirstMatch<E> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                stage: Stage::Keeping {
                    events: Vec::new(),
                    missed: 0,
                    closed: false,
                },
                waker: None,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to filter. Returns how the wait has ended, if it has. What has come before is filtered in any case; then `is_late` says
    /// whether the time is up, as events may come faster than they are filtered.
    pub(crate) fn begin(
        &self,
        filter: Option<Filter<E>>,
        is_late: impl Fn() -> bool,
    ) -> Option<Ended<E>> {
        let filter = filter.map(|filter| Arc::new(Contained::new(filter)));
        loop {
            let mut state = self.lock();
            let Stage::Keeping {
                events,
                missed,
                closed,
            } = &mut state.stage
            else {
                return None;
            };
            let kept = std::mem::take(events);
            if kept.is_empty() {
                let (missed, closed) = (*missed, *closed);
                state.stage = Stage::Taken;
                if missed > 0 {
                    return Some(Ended::Missed(missed));
                }
                if closed {
                    return Some(Ended::Closed);
                }
                state.stage = Stage::Filtering(filter);
                return None;
            }
            // The filter is user code: others come meanwhile, and are kept behind these.
            drop(state);
            for event in kept {
                if filter.as_ref().is_none_or(|filter| filter(&event)) {
                    self.stop_keeping();
                    return Some(Ended::Matched(event));
                }
            }
            if is_late() {
                self.stop_keeping();
                return Some(Ended::TimedOut);
            }
        }
    }

    fn stop_keeping(&self) {
        let former = std::mem::replace(&mut self.lock().stage, Stage::Taken);
        // Not under the lock: it may hold events.
        drop(former);
    }

    /// An event has come.
    fn offer(&self, event: E) {
        let event = Contained::new(event);
        let mut state = self.lock();
        let filter = match &mut state.stage {
            Stage::Keeping { events, missed, .. } => {
                if events.len() < KEPT {
                    events.push(event);
                } else {
                    *missed += 1;
                    drop(state);
                    drop(event);
                }
                return;
            }
            Stage::Filtering(filter) => filter.clone(),
            Stage::Ended(_) | Stage::Taken => {
                drop(state);
                drop(event);
                return;
            }
        };
        drop(state);
        if filter.is_none_or(|filter| filter(&event)) {
            self.end(Ended::Matched(event));
        }
    }

    /// Ends the wait, unless it has ended.
    fn end(&self, ended: Ended<E>) {
        let mut state = self.lock();
        let former = match state.stage {
            Stage::Filtering(_) => std::mem::replace(&mut state.stage, Stage::Ended(ended)),
            _ => {
                drop(state);
                drop(ended);
                return;
            }
        };
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        drop(former);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The listener is gone.
    fn close(&self) {
        let mut state = self.lock();
        if let Stage::Keeping { closed, .. } = &mut state.stage {
            *closed = true;
        }
        drop(state);
        self.end(Ended::Closed);
    }

    fn take(state: &mut State<E>) -> Option<Ended<E>> {
        if !matches!(state.stage, Stage::Ended(_)) {
            return None;
        }
        match std::mem::replace(&mut state.stage, Stage::Taken) {
            Stage::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// Blocks until the wait has ended, or the deadline passes.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Ended<E>> {
        let mut state = self.lock();
        loop {
            if let Some(ended) = Self::take(&mut state) {
                return Some(ended);
            }
            state = match deadline {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// How the wait has ended, if it has. Otherwise the waker is called when it does.
    pub(crate) fn poll(&self, waker: Contained<Waker>) -> Option<Ended<E>> {
        let mut state = self.lock();
        let ended = Self::take(&mut state);
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        ended
    }

    /// Wakes the task, to look at the time.
    pub(crate) fn wake(&self) {
        let waker = self.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Offers events. When it is dropped, no event will match any more.
pub(crate) struct FirstMatchListener<E> {
    pub(crate) first: Arc<FirstMatch<E>>,
    pub(crate) convert: Convert<E>,
}

impl<E: Send + 'static> Listener for FirstMatchListener<E> {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        self.first.offer((self.convert)(event)?);
        Ok(())
    }
}

impl<E> Drop for FirstMatchListener<E> {
    fn drop(&mut self) {
        self.first.close();
    }
}
