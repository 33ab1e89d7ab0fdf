//! Listeners that record the events they receive.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::{BoxError, Event, EventId, Listener, Payload};

/// How long [`Recorder::wait_for`] waits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A [`Listener`] that records every event it is called with.
///
/// Use it in tests to assert which events a listener received, in which order, and with which payload. A failed
/// assertion panics at the line of the test and prints what was received.
///
/// Clones share what they record: subscribe one clone and keep another. A recorder keeps each payload as the event had it at
/// the call, so payloads live as long as the recorder.
///
/// ```
/// use soiree_core::{BaseEvent, Listener};
/// use soiree_testkit::Recorder;
///
/// let recorder = Recorder::new();
/// recorder.assert_no_events();
/// // An `EventPool` makes these calls after `soiree.listen_with("user.*", options, recorder.clone())`.
/// recorder.handle(&BaseEvent::new("user.created", "Matty Ice"))?;
/// recorder.handle(&BaseEvent::new("user.deleted", 7_u64))?;
/// recorder.wait_for(2);
/// recorder.assert_topics(["user.created", "user.deleted"]);
/// recorder.assert_received("user.created").once().with(&"Matty Ice");
/// # Ok::<(), soiree_core::BoxError>(())
/// ```
#[derive(Clone)]
pub struct Recorder {
    log: Log,
    id: u64,
    name: Arc<str>,
    behavior: Behavior,
}

/// What a recorder does after it has recorded an event.
#[derive(Clone)]
enum Behavior {
    Succeed,
    Fail(Arc<str>),
    Panic(Arc<str>),
    Abort,
}

/// A log that several recorders share, in the order of their calls.
///
/// Use it to assert in which order different listeners were called. Clones are the same log.
///
/// ```
/// use soiree_core::{BaseEvent, Listener};
/// use soiree_testkit::{Log, Recorder};
///
/// let log = Log::new();
/// let (audit, mailer) = (Recorder::new().in_log(&log, "audit"), Recorder::new().in_log(&log, "mailer"));
/// let event = BaseEvent::new("user.created", ());
/// mailer.handle(&event)?;
/// audit.handle(&event)?;
/// log.assert_entries([("mailer", "user.created"), ("audit", "user.created")]);
/// audit.assert_topics(["user.created"]);
/// # Ok::<(), soiree_core::BoxError>(())
/// ```
#[derive(Clone, Default)]
pub struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    entries: Mutex<Vec<Entry>>,
    added: Condvar,
}

#[derive(Clone)]
struct Entry {
    recorder: u64,
    name: Arc<str>,
    id: EventId,
    topic: Box<str>,
    payload: Payload,
}

/// The events of one topic that a recorder received, for further assertions.
///
/// [`Recorder::assert_received`] returns it; the example of [`Recorder`] uses it.
pub struct Received {
    topic: Box<str>,
    events: Vec<Entry>,
    /// The topics of all events, for messages.
    all: Vec<String>,
}

impl Recorder {
    /// Creates a recorder that returns `Ok` from every call.
    pub fn new() -> Self {
        Self::with_behavior(Behavior::Succeed)
    }

    /// Creates a recorder that returns an error with this message from every call.
    pub fn failing(message: &str) -> Self {
        Self::with_behavior(Behavior::Fail(message.into()))
    }

    /// Creates a recorder that panics with this message in every call.
    pub fn panicking(message: &str) -> Self {
        Self::with_behavior(Behavior::Panic(message.into()))
    }

    /// Creates a recorder that aborts every event, so that listeners behind it are not called.
    pub fn aborting() -> Self {
        Self::with_behavior(Behavior::Abort)
    }

