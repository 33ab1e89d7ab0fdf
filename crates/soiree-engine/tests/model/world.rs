//! An `EventPool`, its timer, and the ledger that its listeners and handlers write to.

use std::sync::Arc;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use soiree::{Builder, EventPool};
use soiree_core::{Event, ListenerOptions, Retry};
use soiree_engine::Emission;
use soiree_testkit::model::Threads;

use crate::ledger::{Entering, Id, Ledger, Sums, id_of};
use crate::timer::ModelTimer;

/// After which time a call is repeated.
pub(crate) const DELAY: Duration = Duration::from_secs(1);
/// A time limit that may pass at any moment.
pub(crate) const SOME: Duration = Duration::from_secs(60);

pub(crate) fn one_of<T: Copy>(choices: &[T]) -> T {
    choices[thread_rng().gen_range(0..choices.len())]
}

/// Lets other threads do something, or not.
pub(crate) fn pause() {
    for _ in 0..one_of(&[0, 1, 4, 16]) {
        thread::yield_now();
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) soiree: EventPool,
    pub(crate) timer: ModelTimer,
    pub(crate) ledger: Arc<Ledger>,
}

impl World {
    pub(crate) fn new(build: impl FnOnce(Builder) -> Builder) -> Self {
        let (timer, ledger) = (ModelTimer::new(), Arc::<Ledger>::default());
        let builder = EventPool::builder()
            .timer(timer.clone())
            .observer(Entering(Arc::clone(&ledger)))
            .error_handler(|_, error| Some(error));
        Self {
            soiree: build(builder).build().unwrap(),
            timer,
            ledger,
        }
    }

    /// Subscribes a listener that takes its time. It fails with events of odd numbers at the first `fails` attempts.
    pub(crate) fn listen(&self, pattern: &str, options: ListenerOptions, fails: u32) {
        self.listen_and(pattern, options, fails, |_| {});
    }

    /// The same. In between it does what `act` does.
    pub(crate) fn listen_and(
        &self,
        pattern: &str,
        options: ListenerOptions,
        fails: u32,
        act: impl Fn(&dyn Event) + Send + Sync + 'static,
    ) {
        let ledger = Arc::clone(&self.ledger);
        let listener = move |event: &dyn Event| {
            let id = id_of(event);
            ledger.begin(id, event.attempt());
            thread::yield_now();
            act(event);
            ledger.end(id);
            let fails = id % 2 == 1 && event.attempt() <= fails;
            (!fails).then_some(()).ok_or("not yet")
        };
        self.soiree.on_with(pattern, options, listener).unwrap();
    }

    /// Emits an event, and enters the answer.
    pub(crate) fn emit(&self, topic: &str, id: Id) -> Option<Emission> {
        let emitted = self.soiree.emit(topic, id).ok();
        self.ledger.answered(id, emitted.is_some());
        emitted
    }

    /// Starts threads that emit this many events each, with numbers that increase from 1 on. They wait for every second one.
    pub(crate) fn start_emitters(
        &self,
        topic: &'static str,
        emitters: Id,
        events: Id,
        threads: &mut Threads,
    ) {
        for emitter in 0..emitters {
            let world = self.clone();
            threads.start(move || {
                for number in 1..=events {
                    let emission = world.emit(topic, emitter * events + number);
                    if let (true, Some(emission)) = (number % 2 == 1, emission) {
                        emission.wait();
                    }
                }
            });
        }
    }

    /// Closes the event pool, which waits for all work. Then as [`settle`](Self::settle).
    #[track_caller]
    pub(crate) fn close_and_settle(&self) -> Sums {
        self.soiree.close().unwrap();
        self.settle()
    }

    /// Asserts that every event has ended once, and that nothing counts as waiting.
    #[track_caller]
    pub(crate) fn settle(&self) -> Sums {
        let stats = self.soiree.stats();
        let counts = (
            stats.in_flight,
            stats.waiting.total(),
            stats.retries,
            stats.waiting_calls,
        );
        assert_eq!(counts, (0, 0, 0, 0), "{stats:?}");
        self.ledger.assert_settled()
    }
}

/// Calls fail at most twice before they are given up.
pub(crate) fn retried() -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(DELAY, 3))
}
