//! Places in the queue of a pool that are kept for jobs to come.

use std::fmt;
use std::sync::{Arc, Weak};

use super::error::SubmitError;
use crate::job::Job;
use crate::panic::Contained;
use crate::rejection::SubmitErrorReason;

/// A place in the queue of a pool, kept for one job. See [`Pool::try_reserve`](crate::Pool::try_reserve).
///
/// - It counts towards the capacity like a waiting job, and [`PoolStats::reserved`](crate::PoolStats::reserved) counts it. It is no
///   job: neither `waiting` nor `submitted` count it, and the pool is idle with it.
/// - If it is dropped, the place goes to the first of those who wait for one, or else to the next job.
/// - It does not keep the pool alive. A pool that is closed keeps no places, and does not wait for reservations.
///
/// ```
/// # use soiree_bounded::{BoundedPool, Executor, Permit};
/// # use soiree_core::{Job, Pool, PoolOptions};
/// # use std::{io, thread};
/// # struct ThreadPerJob;
/// # impl Executor for ThreadPerJob {
/// #     fn execute(&self, permit: Permit) -> io::Result<()> {
/// #         thread::Builder::new().spawn(|| permit.run()).map(drop)
/// #     }
/// # }
/// let pool = BoundedPool::new(ThreadPerJob, PoolOptions::new(1, 1))?;
/// let place = pool.try_reserve()?;
/// assert_eq!(pool.stats().reserved, 1);
/// assert!(pool.try_reserve().is_err(), "the queue has one place");
/// place.submit(Job::new(|| println!("not rejected")))?;
/// pool.release();
/// assert_eq!(pool.stats().successful, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it gives the place back"]
pub struct Reservation(Contained<Box<dyn ReservedPlace>>);

/// What a [`Reservation`] stands for. For pools that wrap another one, and wrap its jobs.
///
/// Its `Drop` gives the place back, unless a job has used it. It must not keep the pool alive: work that the pool has queued may
/// hold it.
pub trait ReservedPlace: Send + Sync {
    /// Submits a job that uses the place. Never blocks.
    ///
    /// # Errors
    /// As of [`Reservation::submit`].
    fn submit(self: Box<Self>, job: Job) -> Result<(), SubmitError>;
}

impl Reservation {
    /// A reservation of a place that this pool has started to keep. For implementors of pools. Holds the pool weakly.
    pub fn kept_by(pool: &Arc<impl KeepsPlaces + 'static>) -> Self {
        let pool = Some(Arc::downgrade(pool));
        Self::new(KeptPlace { pool })
    }

    /// A reservation of this place. For implementors of pools.
    pub fn new(place: impl ReservedPlace + 'static) -> Self {
        Self(Contained::new(Box::new(place)))
    }

    /// Submits a job that uses the place. Never blocks, and never rejects the job because the queue is full.
    ///
    /// # Errors
    /// - `Closed`: the pool is closed.
    /// - `Spawn`: the pool has no worker, and could not start one.
    ///
    /// The error contains the job. The place is given back.
    pub fn submit(self, job: Job) -> Result<(), SubmitError> {
        self.0.into_inner().submit(job)
    }
}

/// The part of a pool that its reservations refer to. For implementors of pools. Exactly one method is called for each reservation, once.
pub trait KeepsPlaces: Send + Sync {
    /// Submits a job that uses a place. Must not reject it because the queue is full.
    ///
    /// # Errors
    /// As of [`Reservation::submit`].
    fn submit_reserved(self: Arc<Self>, job: Job) -> Result<(), SubmitError>;

    /// Gives a place back: to the first of those who wait for one, if there are any.
    fn give_back(self: Arc<Self>);
}

struct KeptPlace<P: KeepsPlaces> {
    /// `None` once it was used or given back.
    pool: Option<Weak<P>>,
}

impl<P: KeepsPlaces> KeptPlace<P> {
    fn take(&mut self) -> Option<Arc<P>> {
        self.pool.take()?.upgrade()
    }
}

impl<P: KeepsPlaces> ReservedPlace for KeptPlace<P> {
    fn submit(mut self: Box<Self>, job: Job) -> Result<(), SubmitError> {
        match self.take() {
            Some(pool) => pool.submit_reserved(job),
            None => Err(SubmitError::new(job, SubmitErrorReason::Closed)),
        }
    }
}

impl<P: KeepsPlaces> Drop for KeptPlace<P> {
    fn drop(&mut self) {
        if let Some(pool) = self.take() {
            pool.give_back();
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").finish_non_exhaustive()
    }
}
