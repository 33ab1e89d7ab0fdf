//! Tasks that wait for a place with `emit_async`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use shuttle::future::block_on;
use soiree_testkit::model::{Threads, explore};

use crate::closing::assert_told;
use crate::ledger::Id;
use crate::pools::{KINDS, workers};
use crate::world::{World, one_of, pause, retried};

impl World {
    /// Emits an event and waits for a place, or gives up if it is `impatient`.
    fn emit_async(&self, id: Id, is_impatient: bool) {
        let mut emitting = pin!(self.soiree.emit_async("a", id));
        let emitted = block_on(poll_fn(|context| match emitting.as_mut().poll(context) {
            Poll::Pending if is_impatient => {
                pause();
                Poll::Ready(None)
            }
            polled => polled.map(Some),
        }));
        let emission = emitted.and_then(Result::ok);
        self.ledger.answered(id, emission.is_some());
    }

    /// Starts a task for each of these events. One of them is impatient.
    fn start_tasks(&self, ids: &[Id], threads: &mut Threads) {
        let impatient = one_of(ids);
        for id in ids.iter().copied() {
            let world = self.clone();
            threads.start(move || world.emit_async(id, id == impatient));
        }
    }
}

/// E7, L7: a task that waits for a place gets one, in the bulkhead or where its topic goes once that was removed; one that gives up has
/// emitted nothing.
#[test]
fn tasks_that_wait_for_a_place_race_the_removal_of_their_bulkhead() {
    explore(|| {
        let mail = one_of(&KINDS).owned(workers(1, one_of(&[0, 1])));
        let rest = one_of(&KINDS).owned(workers(1, one_of(&[0, 1])));
        let world = World::new(|builder| {
            let builder = builder.pool(rest).bulkhead("mail", mail);
            builder.route("a", "mail")
        });
        world.listen("a", retried(), 1);
        let (mut timer, mut tasks) = (Threads::default(), Threads::default());
        world.timer.start(&mut timer);
        world.start_tasks(&[1, 2, 3, 4], &mut tasks);
        pause();
        world.soiree.drain_bulkhead("mail").unwrap();
        tasks.join();
        let sums = world.close_and_settle();
        assert_eq!(sums.called(), sums.accepted());
        assert!(sums.rejected <= 1, "{sums:?}");
        world.timer.stop();
        timer.join();
    });
}

/// E4, E7: a task that waits for a place while the event pool closes is accepted, or gets an answer at once; nothing waits for it.
#[test]
fn tasks_that_wait_for_a_place_race_a_close() {
    explore(|| {
        let pool = one_of(&KINDS).owned(workers(1, one_of(&[0, 1])));
        let world = World::new(|builder| builder.pool(pool));
        world.listen("a", retried(), 1);
        let (mut timer, mut tasks) = (Threads::default(), Threads::default());
        world.timer.start(&mut timer);
        world.start_tasks(&[1, 2, 3, 4], &mut tasks);
        pause();
        let error = match one_of(&[true, false]) {
            true => world.close_in_time(),
            false => world.soiree.close().err(),
        };
        // No time passes any more, so that who waits for a pool to have room is not woken by that.
        world.timer.stop();
        timer.join();
        tasks.join();
        world.wait_for_workers();
        let sums = world.settle();
        match error {
            Some(error) => assert_told(&error, &sums),
            None => assert_eq!(sums.called(), sums.accepted()),
        }
    });
}
