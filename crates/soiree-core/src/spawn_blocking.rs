//! Waiting in async code for something that blocks, without a runtime.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::panic::{Contained, PanicPayload, caught};

/// Runs a function that blocks on a thread of its own, which the first poll starts. The thread goes on if the future is dropped.
///
/// ```
/// use soiree_core::SpawnBlocking;
///
/// let slow = SpawnBlocking::new("slow", || 7);
/// # let slow = pollster::block_on(slow);
/// # #[cfg(any())]
/// let slow = slow.await;
/// assert_eq!(slow?, 7);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Of the future: if the thread cannot be started. The function is dropped then.
///
/// # Panics
/// The future panics with what the function panics with.
#[must_use = "futures do nothing unless polled"]
pub struct SpawnBlocking<T> {
    name: &'static str,
    run: Option<Box<dyn FnOnce() -> T + Send>>,
    shared: Arc<Mutex<Shared<T>>>,
}

struct Shared<T> {
    returned: Option<Result<T, PanicPayload>>,
    waker: Option<Contained<Waker>>,
}

impl<T: Send + 'static> SpawnBlocking<T> {
    /// Makes the future. `name` is that of the thread.
    pub fn new(name: &'static str, run: impl FnOnce() -> T + Send + 'static) -> Self {
        Self {
            name,
            run: Some(Box::new(run)),
            shared: Arc::new(Mutex::new(Shared {
                returned: None,
                waker: None,
            })),
        }
    }

    fn start(&self, run: Box<dyn FnOnce() -> T + Send>) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let returned = caught(run);
            let mut state = lock(&shared);
            state.returned = Some(returned);
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        let thread = thread::Builder::new().name(self.name.to_owned());
        thread.spawn(run).map(drop)
    }
}

fn lock<T>(shared: &Mutex<Shared<T>>) -> MutexGuard<'_, Shared<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Future for SpawnBlocking<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let waker = Contained::new(context.waker().clone());
        let former = lock(&self.shared).waker.replace(waker);
        drop(former);
        if let Some(run) = self.run.take() {
            if let Err(error) = self.start(run) {
                return Poll::Ready(Err(error));
            }
        }
        let returned = lock(&self.shared).returned.take();
        match returned {
            None => Poll::Pending,
            Some(Ok(returned)) => Poll::Ready(Ok(returned)),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_inner()),
        }
    }
}

/// The thread may run on. It wakes nobody then.
impl<T> Drop for SpawnBlocking<T> {
    fn drop(&mut self) {
        let waker = lock(&self.shared).waker.take();
        drop(waker);
    }
}

impl<T> fmt::Debug for SpawnBlocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnBlocking")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
