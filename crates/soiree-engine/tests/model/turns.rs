//! Listeners whose calls are limited.

use soiree_core::{ListenerOptions, Retry, WhenPoolFull};
use soiree_testkit::model::{Threads, explore};

use crate::closing::assert_told;
use crate::pools::{KINDS, workers};
use crate::world::{DELAY, SOME, World, one_of, pause};

/// A listener on a pool of its own or on that of its topic, which fails at first with some events. Up to `limit` calls of it run at once.
fn limited(limit: usize) -> World {
    let mail = one_of(&KINDS).owned(workers(2, one_of(&[0, 1])));
    let world = World::new(|builder| builder.pool(workers(2, 2)).bulkhead("mail", mail));
    let mut options = ListenerOptions::new().max_concurrent(limit);
    if one_of(&[true, false]) {
        options = options.pool("mail").when_full(WhenPoolFull::Wait);
    }
    if one_of(&[true, false]) {
        options = options.timeout(SOME);
    }
    let options = options.retry(Retry::fixed(DELAY, one_of(&[1, 2])));
    world.listen("a", options, 1);
    world
}

/// E7, L10: calls that time out, or are repeated, while others wait for their turn hold it until they have returned, and no longer. None is lost
/// or called beyond the limit, and none overlaps the attempt before.
#[test]
fn calls_that_wait_for_their_turn_race_timeouts() {
    explore(|| {
        let limit = one_of(&[1, 2]);
        let world = limited(limit);
        let (mut timer, mut emitters) = (Threads::default(), Threads::default());
        world.timer.start(&mut timer);
        world.start_emitters("a", 2, 3, &mut emitters);
        pause();
        world.soiree.close().unwrap();
        emitters.join();
        let sums = world.settle();
        assert_eq!(sums.called(), sums.accepted());
        assert!(world.ledger.most_running() <= limit);
        world.timer.stop();
        timer.join();
    });
}

/// E4, E7, L10: the same while the deadline of a close passes, or the listener's bulkhead is removed: what waits for its turn is given up
/// or moves, and is reported once.
#[test]
fn calls_that_wait_for_their_turn_race_a_close_and_a_removal() {
    explore(|| {
        let limit = one_of(&[1, 2]);
        let world = limited(limit);
        let (mut timer, mut others) = (Threads::default(), Threads::default());
        world.timer.start(&mut timer);
        world.start_emitters("a", 2, 2, &mut others);
        let removing = world.clone();
        others.start(move || {
            pause();
            let _ = removing.soiree.drain_bulkhead("mail");
        });
        pause();
        let error = world.close_in_time();
        world.timer.stop();
        timer.join();
        others.join();
        world.wait_for_workers();
        let sums = world.settle();
        match error {
            Some(error) => assert_told(&error, &sums),
            None => assert_eq!(sums.called(), sums.accepted()),
        }
        assert!(world.ledger.most_running() <= limit);
    });
}
