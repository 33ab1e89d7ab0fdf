//! The macro that makes a test of each case.

/// Makes one `#[test]` for each clause of what a [`Pool`](soiree_core::Pool) promises.
///
/// Call it in a test file of the crate that implements the pool. It takes the pool's type and a closure that makes the pool
/// that a [`PoolSpec`](crate::PoolSpec) describes:
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
/// The tests are generated where the macro is called. To test several pools in one file, call it in one module for each.
/// Each test has the name of its [`Case`](crate::Case), which starts with the number of the promise.
///
/// # Pools that lack a capability
///
/// List what your pool cannot do, each with a reason. The tests that need it are then ignored with that reason; they never
/// count as passed:
///
/// ```
/// # use soiree_pool::WorkerPool;
/// soiree_testkit::pool_conformance!(
///     WorkerPool,
///     |spec| -> WorkerPool { WorkerPool::new(spec.max_workers, spec.capacity).unwrap() },
///     without {
///         idle_timeout: "its workers always stay for 10 seconds",
///         min_workers: "no worker stays for longer",
///         overflow: "it always blocks when full",
///         spawn: "it starts its threads itself",
///     }
/// );
/// # fn main() {}
/// ```
///
/// | capability | a pool without it |
/// |---|---|
/// | `bounded_queue` | has an unbounded queue |
/// | `block` | rejects in `submit` when it is full, instead of blocking the submitter |
/// | `direct_handoff` | cannot have a capacity of 0 |
/// | `overflow` | cannot be given an [`Overflow`](soiree_core::Overflow) policy |
/// | `drop_oldest` | cannot drop the oldest queued job to make room |
/// | `discard` | cannot drop queued jobs, so a stop runs them |
/// | `resize` | has a fixed number of workers |
/// | `idle_timeout` | has workers that stay, or that leave at a time it cannot choose |
/// | `min_workers` | cannot choose how many idle workers stay |
/// | `idle_workers` | does not know which workers are idle |
/// | `worker_check` | has no [`worker_check`](soiree_core::Pool::worker_check) |
/// | `workers_end` | runs on threads that it does not own and that outlive it |
/// | `spawn` | cannot choose how its threads are started, so that a failure to start one cannot be tested |
///
/// Any other name is a compile error:
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
/// A test panics if the pool breaks the promise, or if the test makes no progress for a minute. The message then names the
/// calls that have not returned, and the threads that hang are leaked.
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

/// Fails to compile for a name that is no capability.
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
            "` is no capability of a pool; the capabilities are bounded_queue, block, direct_handoff, overflow, drop_oldest, \
             discard, resize, idle_timeout, min_workers, idle_workers, worker_check, workers_end, spawn"
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

/// Makes a test of one case: `[attributes name] [needs] {rest of the list to search} {the whole list}`.
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

/// Makes a test that is ignored for a reason.
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
