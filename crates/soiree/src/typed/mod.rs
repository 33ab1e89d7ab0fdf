//! Topics that know the type of their payloads.

mod name;

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;

use soiree_core::{
    BoxError, Event, IntoListenerResult, ListenerId, ListenerOptions, SubscribeError,
};
use soiree_engine::{Emission, EmitError, Report, Soiree};

/// A topic all of whose events carry a `T`.
///
/// Made in a `const`, a malformed name does not compile. Emitting through it can only carry a `T`; should somebody emit
/// something else on the same topic by its plain name, its listeners fail with a [`WrongPayload`].
///
/// ```
/// use soiree::{EventPool, TypedTopic};
///
/// struct UserCreated {
///     name: String,
/// }
/// const USER_CREATED: TypedTopic<UserCreated> = TypedTopic::new("user.created");
///
/// let soiree = EventPool::new();
/// USER_CREATED.on(&soiree, |user| println!("welcome, {}", user.name))?;
/// let report = USER_CREATED.emit(&soiree, UserCreated { name: "Matty Ice".into() })?.wait();
/// assert!(report.is_ok());
///
/// let report = soiree.emit("user.created", 7_u64)?.wait();
/// assert!(report.errors[0].to_string().contains("UserCreated was expected, and it carries u64"));
/// # soiree.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A malformed name does not compile, nor does a payload of another type:
///
/// ```compile_fail,E0080
/// # use soiree::TypedTopic;
/// const BAD: TypedTopic<u64> = TypedTopic::new("user..created");
/// # let _ = BAD;
/// ```
///
/// ```compile_fail,E0308
/// # use soiree::{EventPool, TypedTopic};
/// const COUNTED: TypedTopic<u64> = TypedTopic::new("user.counted");
/// COUNTED.emit(&EventPool::new(), "seven")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedTopic<T> {
    name: &'static str,
    payload: PhantomData<fn() -> T>,
}

/// A pattern all of whose topics carry a `T`: to listen, not to emit.
///
/// ```
/// use soiree::{EventPool, TypedPattern, TypedTopic};
///
/// const CREATED: TypedTopic<String> = TypedTopic::new("user.created");
/// const DELETED: TypedTopic<String> = TypedTopic::new("user.deleted");
/// const ANY: TypedPattern<String> = TypedPattern::new("user.*");
///
/// let soiree = EventPool::new();
/// ANY.on_with(&soiree, soiree::Priority::High, |name, event| {
///     println!("{}: {name}", event.topic());
/// })?;
/// assert_eq!(CREATED.emit_sync(&soiree, "ann".into())?.delivered, 1);
/// assert_eq!(DELETED.emit_sync(&soiree, "bob".into())?.delivered, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A malformed pattern does not compile:
///
/// ```compile_fail,E0080
/// # use soiree::TypedPattern;
/// const BAD: TypedPattern<u64> = TypedPattern::new("us*r.created");
/// # let _ = BAD;
/// ```
pub struct TypedPattern<T> {
    name: &'static str,
    payload: PhantomData<fn() -> T>,
}

/// An event carried another type than its topic's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("on {topic} a {expected} was expected, and it carries {found}")]
#[non_exhaustive]
pub struct WrongPayload {
    /// The topic that was emitted.
    pub topic: Box<str>,
    /// The name of the type that was expected.
    pub expected: &'static str,
    /// The name of the type that was found.
    pub found: &'static str,
}

impl<T: Any + Send + Sync> TypedTopic<T> {
    /// The topic of this name.
    ///
    /// # Panics
    /// If the name is no topic; in a `const` that is a compiler error.
    pub const fn new(name: &'static str) -> Self {
        name::check(name, false);
        Self {
            name,
            payload: PhantomData,
        }
    }

    /// The topic's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Emits on the pool. See [`EventPool::emit`](crate::EventPool::emit).
    ///
    /// # Errors
    /// If the `EventPool` is closed or its pool refuses. The payload comes back.
    pub fn emit(&self, soiree: &dyn Soiree, payload: T) -> Result<Emission, EmitError> {
        soiree.emit(self.name, payload)
    }

    /// Emits on the calling thread.
    ///
    /// # Errors
    /// If the `EventPool` is closed. The payload comes back.
    pub fn emit_sync(&self, soiree: &dyn Soiree, payload: T) -> Result<Report, EmitError> {
        soiree.emit_sync(self.name, payload)
    }

    /// Subscribes a closure that gets the payload.
    ///
    /// # Errors
    /// If the `EventPool` is closed, or made an ID twice.
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        soiree: &dyn Soiree,
        listener: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let listener = move |payload: &T, _: &dyn Event| listener(payload);
        self.on_with(soiree, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure that gets payload and event, with options.
    ///
    /// # Errors
    /// As [`on`](TypedTopic::on), and if the options make no sense.
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        soiree: &dyn Soiree,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(&T, &dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        subscribe(self.name, soiree, options.into(), listener)
    }
}

impl<T: Any + Send + Sync> TypedPattern<T> {
    /// The pattern of this text.
    ///
    /// # Panics
    /// If the text is no pattern; in a `const` that is a compiler error.
    pub const fn new(text: &'static str) -> Self {
        name::check(text, true);
        Self {
            name: text,
            payload: PhantomData,
        }
    }

    /// The pattern's text.
    pub const fn as_str(&self) -> &'static str {
        self.name
    }

    /// Subscribes a closure that gets the payload.
    ///
    /// # Errors
    /// If the `EventPool` is closed, or made an ID twice.
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        soiree: &dyn Soiree,
        listener: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let listener = move |payload: &T, _: &dyn Event| listener(payload);
        self.on_with(soiree, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure that gets payload and event, with options.
    ///
    /// # Errors
    /// As [`on`](TypedPattern::on), and if the options make no sense.
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        soiree: &dyn Soiree,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(&T, &dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        subscribe(self.name, soiree, options.into(), listener)
    }
}

#[track_caller]
fn subscribe<T: Any, R: IntoListenerResult + 'static>(
    pattern: &str,
    soiree: &dyn Soiree,
    options: ListenerOptions,
    listener: impl Fn(&T, &dyn Event) -> R + Send + Sync + 'static,
) -> Result<ListenerId, SubscribeError> {
    soiree.on_with(pattern, options, move |event| -> Result<(), BoxError> {
        if let Some(returned) = event.with_payload(|payload| listener(payload, event)) {
            return returned.into_result();
        }
        // A topic of any payload at all is typed as well.
        let payload = event.payload();
        let any: &dyn Any = &payload;
        match any.downcast_ref() {
            Some(payload) => listener(payload, event).into_result(),
            None => Err(Box::new(WrongPayload {
                topic: event.topic().into(),
                expected: type_name::<T>(),
                found: payload.type_name(),
            })),
        }
    })
}

impl<T> Clone for TypedTopic<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for TypedTopic<T> {}

impl<T> Clone for TypedPattern<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for TypedPattern<T> {}

impl<T> fmt::Debug for TypedTopic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedTopic<{}>({:?})", type_name::<T>(), self.name)
    }
}

impl<T> fmt::Debug for TypedPattern<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedPattern<{}>({:?})", type_name::<T>(), self.name)
    }
}
