//! Runs a case where it cannot hang its caller, and tells what it hung in.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::PanicPayload;

/// The methods of a pool that may block, as the watchdog counts them.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    Submit,
    TrySubmit,
    SubmitNow,
    SubmitBefore,
    SubmitAndWait,
    SubmitAllAndWait,
    RunInline,
    Resize,
    Stop,
    StopAndWaitFor,
    Release,
    ReleaseWithDeadline,
    Stats,
    Drop,
}

const NAMES: [&str; 14] = [
    "submit",
    "try_submit",
    "submit_now",
    "submit_before",
    "submit_and_wait",
    "submit_all_and_wait",
    "run_inline",
    "resize",
    "stop",
    "stop_and_wait_for",
    "release",
    "release_with_deadline",
    "stats",
    "drop",
];

/// Which calls were made and which returned.
#[derive(Default)]
pub(crate) struct Watchdog {
    entered: [AtomicU64; NAMES.len()],
    returned: [AtomicU64; NAMES.len()],
    /// What went wrong first. What comes after may only follow from it.
    failure: Mutex<Option<String>>,
}

impl Watchdog {
    pub(crate) fn track<T>(&self, call: Method, made: impl FnOnce() -> T) -> T {
        self.entered[call as usize].fetch_add(1, Ordering::Relaxed);
        let value = made();
        self.returned[call as usize].fetch_add(1, Ordering::Relaxed);
        value
    }

    /// Notes why the case fails. Only the first reason is kept.
    pub(crate) fn record_failure(&self, message: &str) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| message.to_owned());
    }

    fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    /// Rises while calls return. Reading figures is no progress: whoever waits for something reads them all the time.
    fn progress(&self) -> u64 {
        let returned = self.returned.iter().enumerate();
        returned
            .filter(|(call, _)| *call != Method::Stats as usize)
            .map(|(_, count)| count.load(Ordering::Relaxed))
            .sum()
    }

    /// The calls that have not returned, in words.
    fn pending(&self) -> String {
        let mut pending = Vec::new();
        for (call, name) in NAMES.iter().enumerate() {
            let returned = self.returned[call].load(Ordering::Relaxed);
            let open = self.entered[call]
                .load(Ordering::Relaxed)
                .saturating_sub(returned);
            if open > 0 {
                pending.push(format!(
                    "{name} (called {open} times more than it returned)"
                ));
            }
        }
        if pending.is_empty() {
            return "no call of the pool is under way".into();
        }
        format!("not returned: {}", pending.join(", "))
    }
}

/// Runs `case` on a thread of its own until it ends or makes no progress for longer than `stall_timeout`.
///
/// A thread that hangs is left behind; there is no way to end it.
pub(crate) fn run(
    watchdog: &Arc<Watchdog>,
    stall_timeout: Duration,
    case: impl FnOnce() + Send + 'static,
) -> Result<(), String> {
    let (said, ended) = channel();
    let thread = thread::Builder::new().name("pool_conformance".into());
    let spawned = thread.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(case));
        let _ = said.send(result.map_err(message));
    });
    if let Err(error) = spawned {
        return Err(format!("no thread could be started for the case: {error}"));
    }
    // Whoever waits inside the case gives up by itself, and says more about it; so it goes first.
    let longest = stall_timeout + stall_timeout / 4;
    let (mut progress, mut since) = (watchdog.progress(), Instant::now());
    loop {
        match ended.recv_timeout(stall_timeout / 16) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(message)) => return Err(watchdog.failure().unwrap_or(message)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err("the case ended without a word".into());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = watchdog.progress();
        if now != progress {
            (progress, since) = (now, Instant::now());
        }
        if since.elapsed() > longest {
            let hung = || format!("nothing has moved for {longest:?}; {}", watchdog.pending());
            return Err(watchdog.failure().unwrap_or_else(hung));
        }
    }
}

pub(crate) fn message(payload: Box<dyn Any + Send>) -> String {
    PanicPayload::new(payload).message().to_owned()
}
