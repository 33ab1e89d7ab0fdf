//! Listeners that count their calls, so that every workload can check that all of them were called.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

/// The topic of all workloads that use a single one.
pub(crate) const TOPIC: &str = "user.created";

/// The event of the minimal implementations.
pub(crate) struct PlainEvent<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a (dyn Any + Send + Sync),
}

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// The listener of the minimal implementations.
pub(crate) type PlainListener = Arc<dyn Fn(&PlainEvent<'_>) -> Result<(), BoxError> + Send + Sync>;

/// A listener that counts its calls.
pub(crate) fn counting_listener() -> PlainListener {
    Arc::new(|event| {
        debug_assert!(!event.topic.is_empty() && event.payload.is::<u64>());
        count_call();
        Ok(())
    })
}

/// A listener that reads the payload and counts its calls.
pub(crate) fn reading_listener() -> PlainListener {
    Arc::new(|event| {
        let payload: &u64 = event
            .payload
            .downcast_ref()
            .ok_or("the payload is no u64")?;
        black_box(*payload);
        count_call();
        Ok(())
    })
}

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Counts a listener call on this thread.
#[inline]
pub(crate) fn count_call() {
    CALLS.with(|calls| calls.set(calls.get() + 1));
}

/// The number of listener calls on this thread so far.
pub(crate) fn calls() -> u64 {
    CALLS.get()
}
