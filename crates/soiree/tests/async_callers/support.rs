//! What the tests share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree::{Emission, EmitError, EventPool};

/// Far longer than any condition needs to come true.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Waits until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        thread::yield_now();
    }
}

/// Counts how often it is woken.
#[derive(Default)]
pub(crate) struct CountWakes(AtomicUsize);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that the test polls by hand.
pub(crate) struct Polled<F: Future> {
    future: Pin<Box<F>>,
    wakes: Arc<CountWakes>,
}

impl<F: Future> Polled<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            wakes: Arc::default(),
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }

    /// Polls whenever it is woken, until it is ready.
    pub(crate) fn wait(mut self) -> F::Output {
        let mut seen = self.wakes();
        let mut ready = self.poll();
        loop {
            match ready {
                Poll::Ready(output) => return output,
                Poll::Pending => {
                    wait_until("the future is woken", || self.wakes() > seen);
                    seen = self.wakes();
                    ready = self.poll();
                }
            }
        }
    }
}

/// An `EventPool` whose only worker is blocked, with a listener that records payloads on `work`.
pub(crate) struct Blocked {
    pub(crate) soiree: EventPool,
    handled: Arc<Mutex<Vec<u64>>>,
    /// Dropped to let the worker go on.
    open: Mutex<Option<Sender<()>>>,
}

impl Blocked {
    /// Blocks the worker, and fills the queue with `queued` events.
    pub(crate) fn new(soiree: EventPool, queued: u64) -> Self {
        let handled = Arc::<Mutex<Vec<u64>>>::default();
        let (open, opened): (Sender<()>, Receiver<()>) = channel();
        let (started, has_started) = channel();
        let opened = Mutex::new(opened);
        let block = move |_: &dyn soiree::Event| {
            started.send(()).unwrap();
            let _ = opened.lock().unwrap().recv();
        };
        soiree.on("block", block).unwrap();
        let handles = Arc::clone(&handled);
        let record = move |event: &dyn soiree::Event| {
            let number = event.payload_as::<u64>().expect("it is a number");
            handles.lock().unwrap().push(*number);
        };
        soiree.on("work.*", record).unwrap();
        soiree.emit("block", ()).unwrap();
        has_started.recv_timeout(TIME_LIMIT).expect("it blocks");
        let blocked = Self {
            soiree,
            handled,
            open: Mutex::new(Some(open)),
        };
        for number in 0..queued {
            blocked.emit_queued(number);
        }
        blocked
    }

    fn emit_queued(&self, number: u64) {
        let emission = self.soiree.try_emit("work.queued", number);
        drop(emission.expect("the queue has a place"));
    }

    /// An emit that finds the queue full.
    pub(crate) fn waiting(
        &self,
        number: u64,
    ) -> Polled<impl Future<Output = Result<Emission, EmitError>> + '_> {
        let mut emit = Polled::new(self.soiree.emit_async("work.async", number));
        assert!(emit.poll().is_pending(), "the queue is full");
        emit
    }

    /// Lets the worker go on.
    pub(crate) fn release(&self) {
        drop(self.open.lock().unwrap().take());
    }

    /// The payloads that have been handled.
    pub(crate) fn handled(&self) -> Arc<Mutex<Vec<u64>>> {
        Arc::clone(&self.handled)
    }

    /// Lets the worker go on, and closes. Returns what has been handled.
    pub(crate) fn open(self, count: usize) -> Vec<u64> {
        self.release();
        self.soiree.close().unwrap();
        let handled = self.handled.lock().unwrap();
        assert_eq!(handled.len(), count);
        handled.clone()
    }
}
