//! An observer that writes a line for everything it is notified of.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::{
    DeadLetter, DeliveryEnd, DeliveryEnded, EmissionEnded, EmissionRejected, EmissionStarted,
    EventStored, Interest, JobEnded, JobOffered, JobRejected, JobStarted, ListenerEnd,
    ListenerEnded, ListenerPanic, ListenerRef, ListenerStarted, Observer, PoolResized, Rejection,
    RetryScheduled, SlowListener, StoreFailed, SubscriptionAdded, SubscriptionRemoved,
    UnheardEvent,
};

/// How long [`Journal::wait_for`] waits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An [`Observer`] that writes one line of text for everything it is notified of.
///
/// Use it in tests to assert what an observer sees, and in which order. Lines hold no times, so they can be compared. The
/// journal writes no line for [`emission_accepted`](Observer::emission_accepted): on a pool with threads, that notification
/// has no fixed place among the others.
///
/// Clones are the same journal: register one clone and keep another. A line names a listener by its name, or by its pattern
/// if it has none.
///
/// ```
/// use soiree_core::{Job, ObservedPool, Pool};
/// use soiree_testkit::{Journal, ManualPool};
///
/// let (pool, journal) = (ManualPool::new(), Journal::new());
/// let observed = ObservedPool::new(pool.clone(), "mail", journal.clone());
/// observed.submit(Job::new(|| {}))?;
/// pool.run_all();
/// journal.assert_lines(["job offered to mail", "job started on mail", "job ended on mail: completed"]);
/// assert_eq!(journal.count("job ended"), 1);
/// # Ok::<(), soiree_core::SubmitError>(())
/// ```
///
/// The lines are:
///
/// ```text
/// emission started: TOPIC on POOL
/// emission rejected: "TOPIC", invalid | TOPIC, closed | TOPIC by POOL, REASON | TOPIC
/// emission ended: TOPIC on POOL, N called, N failed, N not called, N retried[, aborted][, discarded]
/// job offered to POOL
/// job rejected by POOL: REASON
/// job started on POOL
/// job ended on POOL: OUTCOME
/// listener started: LISTENER for TOPIC, attempt N
/// listener ended: LISTENER for TOPIC, attempt N OUTCOME
/// listener panicked: LISTENER for TOPIC, MESSAGE
/// listener slow: LISTENER for TOPIC still runs | LISTENER for TOPIC has ended
/// retry scheduled: LISTENER for TOPIC, DELAY after attempt N
/// unheard event: TOPIC
/// dead letter: TOPIC after N attempts
/// pool resized: POOL from N to N
/// subscription added: LISTENER to PATTERN
/// subscription removed: LISTENER from PATTERN, CAUSE
/// event stored: TOPIC[, duplicate]
/// delivery ended: LISTENER for TOPIC, attempt N OUTCOME
/// store failed: STORE[, for good]
/// ```
///
/// The POOL of an emission that runs on the thread that emitted it is `its caller`.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    interest: Interest,
}

#[derive(Default)]
struct Shared {
    lines: Mutex<Vec<String>>,
    added: Condvar,
}

