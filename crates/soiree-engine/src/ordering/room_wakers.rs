//! The tasks that wait for room behind the events of a key.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use soiree_core::panic::Contained;

/// Tasks that wait for room. Each has a number.
#[derive(Default)]
pub(super) struct RoomWakers(Mutex<Wakers>);

#[derive(Default)]
struct Wakers {
    wakers: BTreeMap<u64, Option<Contained<Waker>>>,
    last: u64,
}

impl RoomWakers {
    fn with<R>(&self, act: impl FnOnce(&mut Wakers) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add(&self) -> u64 {
        self.with(|state| {
            state.last += 1;
            state.wakers.insert(state.last, None);
            state.last
        })
    }

    pub(super) fn set(&self, number: u64, waker: &Waker) {
        let waker = Some(Contained::new(waker.clone()));
        let former = self.with(|state| state.wakers.insert(number, waker));
        drop(former);
    }

    pub(super) fn remove(&self, number: u64) {
        let former = self.with(|state| state.wakers.remove(&number));
        drop(former);
    }

    pub(super) fn wake_all(&self) {
        let wakers: Vec<_> = self.with(|state| {
            let wakers = state.wakers.values_mut();
            wakers.filter_map(Option::take).collect()
        });
        for waker in wakers {
            waker.wake();
        }
    }
}
