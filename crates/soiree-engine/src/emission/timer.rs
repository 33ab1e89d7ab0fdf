//! The timer of an emitter, on whose thread user code must not wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree_core::panic::{Contained, caught, contained};
use soiree_core::{Timer, TimerError, TimerId};

use crate::context::{Frame, TIMER, enter_frame};

/// A timer that runs and drops each task inside a frame of the timer thread.
///
/// What a task holds may be the last handle of an emission, and the `Drop` of its payload is user code.
pub(crate) struct EmitterTimer {
    timer: Contained<Arc<dyn Timer>>,
    emitter: usize,
}

impl EmitterTimer {
    /// `emitter` is the address of the emitter, for frames.
    pub(crate) fn wrap(timer: Arc<dyn Timer>, emitter: usize) -> Arc<dyn Timer> {
        let timer = timer.into();
        Arc::new(Self { timer, emitter })
    }
}

impl Timer for EmitterTimer {
    fn now(&self) -> Instant {
        self.timer.now()
    }

    fn after(&self, delay: Duration) -> Instant {
        self.timer.after(delay)
    }

    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        let emitter = self.emitter;
        let task = FramedTask {
            task: Some(task),
            emitter,
        };
        self.timer.at(due, Box::new(move || task.run()))
    }

    fn cancel(&self, id: TimerId) -> bool {
        // A timer of the user's may panic, while its caller has something to end.
        caught(|| self.timer.cancel(id)).unwrap_or(false)
    }
}

/// Runs or drops a task inside a frame of the timer thread.
pub(super) fn inside_timer(emitter: usize, act: impl FnOnce()) {
    let _entered = enter_frame(Frame {
        pool: TIMER,
        ..Frame::of(emitter)
    });
    contained(act);
}

struct FramedTask {
    /// `None` once it has run.
    task: Option<Box<dyn FnOnce() + Send>>,
    emitter: usize,
}

impl FramedTask {
    fn run(mut self) {
        let task = self.task.take();
        inside_timer(self.emitter, || {
            if let Some(task) = task {
                task();
            }
        });
    }
}

/// It was cancelled, or its timer has ended.
impl Drop for FramedTask {
    fn drop(&mut self) {
        let task = self.task.take();
        if task.is_some() {
            inside_timer(self.emitter, || drop(task));
        }
    }
}