impl Journal {
    /// Creates an empty journal.
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
            interest: Interest::ALL,
        }
    }

    /// The same journal, as an observer that is [interested](Observer::interest) only in this, and in what happens rarely.
    ///
    /// ```
    /// use soiree_core::{Interest, Observer};
    /// use soiree_testkit::Journal;
    ///
    /// assert_eq!(Journal::new().interest(), Interest::ALL);
    /// let failures = Journal::new().interested_in(Interest::FAILURES);
    /// assert_eq!(failures.interest(), Interest::FAILURES);
    /// ```
    pub fn interested_in(self, interest: Interest) -> Self {
        Self { interest, ..self }
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// All lines that start with `prefix`, oldest first.
    pub fn lines_starting_with(&self, prefix: &str) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| line.starts_with(prefix));
        lines
    }

    /// The number of lines that start with `prefix`.
    pub fn count(&self, prefix: &str) -> usize {
        self.lines_starting_with(prefix).len()
    }

    /// Asserts that the journal has exactly these lines so far, in this order. Does not wait.
    ///
    /// # Panics
    /// If the journal has other lines, or the same in another order.
    #[track_caller]
    pub fn assert_lines<const N: usize>(&self, expected: [&str; N]) {
        let lines = self.lines();
        assert!(
            lines == expected,
            "expected the lines {expected:#?}, but the journal has {lines:#?}"
        );
    }

    /// Blocks until at least `times` lines in total start with `prefix`, for at most a minute.
    ///
    /// # Panics
    /// If there are fewer such lines after a minute.
    #[track_caller]
    pub fn wait_for(&self, times: usize, prefix: &str) {
        let deadline = Instant::now() + TIMEOUT;
        let mut lines = self.lock();
        while lines.iter().filter(|line| line.starts_with(prefix)).count() < times {
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                let all = lines.clone();
                drop(lines);
                panic!(
                    "waited {TIMEOUT:?} for {times} lines {prefix:?}, but the journal has {all:#?}"
                );
            };
            let woken = self.shared.added.wait_timeout(lines, rest);
            lines = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Removes all lines.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.shared
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.lock().push(line);
        self.shared.added.notify_all();
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

fn listener_name<'a>(listener: &ListenerRef<'a>) -> &'a str {
    listener.name.unwrap_or(listener.pattern)
}

fn pool_name(pool: Option<&str>) -> &str {
    pool.unwrap_or("its caller")
}

