//! Topics and patterns with the type of their payload.

mod emit;
mod listen;
mod name;
mod receive;

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;

use soiree_core::{BoxError, Event};

pub use self::emit::TypedEmitError;

/// A topic whose events carry a `T`.
///
/// Emitting another type through it does not compile. A malformed name does not compile in a `const`. Somebody may still emit
/// another type on the same topic by its plain name: the closure is not called then, and the listener fails with
/// [`WrongPayload`].
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
/// assert!(report.errors()[0].to_string().contains("UserCreated was expected, and it carries u64"));
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

/// A pattern whose topics carry a `T`. For listening only.
///
/// A malformed pattern does not compile in a `const`. For an event that carries another type, the closure is not called and the
/// listener fails with [`WrongPayload`].
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
/// assert_eq!(CREATED.emit_sync(&soiree, "ann".into())?.delivered(), 1);
/// assert_eq!(DELETED.emit_sync(&soiree, "bob".into())?.delivered(), 1);
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

/// The error of a typed listener whose event carries another type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("on {topic} a {expected} was expected, and it carries {found}")]
#[non_exhaustive]
pub struct WrongPayload {
    /// The topic of the event.
    pub topic: Box<str>,
    /// The name of the listener's type.
    pub expected: &'static str,
    /// The name of the payload's type.
    pub found: &'static str,
}

impl WrongPayload {
    /// The error for an event that should carry a `T`.
    fn boxed<T>(event: &dyn Event) -> BoxError {
        Box::new(Self {
            topic: event.topic().into(),
            expected: type_name::<T>(),
            found: event.payload().type_name(),
        })
    }
}

impl<T: Any + Send + Sync> TypedTopic<T> {
    /// Makes a typed topic.
    ///
    /// # Panics
    /// If the name is not a valid topic. In a `const`, that is a compile error.
    pub const fn new(name: &'static str) -> Self {
        name::check(name, false);
        Self {
            name,
            payload: PhantomData,
        }
    }

    /// Returns the topic.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T: Any + Send + Sync> TypedPattern<T> {
    /// Makes a typed pattern.
    ///
    /// # Panics
    /// If the text is not a valid pattern. In a `const`, that is a compile error.
    pub const fn new(text: &'static str) -> Self {
        name::check(text, true);
        Self {
            name: text,
            payload: PhantomData,
        }
    }

    /// Returns the pattern.
    pub const fn as_str(&self) -> &'static str {
        self.name
    }
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
