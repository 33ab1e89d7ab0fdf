//! The macro that makes tests of the cases.

/// Tests that a pool keeps the promises of [`Pool`](soiree_core::Pool): one `#[test]` for each clause.
///
/// Takes the pool's type, and a closure that makes a pool as a [`PoolSpec`](crate::PoolSpec) asks for:
///
/// ```
/// use soiree_pool::WorkerPool;
///
/// soiree_testkit::pool_conformance!(WorkerPool, |spec| -> WorkerPool {
///     let builder = WorkerPool::builder()
///         .min_workers(spec.min_workers)
///         .max_workers(spec.max_workers)
///         .capacity(spec.capacity)
///         .idle_timeout(spec.idle_timeout)
///         .overflow(spec.overflow);
///     match spec.spawn {
///         Some(spawn) => builder.spawn_handler(move |thread, body| spawn(thread, body)),
///         None => builder,
///     }
///     .build()
///     .unwrap()
/// });
/// # fn main() {}
/// ```
///
/// The tests stand where the macro is called. To test several pools in one file, call it once in a module for each.
///
/// # What a pool cannot do
///
/// Say so, and why. The tests that need it are then shown as ignored for that reason, never as passed:
///
/// ```
/// # use soiree_pool::WorkerPool;
/// soiree_testkit::pool_conformance!(
///     WorkerPool,
///     |spec| -> WorkerPool { WorkerPool::new(spec.max_workers, spec.capacity).unwrap() },
///     without {
///         idle_timeout: "its workers stay for 10 seconds",
///         min_workers: "none stay for longer",
///         overflow: "it blocks when full",
///         spawn: "it starts its threads itself",
///     }
/// );
/// # fn main() {}
/// ```
///
/// | capability | a pool without it |
/// |---|---|
/// | `bounded_queue` | has a queue without an end |
/// | `block` | refuses in `submit` when it is full, rather than to hold the submitter back |
/// | `direct_handoff` | cannot have a capacity of 0 |
/// | `overflow` | knows no [`Overflow`](soiree_core::Overflow) policies but its own |
/// | `drop_oldest` | cannot make place by dropping the oldest job |
/// | `discard` | cannot drop what it has queued, so that a stop runs it |
/// | `resize` | has the workers that it was made with |
/// | `idle_timeout` | has workers that stay, or that cannot be told when to leave |
/// | `min_workers` | cannot be told how many workers are to stay |
/// | `idle_workers` | does not know which workers are idle |
/// | `worker_check` | has no [`worker_check`](soiree_core::Pool::worker_check) |
/// | `workers_end` | runs on threads of others, which outlive it |
/// | `spawn` | cannot be told how threads are started, so that their failure cannot be tested |
///
/// Any other word does not compile:
///
/// ```compile_fail
/// # use soiree_pool::WorkerPool;
/// soiree_testkit::pool_conformance!(
///     WorkerPool,
///     |spec| -> WorkerPool { WorkerPool::new(spec.max_workers, spec.capacity).unwrap() },
///     without { speed: "it is slow" }
/// );
/// # fn main() {}
/// ```
///
/// # Panics
/// A test panics if the promise is broken. One that makes no progress for a minute fails and says what it waited for; the
/// thread that hangs is left behind.
#[macro_export]
macro_rules! pool_conformance {
    ($pool:ty, $factory:expr $(,)?) => {
        $crate::pool_conformance!($pool, $factory, without {});
    };
    ($pool:ty, $factory:expr, without {
        $($capability:ident : $reason:literal),* $(,)?
    } $(,)?) => {
        $($crate::__pool_capability!($capability);)*

        #[cfg(test)]
        fn conformance_suite() -> $crate::Conformance {
            $crate::Conformance::new::<$pool, _>($factory)
        }

        $crate::__pool_cases!([$crate::__pool_tests] { $($capability: $reason,)* });
    };
}

/// Refuses words that are no capabilities.
#[doc(hidden)]
#[macro_export]
macro_rules! __pool_capability {
    (bounded_queue) => {};
    (block) => {};
    (direct_handoff) => {};
    (overflow) => {};
    (drop_oldest) => {};
    (discard) => {};
    (resize) => {};
    (idle_timeout) => {};
    (min_workers) => {};
    (idle_workers) => {};
    (worker_check) => {};
    (workers_end) => {};
    (spawn) => {};
    ($other:ident) => {
        ::std::compile_error!(::std::concat!(
            "`",
            ::std::stringify!($other),
            "` is no capability of a pool; the capabilities are bounded_queue, block, direct_handoff, overflow, drop_oldest, discard, \
             resize, idle_timeout, min_workers, idle_workers, worker_check, workers_end, spawn"
        ));
    };
}

/// Makes a test of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __pool_tests {
    ($without:tt $($module:ident {
        $($(#[$attribute:meta])* $name:ident $needs:tt;)*
    })*) => {
        $($($crate::__pool_test! { [$(#[$attribute])* $name] $needs $without $without })*)*
    };
}

/// Makes a test of one case: `[attributes name] [needs] {what of the list is yet to be looked at} {the whole list}`.
#[doc(hidden)]
#[macro_export]
macro_rules! __pool_test {
    ([$(#[$attribute:meta])* $name:ident] [] $rest:tt $without:tt) => {
        $(#[$attribute])*
        #[test]
        fn $name() {
            conformance_suite().assert(::std::stringify!($name));
        }
    };
    ($case:tt [bounded_queue $($needs:ident)*] { bounded_queue: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [block $($needs:ident)*] { block: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [direct_handoff $($needs:ident)*] { direct_handoff: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [overflow $($needs:ident)*] { overflow: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [drop_oldest $($needs:ident)*] { drop_oldest: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [discard $($needs:ident)*] { discard: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [resize $($needs:ident)*] { resize: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [idle_timeout $($needs:ident)*] { idle_timeout: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [min_workers $($needs:ident)*] { min_workers: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [idle_workers $($needs:ident)*] { idle_workers: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [worker_check $($needs:ident)*] { worker_check: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [workers_end $($needs:ident)*] { workers_end: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [spawn $($needs:ident)*] { spawn: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt $needs:tt { $capability:ident: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test! { $case $needs { $($rest)* } $without }
    };
    ($case:tt [$need:ident $($needs:ident)*] {} $without:tt) => {
        $crate::__pool_test! { $case [$($needs)*] $without $without }
    };
}

/// Makes a test that is shown as ignored.
#[doc(hidden)]
#[macro_export]
macro_rules! __pool_test_ignored {
    ([$(#[$attribute:meta])* $name:ident] $reason:literal) => {
        #[test]
        #[ignore = $reason]
        fn $name() {
            conformance_suite().assert(::std::stringify!($name));
        }
    };
}
