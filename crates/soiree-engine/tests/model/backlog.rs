//! Accepted work that its pool cannot take at once: retries that are due, and listeners with a pool of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use soiree_core::{ListenerOptions, WhenPoolFull};
use soiree_testkit::model::{Threads, explore};

use crate::pools::{KINDS, Kind, unstartable, workers};
use crate::world::{World, one_of, pause, retried};

/// Lets two threads emit three events each while the timer runs and `meanwhile` happens. Waits for them and for `meanwhile`.
fn emit_meanwhile(world: &World, meanwhile: impl FnOnce()) -> Threads {
    let (mut timer, mut emitters) = (Threads::default(), Threads::default());
    world.timer.start(&mut timer);
    world.start_emitters("a", 2, 3, &mut emitters);
    meanwhile();
    emitters.join();
    timer
}

/// The listener runs on the pool of its topic, or on one of its own.
fn on_own_pool(is_own: bool, options: ListenerOptions) -> ListenerOptions {
    match is_own {
        true => options.pool("mail").when_full(WhenPoolFull::Wait),
        false => options,
    }
}

/// E7: retries that are due while emitters keep the only thread of their pool busy are called once each, and none is lost.
#[test]
fn retries_that_are_due_race_emitters_for_a_full_pool() {
    explore(|| {
        let pool = one_of(&KINDS).owned(workers(1, one_of(&[0, 1, 2])));
        let world = World::new(|builder| builder.pool(pool));
        world.listen("a", retried(), one_of(&[1, 2, 3]));
        let timer = emit_meanwhile(&world, || {});
        let sums = world.close_and_settle();
        assert_eq!((sums.accepted(), sums.called()), (6, 6));
        world.timer.stop();
        timer.join();
    });
}

/// E7: what waits for its pool runs in the order in which it began to wait, however the timer and the only worker take turns to submit it.
#[test]
fn retries_that_wait_for_their_pool_are_called_in_the_order_in_which_they_were_due() {
    explore(|| {
        // A worker runs what a full pool does not take before what it has taken.
        let (kind, capacity) =
            one_of(&[(Kind::Plain, 0), (Kind::TakesBack, 0), (Kind::TakesBack, 1)]);
        let pool = kind.owned(workers(1, capacity));
        let world = World::new(|builder| builder.pool(pool));
        world.listen("a", retried(), 1);
        let mut timer = Threads::default();
        world.timer.start(&mut timer);
        for id in [1, 3, 2, 5, 4, 7] {
            world.emit("a", id);
        }
        let sums = world.close_and_settle();
        assert_eq!(sums.handled, 6);
        // One thread calls them all, and they are due in the order in which they have failed.
        assert_eq!(
            world.ledger.order_of(2),
            [1, 3, 5, 7],
            "{kind:?}, {capacity}"
        );
        world.timer.stop();
        timer.join();
    });
}

/// E7, L7: if the bulkhead of a topic or of a listener is removed meanwhile, what waits for it goes where its topic goes now.
#[test]
fn retries_that_are_due_race_the_removal_of_their_bulkhead() {
    explore(|| {
        let mail = one_of(&KINDS).owned(workers(1, one_of(&[0, 1, 2])));
        let rest = one_of(&KINDS).owned(workers(1, one_of(&[0, 1])));
        let is_own = one_of(&[true, false]);
        let world = World::new(|builder| {
            let builder = builder.pool(rest).bulkhead("mail", mail);
            match is_own {
                true => builder,
                false => builder.route("a", "mail"),
            }
        });
        world.listen("a", on_own_pool(is_own, retried()), one_of(&[1, 2, 3]));
        let timer = emit_meanwhile(&world, || {
            pause();
            world.soiree.drain_bulkhead("mail").unwrap();
        });
        let sums = world.close_and_settle();
        assert_eq!((sums.accepted(), sums.called()), (6, 6));
        world.timer.stop();
        timer.join();
    });
}

/// E7, P3: if the pool is stopped meanwhile, what it had is reported, once.
#[test]
fn retries_that_are_due_race_a_stop_of_their_pool() {
    explore(|| {
        let stopped = one_of(&KINDS).shared(workers(1, one_of(&[0, 1, 2])));
        let is_own = one_of(&[true, false]);
        let world = World::new(|builder| match is_own {
            true => builder
                .pool(workers(1, 1))
                .bulkhead("mail", Arc::clone(&stopped)),
            false => builder.pool(Arc::clone(&stopped)),
        });
        world.listen("a", on_own_pool(is_own, retried()), one_of(&[1, 2, 3]));
        let timer = emit_meanwhile(&world, || {
            pause();
            stopped.stop();
        });
        let sums = world.close_and_settle();
        assert!(!is_own || sums.accepted() == 6, "{sums:?}");
        assert!(is_own || sums.not_called == 0, "{sums:?}");
        assert!(!is_own || sums.discarded == 0, "{sums:?}");
        world.timer.stop();
        timer.join();
    });
}

/// E7: while no thread can be started, accepted work waits, and runs once one can.
#[test]
fn accepted_work_waits_until_threads_can_be_started() {
    explore(|| {
        let fails = Arc::new(AtomicBool::new(one_of(&[true, false])));
        let pool = one_of(&KINDS).owned(unstartable(one_of(&[0, 1, 2]), &fails));
        let is_own = one_of(&[true, false]);
        let world = World::new(|builder| match is_own {
            true => builder.pool(workers(1, 1)).bulkhead("mail", pool),
            false => builder.pool(pool),
        });
        world.listen("a", on_own_pool(is_own, retried()), one_of(&[1, 2, 3]));
        let timer = emit_meanwhile(&world, || {
            for is_failing in [false, true, false] {
                pause();
                fails.store(is_failing, SeqCst);
            }
        });
        let sums = world.close_and_settle();
        assert!(!is_own || sums.accepted() == 6, "{sums:?}");
        assert_eq!(sums.called(), sums.accepted());
        world.timer.stop();
        timer.join();
    });
}
