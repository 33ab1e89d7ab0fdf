//! A listener that remembers what it heard.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::{BoxError, Event, EventId, Listener, Payload};

/// How long a recorder waits before it says that nothing more comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A [`Listener`] that records each event it is called with, and can be asked about them.
///
/// A cheap handle: subscribe a clone and keep one. What it asserts reads as a sentence, and panics at the line of the test.
/// It keeps the payloads, in the state that it was called with.
///
/// ```
/// use soiree_core::{BaseEvent, Listener};
/// use soiree_testkit::Recorder;
///
/// let heard = Recorder::new();
/// heard.heard_nothing();
/// // As an `EventPool` does that it is subscribed to, with `soiree.listen("user.*", options, heard.clone())`:
/// heard.handle(&BaseEvent::new("user.created", "Matty Ice"))?;
/// heard.handle(&BaseEvent::new("user.deleted", 7_u64))?;
/// heard.wait_for(2);
/// heard.heard_exactly(["user.created", "user.deleted"]);
/// heard.heard("user.created").once().with(&"Matty Ice");
/// # Ok::<(), soiree_core::BoxError>(())
/// ```
#[derive(Clone)]
pub struct Recorder {
    log: Log,
    recorder: u64,
    name: Arc<str>,
    then: Then,
}

/// What a recorder does when it has recorded.
#[derive(Clone)]
enum Then {
    Succeeds,
    Fails(Arc<str>),
    Panics(Arc<str>),
    Aborts,
}

/// What several recorders heard, in the order in which they were called.
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
/// log.heard_exactly([("mailer", "user.created"), ("audit", "user.created")]);
/// audit.heard_exactly(["user.created"]);
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

/// The events of one topic that a recorder heard. See [`Recorder::heard`].
pub struct Heard {
    topic: Box<str>,
    events: Vec<Entry>,
    all: Vec<String>,
}

impl Recorder {
    /// Records, and succeeds.
    pub fn new() -> Self {
        Self::that(Then::Succeeds)
    }

    /// Records, and returns an error with this message.
    pub fn failing(message: &str) -> Self {
        Self::that(Then::Fails(message.into()))
    }

    /// Records, and panics with this message.
    pub fn panicking(message: &str) -> Self {
        Self::that(Then::Panics(message.into()))
    }

    /// Records, and aborts the event.
    pub fn aborting() -> Self {
        Self::that(Then::Aborts)
    }