/// The name of an enum's variant, in lower case.
fn lowercase(value: impl fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

impl Observer for Journal {
    fn interest(&self) -> Interest {
        self.interest
    }

    fn emission_started(&self, started: &EmissionStarted<'_>) {
        let (topic, pool) = (started.topic, pool_name(started.pool));
        self.write(format_args!("emission started: {topic} on {pool}"));
    }

    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
        let topic = rejected.topic;
        match rejected.reason {
            Rejection::InvalidTopic(_) => {
                self.write(format_args!("emission rejected: {topic:?}, invalid"));
            }
            Rejection::Closed => self.write(format_args!("emission rejected: {topic}, closed")),
            Rejection::Reserved => {
                self.write(format_args!("emission rejected: {topic}, reserved"));
            }
            Rejection::Cancelled => {
                self.write(format_args!("emission rejected: {topic}, cancelled"));
            }
            Rejection::RecursionLimit { depth } => {
                self.write(format_args!(
                    "emission rejected: {topic}, inside {depth} others"
                ));
            }
            Rejection::Pool { pool, reason } => {
                self.write(format_args!(
                    "emission rejected: {topic} by {pool}, {reason}"
                ));
            }
            _ => self.write(format_args!("emission rejected: {topic}")),
        }
    }

    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        let EmissionEnded {
            topic,
            delivered,
            failed,
            not_called,
            retried,
            ..
        } = ended;
        let aborted = if ended.aborted { ", aborted" } else { "" };
        let discarded = if ended.discarded { ", discarded" } else { "" };
        self.write(format_args!(
            "emission ended: {topic} on {}, {delivered} called, {failed} failed, {not_called} not called, \
             {retried} retried{aborted}{discarded}",
            pool_name(ended.pool)
        ));
    }

    fn job_offered(&self, offered: &JobOffered<'_>) {
        self.write(format_args!("job offered to {}", offered.pool));
    }

    fn job_rejected(&self, rejected: &JobRejected<'_>) {
        let JobRejected { pool, reason, .. } = rejected;
        self.write(format_args!("job rejected by {pool}: {reason}"));
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        self.write(format_args!("job started on {}", started.pool));
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        let end = lowercase(ended.outcome);
        self.write(format_args!("job ended on {}: {end}", ended.pool));
    }

    fn listener_started(&self, started: &ListenerStarted<'_>) {
        let (name, attempt) = (listener_name(&started.listener), started.attempt);
        let topic = started.topic;
        self.write(format_args!(
            "listener started: {name} for {topic}, attempt {attempt}"
        ));
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let (name, attempt) = (listener_name(&ended.listener), ended.attempt);
        let topic = ended.topic;
        let end = match ended.outcome {
            ListenerEnd::Succeeded => "succeeded",
            ListenerEnd::Failed(_) => "failed",
            ListenerEnd::Panicked(_) => "panicked",
            ListenerEnd::TimedOut(_) => "timed out",
            ListenerEnd::Cancelled(_) => "cancelled",
            ListenerEnd::Rejected(_) => "rejected",
            ListenerEnd::Discarded(_) => "discarded",
            _ => "ended",
        };
        self.write(format_args!(
            "listener ended: {name} for {topic}, attempt {attempt} {end}"
        ));
    }

    fn listener_panicked(&self, panic: &ListenerPanic<'_>) {
        let name = panic.name.unwrap_or(panic.pattern);
        let (topic, message) = (panic.topic, panic.message);
        self.write(format_args!(
            "listener panicked: {name} for {topic}, {message}"
        ));
    }

    fn listener_slow(&self, slow: &SlowListener<'_>) {
        let (name, topic) = (listener_name(&slow.listener), slow.topic);
        let now = if slow.ended {
            "has ended"
        } else {
            "still runs"
        };
        self.write(format_args!("listener slow: {name} for {topic} {now}"));
    }

    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {
        let (name, topic) = (listener_name(&retry.listener), retry.topic);
        let (attempt, delay) = (retry.attempt, retry.delay);
        self.write(format_args!(
            "retry scheduled: {name} for {topic}, {delay:?} after attempt {attempt}"
        ));
    }

    fn unheard_event(&self, unheard: &UnheardEvent<'_>) {
        self.write(format_args!("unheard event: {}", unheard.topic));
    }

    fn dead_letter(&self, letter: &DeadLetter) {
        let DeadLetter {
            topic, attempts, ..
        } = letter;
        self.write(format_args!(
            "dead letter: {topic} after {attempts} attempts"
        ));
    }

    fn pool_resized(&self, resized: &PoolResized<'_>) {
        let PoolResized { pool, from, to, .. } = resized;
        self.write(format_args!("pool resized: {pool} from {from} to {to}"));
    }

    fn subscription_added(&self, added: &SubscriptionAdded<'_>) {
        let (name, pattern) = (listener_name(&added.listener), added.listener.pattern);
        self.write(format_args!("subscription added: {name} to {pattern}"));
    }

    fn subscription_removed(&self, removed: &SubscriptionRemoved<'_>) {
        let (name, pattern) = (listener_name(&removed.listener), removed.listener.pattern);
        let cause = lowercase(removed.cause);
        self.write(format_args!(
            "subscription removed: {name} from {pattern}, {cause}"
        ));
    }

    fn event_stored(&self, stored: &EventStored<'_>) {
        let topic = stored.topic;
        let duplicate = if stored.is_duplicate {
            ", duplicate"
        } else {
            ""
        };
        self.write(format_args!("event stored: {topic}{duplicate}"));
    }

    fn delivery_ended(&self, ended: &DeliveryEnded<'_>) {
        let DeliveryEnded {
            listener,
            topic,
            attempt,
            ..
        } = ended;
        let end = match ended.outcome {
            DeliveryEnd::Done => "done",
            DeliveryEnd::Skipped => "skipped",
            DeliveryEnd::Retried { .. } => "retried",
            DeliveryEnd::Dead { .. } => "dead",
            DeliveryEnd::NotCalled => "not called",
            _ => "ended",
        };
        self.write(format_args!(
            "delivery ended: {listener} for {topic}, attempt {attempt} {end}"
        ));
    }

    fn store_failed(&self, failed: &StoreFailed<'_>) {
        let store = failed.store;
        let end = if failed.is_final { ", for good" } else { "" };
        self.write(format_args!("store failed: {store}{end}"));
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.lines()).finish()
    }
}