    fn with_behavior(behavior: Behavior) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            log: Log::new(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: "recorder".into(),
            behavior,
        }
    }

    /// Records into a shared log, under this name.
    ///
    /// Call it before the recorder is used: events it has already recorded stay in its old log and no longer count.
    #[must_use]
    pub fn in_log(self, log: &Log, name: &str) -> Self {
        Self {
            log: log.clone(),
            name: name.into(),
            ..self
        }
    }

    fn events(&self) -> Vec<Entry> {
        let mut events = self.log.lock().clone();
        events.retain(|entry| entry.recorder == self.id);
        events
    }

    /// The topics of all events received, oldest first.
    pub fn topics(&self) -> Vec<String> {
        let events = self.events();
        events.iter().map(|entry| entry.topic.to_string()).collect()
    }

    /// The IDs of all events received, oldest first.
    pub fn ids(&self) -> Vec<EventId> {
        self.events().iter().map(|entry| entry.id).collect()
    }

    /// The payloads of type `T`, oldest first. Events with payloads of other types are left out.
    pub fn payloads<T: Any + Clone>(&self) -> Vec<T> {
        let events = self.events();
        let payloads = events
            .iter()
            .filter_map(|entry| entry.payload.downcast_ref());
        payloads.cloned().collect()
    }

    /// Asserts that no event was received so far. Does not wait.
    ///
    /// # Panics
    /// If an event was received.
    #[track_caller]
    pub fn assert_no_events(&self) {
        let topics = self.topics();
        assert!(
            topics.is_empty(),
            "expected no events, but received {topics:?}"
        );
    }

    /// Asserts that exactly these topics were received so far, in this order. Does not wait.
    ///
    /// # Panics
    /// If other topics were received, or the same in another order.
    #[track_caller]
    pub fn assert_topics<const N: usize>(&self, topics: [&str; N]) {
        let received = self.topics();
        assert!(
            received == topics,
            "expected {topics:?}, but received {received:?}"
        );
    }

    /// Asserts that an event of this topic was received so far. Does not wait.
    ///
    /// The value returned has assertions about how often and with which payload.
    ///
    /// # Panics
    /// If no event of this topic was received.
    #[track_caller]
    pub fn assert_received(&self, topic: &str) -> Received {
        let all = self.topics();
        let mut events = self.events();
        events.retain(|entry| *entry.topic == *topic);
        assert!(
            !events.is_empty(),
            "expected {topic:?}, but received {all:?}"
        );
        let topic = topic.into();
        Received { topic, events, all }
    }

    /// Blocks until at least `times` events were received in total, for at most a minute.
    ///
    /// # Panics
    /// If fewer events were received within a minute.
    #[track_caller]
    pub fn wait_for(&self, times: usize) {
        self.wait_for_timeout(times, TIMEOUT);
    }

    /// Blocks like [`wait_for`](Recorder::wait_for), for at most `timeout`.
    ///
    /// # Panics
    /// If fewer events were received within `timeout`.
    #[track_caller]
    pub fn wait_for_timeout(&self, times: usize, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut entries = self.log.lock();
        loop {
            let own = entries.iter().filter(|entry| entry.recorder == self.id);
            let received = own.count();
            if received >= times {
                return;
            }
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                drop(entries);
                let topics = self.topics();
                panic!(
                    "waited {timeout:?} for {times} events, but received {received}: {topics:?}"
                );
            };
            let woken = self.log.0.added.wait_timeout(entries, rest);
            entries = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Listener for Recorder {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        let entry = Entry {
            recorder: self.id,
            name: Arc::clone(&self.name),
            id: event.id(),
            topic: event.topic().into(),
            payload: event.payload(),
        };
        self.log.lock().push(entry);
        self.log.0.added.notify_all();
        match &self.behavior {
            Behavior::Succeed => {}
            Behavior::Fail(message) => return Err(message.to_string().into()),
            Behavior::Panic(message) => panic!("{message}"),
            Behavior::Abort => event.set_aborted(true),
        }
        Ok(())
    }
}

impl Log {
    /// Creates an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the recorder and the topic of every event, oldest first.
    pub fn entries(&self) -> Vec<(String, String)> {
        let entries = self.lock();
        let pairs = entries.iter();
        pairs
            .map(|entry| (entry.name.to_string(), entry.topic.to_string()))
            .collect()
    }

    /// Asserts that the log has exactly these pairs of recorder and topic so far, in this order. Does not wait.
    ///
    /// # Panics
    /// If the log has other entries, or the same in another order.
    #[track_caller]
    pub fn assert_entries<const N: usize>(&self, expected: [(&str, &str); N]) {
        let received = self.entries();
        let is_same = received.len() == N
            && received
                .iter()
                .zip(expected)
                .all(|(entry, expected)| (entry.0.as_str(), entry.1.as_str()) == expected);
        assert!(is_same, "expected {expected:?}, but received {received:?}");
    }

    /// Removes all entries, of every recorder of the log.
    pub fn clear(&self) {
        // Dropped after the lock is released: the `Drop` of a payload is user code.
        let _old = std::mem::take(&mut *self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        let entries = self.0.entries.lock();
        entries.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    /// Asserts that the topic was received exactly this often.
    ///
    /// # Panics
    /// If it was received more or less often.
    #[track_caller]
    pub fn times(self, times: usize) -> Self {
        let (topic, received, all) = (&self.topic, self.events.len(), &self.all);
        assert!(
            received == times,
            "expected {topic:?} {times} times, but received it {received} times: {all:?}"
        );
        self
    }

    /// Asserts that the topic was received exactly once.
    ///
    /// # Panics
    /// If it was received more than once.
    #[track_caller]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Asserts that at least one event of the topic had this payload.
    ///
    /// # Panics
    /// If none had it, or if the payloads are of another type.
    #[track_caller]
    pub fn with<T: Any + PartialEq + fmt::Debug>(self, payload: &T) -> Self {
        let mut payloads = self.events.iter().map(|entry| &entry.payload);
        let found = payloads.any(|received| received.downcast_ref() == Some(payload));
        let received: Vec<String> = self.events.iter().map(payload_or_type::<T>).collect();
        let topic = &self.topic;
        assert!(
            found,
            "expected {topic:?} with {payload:?}, but received it with [{}]",
            received.join(", ")
        );
        self
    }
}

/// The payload as text, or the name of its type if it is no `T`.
fn payload_or_type<T: Any + fmt::Debug>(entry: &Entry) -> String {
    match entry.payload.downcast_ref::<T>() {
        Some(payload) => format!("{payload:?}"),
        None => format!("a {}", entry.payload.type_name()),
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("name", &self.name)
            .field("topics", &self.topics())
            .finish()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.entries()).finish()
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("topic", &self.topic)
            .field("times", &self.events.len())
            .finish()
    }
}
