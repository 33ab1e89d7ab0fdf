//! What listeners do here, and proof that they did it.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

/// The topic of workloads that know only one.
pub(crate) const TOPIC: &str = "user.created";

/// An event as simple as can be.
pub(crate) struct PlainEvent<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a (dyn Any + Send + Sync),
}

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A listener as simple as can be.
pub(crate) type PlainListener = Arc<dyn Fn(&PlainEvent<'_>) -> Result<(), BoxError> + Send + Sync>;

/// A [`PlainListener`] that counts.
pub(crate) fn counting_listener() -> PlainListener {
    Arc::new(|event| {
        debug_assert!(!event.topic.is_empty() && event.payload.is::<u64>());
        count_call();
        Ok(())
    })
}

/// The same, and it looks at the payload.
pub(crate) fn reading_listener() -> PlainListener {
    Arc::new(|event| {
        let payload: &u64 = event.payload.downcast_ref().ok_or("it is a number")?;
        black_box(*payload);
        count_call();
        Ok(())
    })
}

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Counts a call of a listener, on this thread alone.
pub(crate) fn count_call() {
    CALLS.set(CALLS.get() + 1);
}

/// How many calls were counted on this thread.
pub(crate) fn calls() -> u64 {
    CALLS.get()
}
