//! Pools that notify an observer, without an `EventPool`.

use std::sync::Arc;
use std::time::Instant;

use super::job::reclaim;
use super::{Observer, Observers};
use crate::job::{Job, JobId, JobOutcome};
use crate::pool::{
    DrainTimeout, Pool, Reservation, Reserve, ReservedPlace, ResizeError, SubmitError, WorkerCheck,
};
use crate::rejection::SubmitErrorReason;
use crate::stats::PoolStats;

/// A pool that notifies an observer of every job that is submitted through it.
///
/// Use it for pools that the program submits jobs to itself. An `EventPool` already notifies its observers of its own jobs. If
/// such a pool is observed in both ways, each job is notified twice, under the pool's name in each place.
///
/// ```
/// use soiree_core::{JobEnded, ObservedPool, Observer, Pool};
/// # use soiree_bounded::{BoundedPool, Executor, Permit};
/// # use soiree_core::PoolOptions;
/// # use std::{io, thread};
/// # struct ThreadPerJob;
/// # impl Executor for ThreadPerJob {
/// #     fn execute(&self, permit: Permit) -> io::Result<()> {
/// #         thread::Builder::new().spawn(|| permit.run()).map(drop)
/// #     }
/// # }
/// # let some_pool = BoundedPool::new(ThreadPerJob, PoolOptions::new(2, 100))?;
///
/// struct Waits;
///
/// impl Observer for Waits {
///     fn job_ended(&self, ended: &JobEnded<'_>) {
///         println!("{}: waited {:?}, ran {:?}", ended.pool, ended.waited, ended.run_time);
///     }
/// }
///
/// let pool = ObservedPool::new(some_pool, "mail", Waits);
/// pool.submit((|| println!("sent")).into())?;
/// pool.release();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ObservedPool<P> {
    pool: P,
    name: Arc<str>,
    observers: Observers,
}

impl<P: Pool> ObservedPool<P> {
    /// Wraps a pool. `name` is what the observer sees as its name.
    pub fn new(pool: P, name: impl Into<Arc<str>>, observer: impl Observer + 'static) -> Self {
        let mut observers = Observers::none();
        observers.add(Arc::new(observer));
        Self {
            pool,
            name: name.into(),
            observers,
        }
    }

    /// The wrapped pool. Jobs that are submitted to it directly are not observed.
    pub fn pool(&self) -> &P {
        &self.pool
    }

    fn offer<R>(
        &self,
        job: Job,
        submit: impl FnOnce(Job) -> Result<R, SubmitError>,
    ) -> Result<R, SubmitError> {
        submit(self.observers.offer(job, &self.name, || ())).map_err(reclaim)
    }
}

/// A place in an observed pool.
struct ObservedPlace {
    place: Reservation,
    name: Arc<str>,
    observers: Observers,
}

impl ObservedPlace {
    fn reserve(place: Reservation, name: &Arc<str>, observers: &Observers) -> Reservation {
        let (name, observers) = (Arc::clone(name), observers.clone());
        Reservation::new(Self {
            place,
            name,
            observers,
        })
    }
}

impl ReservedPlace for ObservedPlace {
    fn submit(self: Box<Self>, job: Job) -> Result<(), SubmitError> {
        let Self {
            place,
            name,
            observers,
        } = *self;
        let submitted = place.submit(observers.offer(job, &name, || ()));
        submitted.map_err(reclaim)
    }
}

impl<P: Pool> Pool for ObservedPool<P> {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.offer(job, |job| self.pool.submit(job))
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.offer(job, |job| self.pool.try_submit(job))
    }

    fn submit_now(&self, job: Job) -> Result<(), SubmitError> {
        self.offer(job, |job| self.pool.submit_now(job))
    }

    fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        self.offer(job, |job| self.pool.requeue(job))
    }

    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        let place = self.pool.try_reserve()?;
        Ok(ObservedPlace::reserve(place, &self.name, &self.observers))
    }

    fn reserves_places(&self) -> bool {
        self.pool.reserves_places()
    }

    fn reserve(&self) -> Option<Reserve> {
        let reserve = self.pool.reserve()?;
        let timeout = reserve.timeout();
        let (name, observers) = (Arc::clone(&self.name), self.observers.clone());
        let observed = Reserve::new(async move {
            let place = reserve.await?;
            Ok(ObservedPlace::reserve(place, &name, &observers))
        });
        Some(match timeout {
            Some(timeout) => observed.with_timeout(timeout),
            None => observed,
        })
    }

    fn run_queued(&self, id: JobId) -> bool {
        self.pool.run_queued(id)
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.offer(job, |job| self.pool.run_inline(job))
    }

    fn stop(&self) {
        self.pool.stop();
    }

    fn stop_and_take_jobs(&self) -> Vec<Job> {
        self.pool.stop_and_take_jobs()
    }

    fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    fn wait_idle(&self, deadline: Instant) -> bool {
        self.pool.wait_idle(deadline)
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.pool.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    fn on_worker(&self) -> bool {
        self.pool.on_worker()
    }

    fn wait_would_deadlock(&self) -> bool {
        self.pool.wait_would_deadlock()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        self.pool.worker_check()
    }

    fn polls_futures(&self) -> bool {
        self.pool.polls_futures()
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        let from = self.pool.stats().max_workers;
        self.pool.resize(max_workers)?;
        self.observers.resized(&self.name, from, max_workers);
        Ok(())
    }
}
