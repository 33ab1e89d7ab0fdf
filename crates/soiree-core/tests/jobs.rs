//! Jobs, and waiting for them.

use std::future::poll_fn;
use std::sync::mpsc::channel;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use soiree_core::{Job, JobOutcome};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Runs `work` on a thread of its own, and fails if it has not ended in time.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = channel();
    thread::spawn(move || sender.send(work()));
    result.recv_timeout(TIME_LIMIT).expect("it has ended")
}

/// P4: a future that is run on a thread is polled again after it was woken inside a poll, even if that poll has parked its thread
/// meanwhile and so has taken the wake-up of the thread.
#[test]
fn a_future_that_parks_its_thread_loses_no_wake_up() {
    let outcome = in_time(|| {
        let mut polls = 0;
        let future = poll_fn(move |context: &mut Context<'_>| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(());
            }
            if polls == 1 {
                context.waker().wake_by_ref();
            } else {
                let waker = context.waker().clone();
                thread::spawn(move || waker.wake()).join().unwrap();
            }
            thread::park();
            Poll::Pending
        });
        Job::from_future(future).run()
    });
    assert!(matches!(outcome, JobOutcome::Completed));
}
