//! Closing an event pool while work waits.

use std::time::{Duration, Instant};

use shuttle::sync::Mutex;
use shuttle::sync::mpsc::channel;
use shuttle::thread;
use soiree_engine::CloseError;
use soiree_testkit::model::{Threads, explore};

use crate::ledger::{Sums, id_of};
use crate::pools::{KINDS, Kind, workers};
use crate::world::{SOME, World, one_of, pause, retried};

impl World {
    /// A pool with one thread. Its listener fails at first with some events, and emits another event for each of the others, which has to be
    /// accepted if `must_accept`.
    fn with_follow_ups(must_accept: bool) -> Self {
        let pool = one_of(&KINDS).owned(workers(1, one_of(&[0, 1, 2])));
        let world = Self::new(|builder| builder.pool(pool));
        world.listen("b", retried(), 1);
        let weak = world.soiree.downgrade();
        let (ledger, timer) = (world.ledger.clone(), world.timer.clone());
        world.listen_and("a", retried(), one_of(&[1, 3]), move |event| {
            let id = id_of(event);
            if id % 2 == 0 {
                let soiree = weak.upgrade().unwrap();
                let inner = Self {
                    soiree,
                    timer: timer.clone(),
                    ledger: ledger.clone(),
                };
                let emission = inner.emit("b", 100 + id + one_of(&[0, 1]));
                assert!(emission.is_some() || !must_accept);
            }
        });
        world
    }

    /// Closes with a deadline that has passed or may pass at any moment, and asserts that the numbers of the error add up.
    pub(crate) fn close_in_time(&self) -> Option<CloseError> {
        let deadline = Instant::now() + one_of(&[Duration::ZERO, SOME]);
        let error = self.soiree.close_with_deadline(deadline).err()?;
        let CloseError::DrainTimeout {
            emissions,
            running,
            discarded,
            retries_given_up,
            ended,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        let sum = running + discarded + retries_given_up + ended;
        assert_eq!(*emissions, sum, "{error}");
        let unended = self.ledger.unended() as u64;
        assert!(unended <= *running, "{unended}: {error:?}");
        Some(error)
    }

    /// Waits until the calls have returned that ran at the deadline.
    pub(crate) fn wait_for_workers(&self) {
        while self.soiree.stats().active > 0 {
            thread::yield_now();
        }
    }
}

/// Asserts that the numbers of the error are among those that the ledger knows.
pub(crate) fn assert_told(error: &CloseError, sums: &Sums) {
    let CloseError::DrainTimeout {
        emissions,
        discarded,
        retries_given_up,
        ..
    } = error
    else {
        panic!("{error}");
    };
    let context = format!("{error:?}: {sums:?}");
    // An emit that blocked until the pool was released has returned an error.
    let unaccepted = (*discarded as usize).checked_sub(sums.discarded);
    assert!(
        unaccepted.is_some_and(|emits| emits <= sums.rejected),
        "{context}"
    );
    assert!(
        *retries_given_up as usize <= sums.failed + sums.timed_out,
        "{context}"
    );
    assert!(
        *emissions as usize <= sums.accepted() + sums.rejected,
        "{context}"
    );
}

/// E4, E7: a close waits for retries, for emissions that wait in a pool, and for those that listeners make meanwhile. All are handled.
#[test]
fn a_close_races_retries_and_emissions_of_listeners() {
    explore(|| {
        let world = World::with_follow_ups(true);
        let (mut timer, mut emitters) = (Threads::default(), Threads::default());
        world.timer.start(&mut timer);
        world.start_emitters("a", 2, 2, &mut emitters);
        pause();
        world.soiree.close().unwrap();
        emitters.join();
        let sums = world.settle();
        assert_eq!(sums.called(), sums.accepted());
        world.timer.stop();
        timer.join();
    });
}

/// E4, E7: when the deadline of a close has passed, what waits has ended and is reported, once, though no time passes any more; the
/// numbers of the error add up, and say what became of it.
#[test]
fn a_close_with_a_deadline_races_retries_and_emissions_of_listeners() {
    explore(|| {
        let world = World::with_follow_ups(false);
        let (mut timer, mut emitters) = (Threads::default(), Threads::default());
        world.timer.start(&mut timer);
        world.start_emitters("a", 2, 2, &mut emitters);
        pause();
        let error = world.close_in_time();
        world.timer.stop();
        timer.join();
        emitters.join();
        world.wait_for_workers();
        let sums = world.settle();
        match error {
            Some(error) => assert_told(&error, &sums),
            None => assert_eq!(sums.called(), sums.accepted()),
        }
    });
}

/// E4, E7: work that its pool rejects while a close gives up what waits is given up too: nothing is left when no time passes any more.
#[test]
fn work_that_begins_to_wait_races_a_close_with_a_deadline() {
    explore(|| {
        let world = World::new(|builder| builder.pool(Kind::Plain.owned(workers(1, 0))));
        let (sender, over) = channel::<()>();
        let over = Mutex::new(over);
        world.listen_and("a", retried(), 1, move |event| {
            if id_of(event) == 2 {
                // Holds the only thread until the close is over.
                let _ = over.lock().unwrap().recv();
            }
        });
        let mut timer = Threads::default();
        world.emit("a", 1);
        world.emit("a", 2);
        world.timer.start(&mut timer);
        pause();
        let error = world.close_in_time().expect("it cannot end");
        world.timer.stop();
        timer.join();
        let stats = world.soiree.stats();
        assert_eq!((stats.waiting.total(), stats.retries), (0, 0), "{stats:?}");
        drop(sender);
        world.wait_for_workers();
        let sums = world.settle();
        assert_told(&error, &sums);
        // The thread may not have started the second one in time.
        assert_eq!((sums.handled + sums.discarded, sums.failed), (1, 1));
    });
}
