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
/// | `in_order` | gives places to blocked submitters in any order, or does not count them in [`PoolStats::blocked`](soiree_core::PoolStats::blocked) |
/// | `requeue` | does not override [`requeue`](soiree_core::Pool::requeue), so that it rejects accepted work when it is full |
/// | `run_queued` | does not override [`run_queued`](soiree_core::Pool::run_queued) |
/// | `try_reserve` | does not override [`try_reserve`](soiree_core::Pool::try_reserve) |
/// | `reserve` | does not override [`reserve`](soiree_core::Pool::reserve), so that async emitters poll it |
/// | `is_closed` | does not override [`is_closed`](soiree_core::Pool::is_closed) |
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
/// # How long a hang may take
///
/// Say how long a test may make no progress before it fails, if 30 seconds are too long for you while you write the pool:
///
/// ```
/// # use soiree_pool::WorkerPool;
/// use std::time::Duration;
///
/// soiree_testkit::pool_conformance!(
///     WorkerPool,
///     |spec| -> WorkerPool { WorkerPool::new(spec.max_workers, spec.capacity).unwrap() },
///     without { idle_timeout: "its workers always stay for 10 seconds" },
///     stall_timeout: Duration::from_secs(5),
/// );
/// # fn main() {}
/// ```
///
/// # Panics
/// A test panics if the pool breaks the promise, or if the test makes no progress for 30 seconds or the `stall_timeout` that you set,
/// and for a tenth of that once another test of this pool has hung. The message then names the calls that have not returned, and the threads that hang are leaked. It
/// also says what the promise means, and which methods of the pool to look at:
///
/// | promise | means |
/// |---|---|
/// | P1 | the statistics count each accepted job exactly once |
/// | P2 | no more jobs run, and no more wait, than the limits say; a full queue does what the overflow policy says |
/// | P3 | each accepted job runs exactly once or is dropped; a rejected job comes back |
/// | P4 | a job may submit to its own pool, and wait for it, without a deadlock |
/// | P5 | `stop` drops what is queued, `release` runs it, until its deadline if it has one |
/// | P6 | a job with a deadline runs if it starts in time, and expires otherwise |
/// | P7 | idle workers leave, and a pool at rest uses no CPU |
/// | P8 | a thread that cannot be started is an error or a smaller pool, never a hang |
#[macro_export]
macro_rules! pool_conformance {
    ($pool:ty, $factory:expr $(,)?) => {
        $crate::pool_conformance!($pool, $factory, without {});
    };
    ($pool:ty, $factory:expr, stall_timeout: $timeout:expr $(,)?) => {
        $crate::pool_conformance!($pool, $factory, without {}, stall_timeout: $timeout);
    };
    ($pool:ty, $factory:expr, without {
        $($capability:ident : $reason:literal),* $(,)?
    } $(, stall_timeout: $timeout:expr)? $(,)?) => {
        $($crate::__pool_capability!($capability);)*

        #[cfg(test)]
        fn conformance_suite() -> &'static $crate::Conformance {
            // One for all tests, so that they know whether one of them has hung.
            static SUITE: ::std::sync::OnceLock<$crate::Conformance> =
                ::std::sync::OnceLock::new();
            SUITE.get_or_init(|| {
                $crate::Conformance::new::<$pool, _>($factory)$(.stall_timeout($timeout))?
            })
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
    (in_order) => {};
    (requeue) => {};
    (run_queued) => {};
    (try_reserve) => {};
    (reserve) => {};
    (is_closed) => {};
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
             in_order, requeue, run_queued, try_reserve, reserve, is_closed, discard, resize, idle_timeout, min_workers, idle_workers, worker_check, workers_end, spawn"
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
    ($case:tt [in_order $($needs:ident)*] { in_order: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [requeue $($needs:ident)*] { requeue: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [run_queued $($needs:ident)*] { run_queued: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [try_reserve $($needs:ident)*] { try_reserve: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [reserve $($needs:ident)*] { reserve: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [is_closed $($needs:ident)*] { is_closed: $reason:literal, $($rest:tt)* } $without:tt) => {
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
