//! An observer that remembers what it was told.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::{
    DeadEvent, DeadLetter, EmissionEnded, EmissionRejected, EmissionStarted, JobEnded, JobOffered,
    JobRejected, JobStarted, ListenerEnd, ListenerEnded, ListenerPanic, ListenerRef,
    ListenerStarted, Observer, PoolResized, Rejection, RetryScheduled, SlowListener,
    SubscriptionAdded, SubscriptionRemoved,
};

/// How long a journal waits before it says that nothing more comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An [`Observer`] that writes a line for whatever it is told. Without times, so that lines can be compared; and without
/// [`emission_accepted`](Observer::emission_accepted), for which there is no telling between which lines it comes.
///
/// A cheap handle: hand over a clone and keep one. Listeners appear under their name, and under their pattern if they have
/// none.
///
/// ```
/// use soiree_core::{Job, ObservedPool, Pool};
/// use soiree_testkit::{Journal, ManualPool};
///
/// let (pool, journal) = (ManualPool::new(), Journal::new());
/// let observed = ObservedPool::new(pool.clone(), "mail", journal.clone());
/// observed.submit(Job::new(|| {}))?;
/// pool.run_all();
/// journal.reads(["job offered to mail", "job started on mail", "job ended on mail: completed"]);
/// assert_eq!(journal.count("job ended"), 1);
/// # Ok::<(), soiree_core::SubmitError>(())
/// ```
#[derive(Clone, Default)]
pub struct Journal(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<Vec<String>>,
    added: Condvar,
}

impl Journal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// The lines that start so.
    pub fn about(&self, start: &str) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| line.starts_with(start));
        lines
    }

    /// How many lines start so.
    pub fn count(&self, start: &str) -> usize {
        self.about(start).len()
    }

    /// Asserts that these are all its lines, in this order.
    #[track_caller]
    pub fn reads<const N: usize>(&self, expected: [&str; N]) {
        let lines = self.lines();
        assert!(
            lines == expected,
            "expected {expected:#?}, but it reads {lines:#?}"
        );
    }

    /// Waits until so many lines start so, counted from the beginning.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    #[track_caller]
    pub fn wait_for(&self, times: usize, start: &str) {
        let give_up = Instant::now() + PATIENCE;
        let mut lines = self.lock();
        while lines.iter().filter(|line| line.starts_with(start)).count() < times {
            let Some(rest) = give_up.checked_duration_since(Instant::now()) else {
                let all = lines.clone();
                drop(lines);
                panic!("waited {PATIENCE:?} for {times} lines {start:?}, and it reads {all:#?}");
            };
            let woken = self.0.added.wait_timeout(lines, rest);
            lines = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Forgets all lines.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.lock().push(line);
        self.0.added.notify_all();
    }
}

/// What a listener is called in a journal.
fn name<'a>(listener: &ListenerRef<'a>) -> &'a str {
    listener.name.unwrap_or(listener.pattern)
}

/// Where an emission runs.
fn place(pool: Option<&str>) -> &str {
    pool.unwrap_or("its caller")
}

/// A word of an enum, in lower case.
fn word(value: impl fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

impl Observer for Journal {
    fn emission_started(&self, begun: &EmissionStarted<'_>) {
        let place = place(begun.pool);
        self.write(format_args!("emission begun: {} on {place}", begun.topic));
    }

    fn emission_rejected(&self, refused: &EmissionRejected<'_>) {
        let topic = refused.topic;
        match refused.reason {
            Rejection::InvalidTopic(_) => {
                self.write(format_args!("emission refused: {topic:?}, invalid"));
            }
            Rejection::Closed => self.write(format_args!("emission refused: {topic}, closed")),
            Rejection::Pool { pool, reason } => {
                self.write(format_args!(
                    "emission refused: {topic} by {pool}, {reason}"
                ));
            }
            _ => self.write(format_args!("emission refused: {topic}")),
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
            place(ended.pool)
        ));
    }

    fn job_offered(&self, offered: &JobOffered<'_>) {
        self.write(format_args!("job offered to {}", offered.pool));
    }

    fn job_rejected(&self, refused: &JobRejected<'_>) {
        let JobRejected { pool, reason, .. } = refused;
        self.write(format_args!("job refused by {pool}: {reason}"));
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        self.write(format_args!("job started on {}", started.pool));
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        let end = word(ended.outcome);
        self.write(format_args!("job ended on {}: {end}", ended.pool));
    }

    fn listener_started(&self, started: &ListenerStarted<'_>) {
        let (name, attempt) = (name(&started.listener), started.attempt);
        let topic = started.topic;
        self.write(format_args!(
            "listener started: {name} for {topic}, attempt {attempt}"
        ));
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let (name, attempt) = (name(&ended.listener), ended.attempt);
        let topic = ended.topic;
        let end = match ended.outcome {
            ListenerEnd::Succeeded => "succeeded",
            ListenerEnd::Failed(_) => "failed",
            ListenerEnd::Panicked(_) => "panicked",
            ListenerEnd::TimedOut(_) => "timed out",
            ListenerEnd::Cancelled(_) => "cancelled",
            ListenerEnd::Rejected(_) => "refused",
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
        let (name, topic) = (name(&slow.listener), slow.topic);
        let now = if slow.ended {
            "has ended"
        } else {
            "still runs"
        };
        self.write(format_args!("listener slow: {name} for {topic} {now}"));
    }

    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {
        let (name, topic) = (name(&retry.listener), retry.topic);
        let (attempt, delay) = (retry.attempt, retry.delay);
        self.write(format_args!(
            "retry scheduled: {name} for {topic}, {delay:?} after attempt {attempt}"
        ));
    }

    fn dead_event(&self, dead: &DeadEvent<'_>) {
        self.write(format_args!("dead event: {}", dead.topic));
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
        let (name, pattern) = (name(&added.listener), added.listener.pattern);
        self.write(format_args!("subscription added: {name} to {pattern}"));
    }

    fn subscription_removed(&self, removed: &SubscriptionRemoved<'_>) {
        let (name, pattern) = (name(&removed.listener), removed.listener.pattern);
        let cause = word(removed.cause);
        self.write(format_args!(
            "subscription removed: {name} from {pattern}, {cause}"
        ));
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.lines()).finish()
    }
}
