//! Pools: for those who configure one in detail, call one directly, or write one.
//!
//! The pools themselves are in the crate root: `WorkerPool`, `PondPool`, `RayonPool`, `TokioPool` and `TaskPool`, each behind
//! the feature of [its row](crate#features). The guides [choose](crate::guide::choosing_a_pool) a pool and
//! [write](crate::guide::writing_a_pool) one.
//!
//! | for | names |
//! |---|---|
//! | every pool | [`Pool`], [`ResizeError`], [`DrainTimeout`], [`ReleaseFuture`] |
//! | places in a queue | [`Reserve`], [`Reservation`], [`ReservedPlace`] |
//! | submitting to a pool | [`Job`], [`Task`], [`JobFuture`], [`JobId`], [`JobOutcome`], [`EndedJob`], [`PanicPayload`]; [`SubmitError`], [`SubmitErrorReason`], [`WaitError`] |
//! | options | [`PoolOptions`], [`InvalidPoolOptions`], [`PoolPanicHandler`], [`MAX_WORKERS`], [`MAX_CAPACITY`], [`MAX_INLINE_DEPTH`] |
//! | `WorkerPool` (feature `pool`) | `WorkerPoolBuilder`, `BuildError`; when to start a worker: `Strategy` over a `Load`, `Eager`, `Balanced`, `Lazy` |
//! | `PondPool`, `RayonPool` | `PondError` (feature `pond`), `RayonError` (feature `rayon`) |
//! | a pool over threads of your own | [`BoundedPool`], [`Executor`], [`Permit`], [`StartedJob`], [`delegate_pool!`] |
//! | a pool by hand | [`WorkerContext`], [`WorkerGuard`], [`WorkerCheck`], [`TaskTracker`], [`ObservedJob`], [`KeepsPlaces`], [`ReservedPlace`] |
//! | timers | [`Timer`], [`TimerId`], [`TimerError`] |

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc(inline)]
pub use soiree_pool::{Balanced, BuildError, Eager, Lazy, Load, Strategy, WorkerPoolBuilder};

#[cfg(feature = "pond")]
#[cfg_attr(docsrs, doc(cfg(feature = "pond")))]
#[doc(inline)]
pub use soiree_pond::PondError;

#[cfg(feature = "rayon")]
#[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
#[doc(inline)]
pub use soiree_rayon::RayonError;

#[doc(inline)]
pub use soiree_bounded::{BoundedPool, Executor, Permit, StartedJob};

#[doc(inline)]
pub use soiree_core::{
    DrainTimeout, EndedJob, InvalidPoolOptions, Job, JobFuture, JobId, JobOutcome, KeepsPlaces,
    MAX_CAPACITY, MAX_INLINE_DEPTH, MAX_WORKERS, ObservedJob, PanicPayload, Pool, PoolOptions,
    PoolPanicHandler, ReleaseFuture, Reservation, Reserve, ReservedPlace, ResizeError, SubmitError,
    SubmitErrorReason, Task, Timer, TimerError, TimerId, WaitError, WorkerCheck, WorkerContext,
    WorkerGuard, delegate_pool,
};

#[doc(inline)]
pub use soiree_engine::TaskTracker;
