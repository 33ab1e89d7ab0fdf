//! Runs a case on a thread of its own, so that a pool that hangs becomes a failure that names the call it hangs in.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::PanicPayload;

/// The methods of a pool that may block.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    Submit,
    TrySubmit,
    SubmitNow,
    SubmitBefore,
    SubmitAndWait,
    SubmitAllAndWait,
    RunInline,
    Requeue,
    RunQueued,
    TryReserve,
    PollReserve,
    Resize,
    WaitIdle,
    Stop,
    StopAndTakeJobs,
    StopAndWaitFor,
    Release,
    ReleaseWithDeadline,
    Stats,
    Drop,
}

const NAMES: [&str; 20] = [
    "submit",
    "try_submit",
    "submit_now",
    "submit_before",
    "submit_and_wait",
    "submit_all_and_wait",
    "run_inline",
    "requeue",
    "run_queued",
    "try_reserve",
    "a poll of reserve",
    "resize",
    "wait_idle",
    "stop",
    "stop_and_take_jobs",
    "stop_and_wait_for",
    "release",
    "release_with_deadline",
    "stats",
    "drop",
];

/// Counts the calls of each method that were made and that returned.
#[derive(Default)]
pub(crate) struct Watchdog {
    called: [AtomicU64; NAMES.len()],
    returned: [AtomicU64; NAMES.len()],
    /// The first failure. Later ones may only be its consequences.
    failure: Mutex<Option<String>>,
}

impl Watchdog {
    pub(crate) fn track<T>(&self, method: Method, call: impl FnOnce() -> T) -> T {
        self.called[method as usize].fetch_add(1, Ordering::Relaxed);
        let value = call();
        self.returned[method as usize].fetch_add(1, Ordering::Relaxed);
        value
    }

    /// Records why the case fails. Keeps the first reason only.
    pub(crate) fn record_failure(&self, message: &str) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| message.to_owned());
    }

    fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    /// Increases with every call that returns. Calls of `stats` do not count: a case that waits polls them all the time.
    fn progress(&self) -> u64 {
        let returned = self.returned.iter().enumerate();
        returned
            .filter(|(method, _)| *method != Method::Stats as usize)
            .map(|(_, count)| count.load(Ordering::Relaxed))
            .sum()
    }

    /// The calls that have not returned, as text.
    fn pending(&self) -> String {
        let mut pending = Vec::new();
        for (method, name) in NAMES.iter().enumerate() {
            let returned = self.returned[method].load(Ordering::Relaxed);
            let calls = self.called[method]
                .load(Ordering::Relaxed)
                .saturating_sub(returned);
            if calls > 0 {
                pending.push(format!("{name} ({calls} calls)"));
            }
        }
        if pending.is_empty() {
            return "all calls of the pool have returned".into();
        }
        format!("calls that have not returned: {}", pending.join(", "))
    }
}

/// Runs `case` on a thread of its own until it ends or makes no progress for longer than `stall_timeout`.
///
/// A thread that hangs is leaked: no thread can be killed.
pub(crate) fn run(
    watchdog: &Arc<Watchdog>,
    stall_timeout: Duration,
    case: impl FnOnce() + Send + 'static,
) -> Result<(), String> {
    let (result_sender, results) = channel();
    let thread = thread::Builder::new().name("pool_conformance".into());
    let spawned = thread.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(case));
        let _ = result_sender.send(result.map_err(message));
    });
    if let Err(error) = spawned {
        return Err(format!(
            "the thread of the case could not be started: {error}"
        ));
    }
    // Longer than the waits inside the case, which time out with a better message.
    let limit = stall_timeout + stall_timeout / 4;
    let (mut progress, mut since) = (watchdog.progress(), Instant::now());
    loop {
        match results.recv_timeout(stall_timeout / 16) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(message)) => return Err(watchdog.failure().unwrap_or(message)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err("the thread of the case ended without a result".into());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = watchdog.progress();
        if now != progress {
            (progress, since) = (now, Instant::now());
        }
        if since.elapsed() > limit {
            let hung = || format!("no progress for {limit:?}; {}", watchdog.pending());
            return Err(watchdog.failure().unwrap_or_else(hung));
        }
    }
}

pub(crate) fn message(payload: Box<dyn Any + Send>) -> String {
    PanicPayload::new(payload).message().to_owned()
}
