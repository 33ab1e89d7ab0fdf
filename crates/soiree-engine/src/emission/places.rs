//! Places that an emission has reserved in the pools of listeners that require one.

use std::sync::Arc;

use soiree_core::panic::caught;
use soiree_core::registry::{Registration, Snapshot, Visitor};
use soiree_core::{Job, Reservation, SubmitError, SubmitErrorReason};

use super::pool_ref::PoolRef;
use super::pools::Pools;

/// The places that the listeners of an emission need. Holds no listener, as its drop is user code.
#[derive(Default)]
pub(crate) struct NeededPlaces(Vec<NeededPlace>);

struct NeededPlace {
    rank: u64,
    pool: Arc<str>,
    is_async: bool,
}

impl NeededPlaces {
    /// Adds the place of a listener, if it requires one.
    pub(crate) fn add(&mut self, registration: &Registration) {
        let pool = registration.pool();
        if let Some(pool) = pool.filter(|_| registration.requires_place()) {
            self.0.push(NeededPlace {
                rank: registration.rank(),
                pool: Arc::clone(pool),
                is_async: registration.is_async(),
            });
        }
    }

    /// Reserves all of them, or none. A listener that is not async needs none if its pool is closed or gone, or `is_own`: it runs like
    /// any other listener then.
    pub(crate) fn reserve(
        self,
        pools: &Pools,
        is_own: impl Fn(&Arc<PoolRef>) -> bool,
    ) -> Result<Places, NoPlace> {
        let mut places = Places::default();
        for NeededPlace {
            rank,
            pool,
            is_async,
        } in self.0
        {
            let pool_ref = pools.get(&pool);
            if !is_async && pool_ref.is_some_and(&is_own) {
                continue;
            }
            match pool_ref.map_or(Err(SubmitErrorReason::Closed), try_reserve) {
                Ok(place) => places.0.push((rank, place)),
                Err(SubmitErrorReason::Closed) if !is_async => {}
                Err(reason) => return Err(NoPlace { pool, reason }),
            }
        }
        Ok(places)
    }
}

fn try_reserve(pool_ref: &Arc<PoolRef>) -> Result<Place, SubmitErrorReason> {
    let pool = pool_ref.upgrade().ok_or(SubmitErrorReason::Closed)?;
    let reserved = caught(|| pool.try_reserve());
    let reservation = reserved
        .unwrap_or_else(|panic| Err(SubmitErrorReason::Other(panic.message().to_owned().into())))?;
    Ok(Place {
        pool_ref: Arc::clone(pool_ref),
        reservation,
    })
}

impl Visitor for NeededPlaces {
    fn visit<'e>(
        &mut self,
        registrations: impl Iterator<Item = &'e Arc<Registration>>,
        _: &Arc<Snapshot>,
    ) {
        registrations.for_each(|registration| self.add(registration));
    }
}

/// The pool that has no place, and why.
pub(crate) struct NoPlace {
    pub(crate) pool: Arc<str>,
    pub(crate) reason: SubmitErrorReason,
}

/// Reserved places, by the ranks of the listeners that need them. Dropping them gives them back, which is user code.
#[derive(Default)]
pub(crate) struct Places(Vec<(u64, Place)>);

impl Places {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, registration: &Registration) -> Option<Place> {
        let index = self
            .0
            .iter()
            .position(|(rank, _)| *rank == registration.rank())?;
        Some(self.0.swap_remove(index).1)
    }
}

/// A reserved place.
pub(super) struct Place {
    pool_ref: Arc<PoolRef>,
    reservation: Reservation,
}

impl Place {
    pub(super) fn is_in(&self, pool_ref: &Arc<PoolRef>) -> bool {
        Arc::ptr_eq(&self.pool_ref, pool_ref)
    }

    pub(super) fn submit(self, job: Job) -> Result<(), SubmitError> {
        self.reservation.submit(job)
    }
}
