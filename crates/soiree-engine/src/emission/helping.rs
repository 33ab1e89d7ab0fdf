//! Helping: a thread that waits for an emission runs the work that needs this thread, as a `ForkJoinPool` does in `join`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

/// Work of an emission that has not ended: listeners on other pools, retries, and listeners after one that timed out.
pub(crate) trait PendingWork: Send + Sync {
    /// Whether it has not started, and the calling thread works for the pool that has to run it.
    fn is_runnable_here(&self) -> bool;

    /// Whether it is an async listener, on a pool that the calling thread works for.
    fn is_future_here(&self) -> bool;

    /// Whether it can never run while the calling thread blocks: it is an async listener, and its runtime is driven by this thread.
    fn needs_this_thread(&self) -> bool;

    /// What has to end before it may start.
    fn before(&self) -> Before {
        Before::Nothing
    }

    /// Runs it on this thread, unless it has started.
    fn run_here(self: Arc<Self>);

    /// If it is an async listener that has not started, returns a future that runs it inside a future of its pool.
    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>>;
}

/// What has to end before some work may start.
pub(crate) enum Before {
    Nothing,
    /// A call that the calling thread is inside of.
    ThisThread,
    /// One of these calls, if they have not ended already.
    Calls(Vec<Arc<dyn PendingWork>>),
}

/// An async listener that runs inside a future that waits for its emission.
pub(crate) trait InlineCall: Future<Output = ()> + Send {
    /// The future no longer waits: submits the listener to its pool.
    fn resubmit(self: Pin<Box<Self>>);
}

/// How a thread waits for an emission.
pub(crate) enum Waiter {
    /// It blocks. That is useless if the emission needs this thread, or room that is taken while this thread blocks.
    Blocking { is_useless: bool },
    /// It is polled, and these async listeners run inside it.
    Polled {
        calls: Vec<Pin<Box<dyn InlineCall>>>,
        is_useless: bool,
    },
}

impl Waiter {
    pub(crate) fn blocking() -> Self {
        Self::Blocking { is_useless: false }
    }

    pub(super) fn polled() -> Self {
        Self::Polled {
            calls: Vec::new(),
            is_useless: false,
        }
    }

    /// Looks again whether the wait is useless.
    pub(super) fn reset(&mut self) {
        let (Self::Blocking { is_useless } | Self::Polled { is_useless, .. }) = self;
        *is_useless = false;
    }

    pub(super) fn is_useless(&self) -> bool {
        let (Self::Blocking { is_useless } | Self::Polled { is_useless, .. }) = self;
        *is_useless
    }

    pub(super) fn is_blocking(&self) -> bool {
        matches!(self, Self::Blocking { .. })
    }

    /// Work can never run while this thread waits.
    pub(super) fn set_useless(&mut self) {
        let (Self::Blocking { is_useless } | Self::Polled { is_useless, .. }) = self;
        *is_useless = true;
    }

    /// Helps an async listener on a pool that this thread works for. Returns whether that has started it.
    pub(super) fn help_future(&mut self, work: Arc<dyn PendingWork>) -> bool {
        match self {
            Self::Blocking { is_useless } => {
                *is_useless = true;
                false
            }
            Self::Polled { calls, .. } => {
                let before = calls.len();
                calls.extend(work.into_inline_call());
                calls.len() > before
            }
        }
    }

    /// Polls the listeners that run inside it.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) {
        if let Self::Polled { calls, .. } = self {
            calls.retain_mut(|listener| listener.as_mut().poll(context).is_pending());
        }
    }
}

/// If the wait is dropped, listeners that have not ended go back to their pool.
impl Drop for Waiter {
    fn drop(&mut self) {
        if let Self::Polled { calls, .. } = self {
            for listener in calls.drain(..) {
                listener.resubmit();
            }
        }
    }
}
