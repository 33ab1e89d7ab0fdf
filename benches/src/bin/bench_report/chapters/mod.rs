//! What the report contains: workloads, comparisons and their targets.

mod async_callers;
mod builds;
mod callers_thread;
mod chapter;
mod pools;

pub(crate) use self::chapter::{Chapter, Group};

/// All chapters, in the order of the report.
pub(crate) fn chapters() -> Vec<Chapter> {
    vec![
        callers_thread::dispatch(),
        callers_thread::threads(),
        callers_thread::matching(),
        callers_thread::double_wildcards(),
        callers_thread::subscribing(),
        pools::emitting(),
        pools::waiting(),
        async_callers::emitting(),
        async_callers::receiving(),
        pools::tiny_jobs(),
        pools::idle_pool(),
        pools::at_rest(),
        builds::without_lto(),
        builds::with_mimalloc(),
    ]
}
