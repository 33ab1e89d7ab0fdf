//! What a few emissions have besides their counts and errors: replies of listeners, and who aborted the event.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use soiree_core::registry::Registration;
use soiree_core::{ListenerId, Payload};

/// How many replies an emission keeps. It counts the others.
pub(crate) const MAX_REPLIES: usize = 1_024;

/// A listener of an emission, as replies and aborts name it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalledListener {
    /// Its ID.
    pub id: ListenerId,
    /// The pattern that it is subscribed to.
    pub pattern: Arc<str>,
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// The place in the source that subscribed it, if known.
    pub registered_at: Option<&'static Location<'static>>,
}

/// An event was aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Abort {
    /// Why, if the listener said so. See `dyn Event::abort`.
    pub reason: Option<Arc<str>>,
    /// The listener that was called last before the abort was noticed. `None` if the event was aborted before it was emitted, or by
    /// another thread.
    pub by: Option<CalledListener>,
}

/// What a few emissions have besides their counts and errors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    /// By the ranks of the listeners.
    pub(crate) replies: Vec<(u64, CalledListener, Payload)>,
    pub(crate) omitted: u64,
    pub(crate) abort: Option<Abort>,
}

impl CalledListener {
    pub(crate) fn of(registration: &Registration) -> Self {
        let listener = registration.listener_ref();
        Self {
            id: listener.id.clone(),
            pattern: listener.pattern.into(),
            name: listener.name.map(Into::into),
            registered_at: listener.registered_at,
        }
    }
}

impl fmt::Display for CalledListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or(self.id.as_str());
        write!(f, "listener {name} on {}", self.pattern)?;
        match self.registered_at {
            Some(place) => write!(f, " (registered at {}:{})", place.file(), place.line()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl Extras {
    /// For a report. `None` if there is nothing.
    pub(crate) fn into_shared(self) -> Option<Arc<Self>> {
        (!self.is_empty()).then(|| Arc::new(self))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.omitted == 0 && self.abort.is_none()
    }

    /// Keeps a reply, or counts it and returns it, to be dropped without a lock.
    pub(crate) fn push(&mut self, registration: &Registration, reply: Payload) -> Option<Payload> {
        if self.replies.len() >= MAX_REPLIES {
            self.omitted += 1;
            return Some(reply);
        }
        let rank = registration.rank();
        let at = self.replies.partition_point(|(other, ..)| *other <= rank);
        let listener = CalledListener::of(registration);
        self.replies.insert(at, (rank, listener, reply));
        None
    }

    pub(crate) fn set_abort(&mut self, reason: Option<Arc<str>>, by: Option<&Registration>) {
        self.abort.get_or_insert_with(|| Abort {
            reason,
            by: by.map(CalledListener::of),
        });
    }
}