    fn that(then: Then) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            log: Log::new(),
            recorder: NEXT.fetch_add(1, Ordering::Relaxed),
            name: "recorder".into(),
            then,
        }
    }

    /// Records into a log that others record into as well, under this name. What it heard before stays behind.
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
        events.retain(|entry| entry.recorder == self.recorder);
        events
    }

    /// The topics that it was called with, in order.
    pub fn topics(&self) -> Vec<String> {
        let events = self.events();
        events.iter().map(|entry| entry.topic.to_string()).collect()
    }

    /// The IDs of the events that it was called with, in order.
    pub fn ids(&self) -> Vec<EventId> {
        self.events().iter().map(|entry| entry.id).collect()
    }

    /// The payloads that are a `T`, in order.
    pub fn payloads<T: Any + Clone>(&self) -> Vec<T> {
        let events = self.events();
        let payloads = events
            .iter()
            .filter_map(|entry| entry.payload.downcast_ref());
        payloads.cloned().collect()
    }

    /// Asserts that it was not called.
    #[track_caller]
    pub fn heard_nothing(&self) {
        let topics = self.topics();
        assert!(
            topics.is_empty(),
            "nothing was to be heard, but: {topics:?}"
        );
    }

    /// Asserts that it was called with these topics, in this order, and nothing else.
    #[track_caller]
    pub fn heard_exactly<const N: usize>(&self, topics: [&str; N]) {
        let heard = self.topics();
        assert!(
            heard == topics,
            "{topics:?} was to be heard, but: {heard:?}"
        );
    }

    /// Asserts that it was called with this topic, and goes on to ask how often and with what.
    #[track_caller]
    pub fn heard(&self, topic: &str) -> Heard {
        let all = self.topics();
        let mut events = self.events();
        events.retain(|entry| *entry.topic == *topic);
        assert!(
            !events.is_empty(),
            "{topic:?} was to be heard, but: {all:?}"
        );
        let topic = topic.into();
        Heard { topic, events, all }
    }

    /// Waits until it was called so many times, counted from the beginning.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    #[track_caller]
    pub fn wait_for(&self, times: usize) {
        self.wait_for_at_most(times, PATIENCE);
    }

    /// As [`wait_for`](Recorder::wait_for), with a patience of one's own.
    ///
    /// # Panics
    /// If it takes longer.
    #[track_caller]
    pub fn wait_for_at_most(&self, times: usize, patience: Duration) {
        let give_up = Instant::now() + patience;
        let mut entries = self.log.lock();
        loop {
            let mine = entries
                .iter()
                .filter(|entry| entry.recorder == self.recorder);
            let heard = mine.count();
            if heard >= times {
                return;
            }
            let Some(rest) = give_up.checked_duration_since(Instant::now()) else {
                drop(entries);
                let topics = self.topics();
                panic!("waited {patience:?} for {times} events, and heard {heard}: {topics:?}");
            };
            let woken = self.log.0.added.wait_timeout(entries, rest);
            entries = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Listener for Recorder {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        let entry = Entry {
            recorder: self.recorder,
            name: Arc::clone(&self.name),
            id: event.id(),
            topic: event.topic().into(),
            payload: event.payload(),
        };
        self.log.lock().push(entry);
        self.log.0.added.notify_all();
        match &self.then {
            Then::Succeeds => {}
            Then::Fails(message) => return Err(message.to_string().into()),
            Then::Panics(message) => panic!("{message}"),
            Then::Aborts => event.set_aborted(true),
        }
        Ok(())
    }
}

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who heard which topic, in order.
    pub fn entries(&self) -> Vec<(String, String)> {
        let entries = self.lock();
        let pairs = entries.iter();
        pairs
            .map(|entry| (entry.name.to_string(), entry.topic.to_string()))
            .collect()
    }

    /// Asserts that these recorders heard these topics, in this order, and nothing else was heard.
    #[track_caller]
    pub fn heard_exactly<const N: usize>(&self, expected: [(&str, &str); N]) {
        let heard = self.entries();
        let same = heard.len() == N
            && heard
                .iter()
                .zip(expected)
                .all(|(heard, expected)| (heard.0.as_str(), heard.1.as_str()) == expected);
        assert!(same, "{expected:?} was to be heard, but: {heard:?}");
    }

    /// Forgets all that was heard, by every recorder of the log.
    pub fn clear(&self) {
        // Dropped after the lock: a payload's `Drop` is user code.
        let _old = std::mem::take(&mut *self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        let entries = self.0.entries.lock();
        entries.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    /// Asserts that it was heard so many times.
    #[track_caller]
    pub fn times(self, times: usize) -> Self {
        let (topic, heard, all) = (&self.topic, self.events.len(), &self.all);
        assert!(
            heard == times,
            "{topic:?} was to be heard {times} times, and was {heard} times: {all:?}"
        );
        self
    }

    /// Asserts that it was heard once.
    #[track_caller]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Asserts that one of the times this was its payload.
    #[track_caller]
    pub fn with<T: Any + PartialEq + fmt::Debug>(self, payload: &T) -> Self {
        let mut payloads = self.events.iter().map(|entry| &entry.payload);
        let found = payloads.any(|heard| heard.downcast_ref() == Some(payload));
        let shown: Vec<String> = self.events.iter().map(shown::<T>).collect();
        let topic = &self.topic;
        assert!(
            found,
            "{topic:?} was to be heard with {payload:?}, but: [{}]",
            shown.join(", ")
        );
        self
    }
}

/// A payload as a `T`, or its type if it is none.
fn shown<T: Any + fmt::Debug>(entry: &Entry) -> String {
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

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heard")
            .field("topic", &self.topic)
            .field("times", &self.events.len())
            .finish()
    }
}
