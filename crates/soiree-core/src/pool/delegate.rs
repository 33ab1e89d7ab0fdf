//! Pools that wrap another pool.

/// Implements [`Pool`](crate::Pool) for a type by delegating to a field. Adds methods that accept closures as jobs.
///
/// ```
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Permit};
/// use soiree_core::{Pool, PoolOptions};
///
/// /// Starts a thread for each job.
/// struct ThreadPerJob;
///
/// impl Executor for ThreadPerJob {
///     fn execute(&self, permit: Permit) -> io::Result<()> {
///         thread::Builder::new().spawn(|| permit.run()).map(drop)
///     }
/// }
///
/// struct MyPool {
///     inner: BoundedPool<ThreadPerJob>,
/// }
///
/// soiree_core::delegate_pool!(MyPool, inner);
///
/// let pool = MyPool { inner: BoundedPool::new(ThreadPerJob, PoolOptions::new(2, 100))? };
/// pool.submit_and_wait(|| println!("on a thread of its own"))?;
/// pool.release();
/// assert_eq!(pool.stats().successful, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! delegate_pool {
    ($pool:ty, $field:ident) => {
        impl $crate::Pool for $pool {
            fn submit(&self, job: $crate::Job) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::submit(&self.$field, job)
            }

            fn try_submit(
                &self,
                job: $crate::Job,
            ) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::try_submit(&self.$field, job)
            }

            fn submit_now(
                &self,
                job: $crate::Job,
            ) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::submit_now(&self.$field, job)
            }

            fn requeue(&self, job: $crate::Job) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::requeue(&self.$field, job)
            }

            fn reserve(&self) -> ::std::option::Option<$crate::Reserve> {
                $crate::Pool::reserve(&self.$field)
            }

            fn run_queued(&self, id: $crate::JobId) -> bool {
                $crate::Pool::run_queued(&self.$field, id)
            }

            fn try_reserve(
                &self,
            ) -> ::std::result::Result<$crate::Reservation, $crate::SubmitErrorReason> {
                $crate::Pool::try_reserve(&self.$field)
            }

            fn reserves_places(&self) -> bool {
                $crate::Pool::reserves_places(&self.$field)
            }

            fn stop(&self) {
                $crate::Pool::stop(&self.$field);
            }

            fn stop_and_take_jobs(&self) -> ::std::vec::Vec<$crate::Job> {
                $crate::Pool::stop_and_take_jobs(&self.$field)
            }

            fn is_closed(&self) -> bool {
                $crate::Pool::is_closed(&self.$field)
            }

            fn wait_idle(&self, deadline: ::std::time::Instant) -> bool {
                $crate::Pool::wait_idle(&self.$field, deadline)
            }

            fn release_with_deadline(
                &self,
                deadline: ::std::time::Instant,
            ) -> ::std::result::Result<(), $crate::DrainTimeout> {
                $crate::Pool::release_with_deadline(&self.$field, deadline)
            }

            fn stats(&self) -> $crate::PoolStats {
                $crate::Pool::stats(&self.$field)
            }

            fn on_worker(&self) -> bool {
                $crate::Pool::on_worker(&self.$field)
            }

            fn wait_would_deadlock(&self) -> bool {
                $crate::Pool::wait_would_deadlock(&self.$field)
            }

            fn worker_check(&self) -> ::std::option::Option<$crate::WorkerCheck> {
                $crate::Pool::worker_check(&self.$field)
            }

            fn run_inline(
                &self,
                job: $crate::Job,
            ) -> ::std::result::Result<$crate::JobOutcome, $crate::SubmitError> {
                $crate::Pool::run_inline(&self.$field, job)
            }

            fn polls_futures(&self) -> bool {
                $crate::Pool::polls_futures(&self.$field)
            }

            fn resize(&self, max_workers: usize) -> ::std::result::Result<(), $crate::ResizeError> {
                $crate::Pool::resize(&self.$field, max_workers)
            }
        }

        impl $pool {
            /// Submits a job. If the queue is full, does what the overflow policy says, such as blocking.
            ///
            /// On a worker of the pool this does not block. Where it would, the job runs inline, before this returns.
            ///
            /// # Errors
            /// If the pool rejects the job. The error contains the job.
            pub fn submit(
                &self,
                job: impl ::std::convert::Into<$crate::Job>,
            ) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::submit(&self.$field, job.into())
            }

            /// Submits a job if the pool can accept it at once. Never blocks, and never runs the job inline.
            ///
            /// # Errors
            /// If the pool rejects the job. The error contains the job.
            pub fn try_submit(
                &self,
                job: impl ::std::convert::Into<$crate::Job>,
            ) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::try_submit(&self.$field, job.into())
            }

            /// Submits a job, and blocks until it has ended and is counted. On a worker of the pool, the job runs inline instead.
            ///
            /// # Errors
            /// If the job was rejected, panicked, or was dropped before its end.
            pub fn submit_and_wait(
                &self,
                job: impl ::std::convert::Into<$crate::Job>,
            ) -> ::std::result::Result<(), $crate::WaitError> {
                $crate::Pool::submit_and_wait(&self.$field, job.into())
            }

            /// Submits a job that is dropped, and counted as expired, if it has not started by `deadline`.
            ///
            /// # Errors
            /// As `submit`.
            pub fn submit_before(
                &self,
                job: impl ::std::convert::Into<$crate::Job>,
                deadline: ::std::time::Instant,
            ) -> ::std::result::Result<(), $crate::SubmitError> {
                $crate::Pool::submit_before(&self.$field, job.into(), deadline)
            }
        }
    };
}
