//! Handles on one pattern.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use soiree_core::{
    Event, IntoListenerResult, InvalidTopic, ListenerId, ListenerOptions, Pattern, SubscribeError,
    UnsubscribeError,
};
use soiree_engine::{EmitError, Report};

use crate::handle::EventPool;

/// One pattern of an [`EventPool`], and the listeners subscribed to exactly it.
///
/// Two handles are equal if they stand for the same pattern of the same `EventPool`. A topic exists while it has a
/// listener or a handle.
#[derive(Clone)]
pub struct Topic {
    kept: Arc<Kept>,
}

/// Keeps the topic in existence.
struct Kept {
    soiree: EventPool,
    pattern: Pattern,
}

/// There is no such topic.
#[doc(alias = "ErrTopicNotFound")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// Nothing is subscribed to it and no handle keeps it.
    #[error("there is no topic {pattern}")]
    NotFound {
        /// The pattern.
        pattern: Pattern,
    },
}

/// # Topics
impl EventPool {
    /// The topic of this pattern, if something is subscribed to it or a handle keeps it.
    ///
    /// # Errors
    /// If the pattern is malformed, or there is no such topic.
    #[doc(alias = "GetTopic")]
    pub fn topic(&self, pattern: &str) -> Result<Topic, TopicError> {
        Topic::existing(self, Pattern::new(pattern)?)
    }

    /// The topic of this pattern, which exists at least as long as the handle does.
    ///
    /// # Errors
    /// If the pattern is malformed.
    #[doc(alias("EnsureTopic", "NewTopic"))]
    pub fn ensure_topic(&self, pattern: &str) -> Result<Topic, InvalidTopic> {
        Ok(Topic::ensured(self, Pattern::new(pattern)?))
    }
}

impl Topic {
    pub(crate) fn ensured(soiree: &EventPool, pattern: Pattern) -> Self {
        soiree
            .inner
            .with_ensured(|ensured| *ensured.entry(pattern.clone()).or_default() += 1);
        Self {
            kept: Arc::new(Kept {
                soiree: soiree.clone(),
                pattern,
            }),
        }
    }

    pub(crate) fn existing(soiree: &EventPool, pattern: Pattern) -> Result<Self, TopicError> {
        let kept = soiree
            .inner
            .with_ensured(|ensured| ensured.contains_key(&pattern));
        if kept || soiree.inner.emitter.registry().listeners_of(&pattern) > 0 {
            Ok(Self::ensured(soiree, pattern))
        } else {
            Err(TopicError::NotFound { pattern })
        }
    }

    /// The pattern.
    pub fn name(&self) -> &str {
        self.kept.pattern.as_str()
    }

    /// How many listeners are subscribed to exactly this pattern.
    pub fn len(&self) -> usize {
        self.kept
            .soiree
            .inner
            .emitter
            .registry()
            .listeners_of(&self.kept.pattern)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Subscribes a closure, with [`Priority::Normal`](crate::Priority::Normal).
    ///
    /// # Errors
    /// As [`EventPool::on`].
    #[doc(alias = "AddListener")]
    #[track_caller]
    pub fn add_listener<R: IntoListenerResult + 'static>(
        &self,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.add_listener_with(ListenerOptions::new(), listener)
    }

    /// Subscribes a closure with options.
    ///
    /// # Errors
    /// As [`EventPool::on_with`].
    #[track_caller]
    pub fn add_listener_with<R: IntoListenerResult + 'static>(
        &self,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.kept
            .soiree
            .add(&self.kept.pattern, options, Arc::new(listener))
    }

    /// Takes a listener off.
    ///
    /// # Errors
    /// As [`EventPool::off`].
    #[doc(alias = "RemoveListener")]
    pub fn remove_listener(&self, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.kept
            .soiree
            .inner
            .emitter
            .registry()
            .remove(&self.kept.pattern, id)
    }

    /// Calls the listeners of exactly this pattern with the event, on this thread, whatever the event's topic.
    ///
    /// # Errors
    /// As [`EventPool::emit_event_sync`].
    #[doc(alias = "Trigger")]
    pub fn trigger(&self, event: &dyn Event) -> Result<Report, EmitError> {
        self.kept
            .soiree
            .inner
            .emitter
            .trigger(&self.kept.pattern, event)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.soiree.inner.with_ensured(|ensured| {
            if let Some(handles) = ensured.get_mut(&self.pattern) {
                *handles -= 1;
                if *handles == 0 {
                    ensured.remove(&self.pattern);
                    if ensured.len() * 4 < ensured.capacity() {
                        ensured.shrink_to_fit();
                    }
                }
            }
        });
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kept.soiree.inner, &other.kept.soiree.inner)
            && self.kept.pattern == other.kept.pattern
    }
}

impl Eq for Topic {}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish()
    }
}
