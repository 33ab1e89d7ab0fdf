//! Handles to one pattern.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use soiree_core::{
    Event, IntoListenerResult, InvalidTopic, ListenerFn, ListenerId, ListenerOptions, Pattern,
    SubscribeError, UnsubscribeError,
};
use soiree_engine::{EmitError, Report};

use crate::handle::EventPool;

/// A handle to one pattern of an [`EventPool`], and to the listeners subscribed to exactly that pattern.
///
/// A topic exists while it has a listener or a handle. A handle keeps its `EventPool` alive. Two handles are equal if they name
/// the same pattern of the same `EventPool`. Returned by [`EventPool::topic`] and [`EventPool::ensure_topic`].
#[derive(Clone)]
pub struct Topic {
    shared: Arc<Shared>,
}

/// What all clones of a handle share. While it lives, the topic exists.
struct Shared {
    soiree: EventPool,
    pattern: Pattern,
}

/// [`EventPool::topic`] found no such topic.
#[doc(alias = "ErrTopicNotFound")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// The pattern has neither a listener nor a handle.
    #[error("there is no topic {pattern}")]
    NotFound {
        /// The pattern.
        pattern: Pattern,
    },
}

/// # Topics
impl EventPool {
    /// Returns the topic of this pattern, which must have a listener or a handle.
    ///
    /// # Errors
    /// If the pattern is malformed, or has neither a listener nor a handle.
    #[doc(alias = "GetTopic")]
    pub fn topic(&self, pattern: &str) -> Result<Topic, TopicError> {
        Topic::existing(self, Pattern::new(pattern)?)
    }

    /// Returns the topic of this pattern, and creates it if needed. It exists at least as long as the returned handle.
    ///
    /// # Errors
    /// If the pattern is malformed.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// let topic = soiree.ensure_topic("user.created")?;
    /// topic.add_listener(|event| println!("{}", event.topic()))?;
    /// assert_eq!(topic.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("EnsureTopic", "NewTopic"))]
    pub fn ensure_topic(&self, pattern: &str) -> Result<Topic, InvalidTopic> {
        Ok(Topic::ensured(self, Pattern::new(pattern)?))
    }
}

impl Topic {
    fn ensured(soiree: &EventPool, pattern: Pattern) -> Self {
        soiree
            .inner
            .with_topic_handles(|handles| *handles.entry(pattern.clone()).or_default() += 1);
        Self {
            shared: Arc::new(Shared {
                soiree: soiree.clone(),
                pattern,
            }),
        }
    }

    fn existing(soiree: &EventPool, pattern: Pattern) -> Result<Self, TopicError> {
        let has_handle = soiree
            .inner
            .with_topic_handles(|handles| handles.contains_key(&pattern));
        if has_handle || soiree.inner.emitter.registry().listeners_of(&pattern) > 0 {
            Ok(Self::ensured(soiree, pattern))
        } else {
            Err(TopicError::NotFound { pattern })
        }
    }

    /// Returns the pattern.
    pub fn name(&self) -> &str {
        self.shared.pattern.as_str()
    }

    /// Returns how many listeners are subscribed to exactly this pattern.
    pub fn len(&self) -> usize {
        self.shared
            .soiree
            .inner
            .emitter
            .registry()
            .listeners_of(&self.shared.pattern)
    }

    /// Returns `true` if no listener is subscribed to exactly this pattern.
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
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        self.add_listener_with(ListenerOptions::new(), listener)
    }

    /// Subscribes a closure with [`ListenerOptions`]; a [`Priority`](crate::Priority) alone will do.
    ///
    /// # Errors
    /// As [`EventPool::on_with`].
    #[track_caller]
    pub fn add_listener_with<R: IntoListenerResult + 'static>(
        &self,
        options: impl Into<ListenerOptions>,
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.shared
            .soiree
            .add(&self.shared.pattern, options, Arc::new(listener))
    }

    /// Removes a listener, as [`EventPool::off`] does.
    ///
    /// # Errors
    /// As [`EventPool::off`].
    #[doc(alias = "RemoveListener")]
    pub fn remove_listener(&self, id: &ListenerId) -> Result<(), UnsubscribeError> {
        let emitter = &self.shared.soiree.inner.emitter;
        emitter.unsubscribe(&self.shared.pattern, id)
    }

    /// Calls the listeners of exactly this pattern with an event, on the calling thread. The topic of the event does not matter.
    ///
    /// # Errors
    /// As [`EventPool::emit_event_sync`].
    ///
    /// ```
    /// use soiree::BaseEvent;
    /// # let soiree = soiree::EventPool::new();
    /// soiree.on("**", |_| println!("not called"))?;
    /// let topic = soiree.ensure_topic("user.created")?;
    /// topic.add_listener(|event| println!("called for {}", event.topic()))?;
    /// let report = topic.trigger(&BaseEvent::new("any.topic", ()))?;
    /// assert_eq!(report.delivered(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "Trigger")]
    pub fn trigger(&self, event: &dyn Event) -> Result<Report, EmitError> {
        self.shared
            .soiree
            .inner
            .emitter
            .trigger(&self.shared.pattern, event)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.soiree.inner.with_topic_handles(|all| {
            if let Some(handles) = all.get_mut(&self.pattern) {
                *handles -= 1;
                if *handles == 0 {
                    all.remove(&self.pattern);
                    if all.len() * 4 < all.capacity() {
                        all.shrink_to_fit();
                    }
                }
            }
        });
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared.soiree.inner, &other.shared.soiree.inner)
            && self.shared.pattern == other.shared.pattern
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
