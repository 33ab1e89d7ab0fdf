//! The second channel of a pool: the permits to be a worker, as many as the worker limit.

/// The right to be a worker. Held by each worker, and by each thread that is about to start one.
///
/// [`WorkerPermits::release`] gives it back; dropping it does not. Until then other threads may queue jobs for the new worker, so a
/// thread that cannot start it has to run these jobs itself.
#[must_use]
pub(crate) struct WorkerPermit(());

/// A semaphore of worker permits that also counts the idle workers.
///
/// Plain data without a lock of its own: [`State`](crate::state::State) says why.
pub(crate) struct WorkerPermits {
    limit: usize,
    /// Acquired permits. More than `limit` after the limit was lowered, until enough workers have exited.
    live: usize,
    /// Acquired permits without a job, those of workers that are still starting included.
    idle: usize,
}

impl WorkerPermits {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            live: 0,
            idle: 0,
        }
    }

    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    #[inline]
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    #[inline]
    pub(crate) fn idle(&self) -> usize {
        self.idle
    }

    #[inline]
    pub(crate) fn is_available(&self) -> bool {
        self.live < self.limit
    }

    /// Whether a worker has to exit because the limit was lowered.
    #[inline]
    pub(crate) fn is_over_limit(&self) -> bool {
        self.live > self.limit
    }

    /// Returns the old limit. Acquired permits stay valid; see [`is_over_limit`](Self::is_over_limit).
    pub(crate) fn set_limit(&mut self, limit: usize) -> usize {
        std::mem::replace(&mut self.limit, limit)
    }

    /// Acquires a permit unless the limit is reached. It counts as idle at once, so others may queue a job for the new worker
    /// before its thread runs.
    #[inline]
    pub(crate) fn try_acquire(&mut self) -> Option<WorkerPermit> {
        self.is_available().then(|| {
            self.live += 1;
            self.idle += 1;
            WorkerPermit(())
        })
    }

    /// Gives a permit back. The caller has [marked it busy](Self::mark_busy) before.
    pub(crate) fn release(&mut self, permit: WorkerPermit) {
        let WorkerPermit(()) = permit;
        self.live -= 1;
    }

    /// Stops counting a permit as idle: its worker has a job or is about to exit. Changes nothing unless it `was_idle`; that takes
    /// no branch, as every job passes here.
    #[inline]
    pub(crate) fn mark_busy(&mut self, was_idle: bool) {
        self.idle -= usize::from(was_idle);
    }

    /// Counts a permit as idle again: its worker has no job any more.
    #[inline]
    pub(crate) fn mark_idle(&mut self) {
        self.idle += 1;
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use super::*;

    fn counts(permits: &WorkerPermits) -> (usize, usize) {
        (permits.live(), permits.idle())
    }

    /// P2: no more permits are acquired than the limit, and a released one can be acquired again.
    #[test]
    fn no_permit_is_available_at_the_limit() {
        let mut permits = WorkerPermits::new(2);
        let first = permits.try_acquire().unwrap();
        let second = permits.try_acquire().unwrap();
        assert!(permits.try_acquire().is_none());
        assert_eq!(counts(&permits), (2, 2));
        permits.mark_busy(true);
        permits.release(first);
        assert_eq!(counts(&permits), (1, 1));
        assert!(permits.try_acquire().is_some());
        permits.mark_busy(true);
        permits.release(second);
        assert_eq!(counts(&permits), (1, 1));
    }

    /// P2: after the limit was lowered, permits above it are released before another one is available.
    #[test]
    fn a_lowered_limit_keeps_acquired_permits_valid() {
        let mut permits = WorkerPermits::new(3);
        let acquired: Vec<WorkerPermit> = (0..3).flat_map(|_| permits.try_acquire()).collect();
        assert_eq!(permits.set_limit(1), 3);
        for (released, permit) in (1..).zip(acquired) {
            assert!(permits.try_acquire().is_none());
            permits.mark_busy(true);
            permits.release(permit);
            assert_eq!(permits.is_over_limit(), released < 2);
        }
        assert!(permits.is_available());
    }
}
