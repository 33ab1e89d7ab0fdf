//! `reserve`: tasks that wait for a place.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};

use soiree_core::{Job, Reservation, Reserve, SubmitErrorReason};

use super::places::{assert_full, assert_reserved, busy_pool, submit_to};
use crate::conformance::fixture::{Fixture, HelperThread};
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::{PoolUnderTest, WeakPoolUnderTest};
use crate::conformance::spec::PoolSpec;

type Reserved = Result<Reservation, SubmitErrorReason>;

/// A task that waits for a place, and is polled when a case says so.
struct WaitingTask {
    pool: PoolUnderTest,
    reserve: Reserve,
    wakes: Arc<CountWakes>,
}

#[derive(Default)]
struct CountWakes {
    wakes: AtomicUsize,
    /// The waker calls this pool.
    calls: Option<WeakPoolUnderTest>,
}

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.calls.as_ref().and_then(WeakPoolUnderTest::upgrade) {
            let _ = (pool.stats(), pool.try_submit(|| {}));
        }
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

impl WaitingTask {
    fn new(fixture: &Fixture, pool: &PoolUnderTest) -> Self {
        Self {
            pool: pool.clone(),
            reserve: reserve(fixture, pool),
            wakes: Arc::default(),
        }
    }

    fn poll(&mut self) -> Poll<Reserved> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.pool.poll_reserve(&mut self.reserve, &waker)
    }

    /// One that has been polled once. There is no place for it.
    fn waiting(fixture: &Fixture, pool: &PoolUnderTest) -> Self {
        let mut task = Self::new(fixture, pool);
        if let Poll::Ready(reserved) = task.poll() {
            fixture.fail(&format!(
                "there is no place, but the first poll is ready: {reserved:?}; {:?}",
                pool.stats()
            ));
        }
        task
    }

    fn is_woken(&self) -> bool {
        self.wakes.wakes.load(Ordering::SeqCst) > 0
    }

    fn wait_until_woken(&self, fixture: &Fixture) {
        fixture.wait_until(&self.pool, "a task that waits has been woken", || {
            self.is_woken()
        });
    }

    /// Waits until it is woken, and returns its place.
    fn granted(&mut self, fixture: &Fixture) -> Reservation {
        self.wait_until_woken(fixture);
        self.place(fixture, "it was woken")
    }

    fn place(&mut self, fixture: &Fixture, why: &str) -> Reservation {
        match self.poll() {
            Poll::Ready(Ok(place)) => place,
            other => fixture.fail(&format!(
                "a task must have a place, as {why}: {other:?}; {:?}",
                self.pool.stats()
            )),
        }
    }

    fn assert_closed(&mut self, fixture: &Fixture) {
        let polled = self.poll();
        let is_closed = matches!(polled, Poll::Ready(Err(SubmitErrorReason::Closed)));
        fixture.assert(is_closed, || {
            format!("the pool is closed, but a task that waits gets {polled:?}")
        });
    }
}

fn reserve(fixture: &Fixture, pool: &PoolUnderTest) -> Reserve {
    match pool.pool().reserve() {
        Some(reserve) => reserve,
        None => fixture.fail("`reserve` returns `None`"),
    }
}

pub(crate) fn reserve_never_blocks(fixture: &Fixture) {
    let (pool, first, _second) = busy_pool(fixture);
    let polling = (fixture.clone(), pool.clone());
    let task = fixture.spawn("poll reserve on a full pool", move || {
        WaitingTask::waiting(&polling.0, &polling.1)
    });
    let task = task.join();
    let stats = pool.stats();
    fixture.assert(stats.blocked == 1 && stats.rejected == 0, || {
        format!("a task waits, and no job was rejected: {stats:?}")
    });
    drop(task);
    let stats = pool.stats();
    fixture.assert(stats.blocked == 0, || {
        format!("no task waits any more: {stats:?}")
    });
    first.release();
}

pub(crate) fn p2_a_task_keeps_the_place_that_it_waited_for(fixture: &Fixture) {
    let (pool, first, second) = busy_pool(fixture);
    let tracked = TrackedJobs::new(1);
    let mut task = WaitingTask::waiting(fixture, &pool);
    first.release();
    fixture.wait_until_running(&pool, &second);
    let place = task.granted(fixture);
    assert_reserved(fixture, &pool, 1);
    assert_full(fixture, &pool);
    submit_to(fixture, place, tracked.job(0));
    second.release();
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
    let stats = pool.stats();
    fixture.assert((stats.reserved, stats.blocked) == (0, 0), || {
        format!("the place is used: {stats:?}")
    });
}

/// One who waits for a place.
enum Waits {
    Thread(HelperThread<Result<(), String>>),
    Task(WaitingTask, Job),
    Requeued,
}

pub(crate) fn p2_tasks_threads_and_requeued_work_get_places_in_order(fixture: &Fixture) {
    const WAITERS: usize = 9;
    let (pool, mut running, mut queued) = busy_pool(fixture);
    let mut line = Vec::new();
    for number in 0..WAITERS {
        let (latch, job) = Latch::new();
        let waits = match number % 3 {
            0 => Waits::Task(WaitingTask::waiting(fixture, &pool), job),
            1 => {
                let submitting = pool.clone();
                let submit = move || submitting.submit(job).map_err(|error| error.to_string());
                Waits::Thread(fixture.spawn("submit to a full queue", submit))
            }
            _ => {
                if let Err(rejected) = pool.requeue(job) {
                    fixture.fail(&format!("an open pool rejected requeued work: {rejected}"));
                }
                Waits::Requeued
            }
        };
        fixture.wait_until(&pool, "the stats have counted one more who waits", || {
            let stats = pool.stats();
            stats.blocked + stats.requeued == number + 1
        });
        line.push((latch, waits));
    }
    let mut line = line.into_iter();
    let mut left = WAITERS;
    while let Some((latch, waits)) = line.next() {
        // The worker goes on to the job in the queue, whose place is free then.
        running.release();
        fixture.wait_until_running(&pool, &queued);
        match waits {
            Waits::Task(mut task, job) => submit_to(fixture, task.granted(fixture), job),
            Waits::Thread(submitter) => {
                if let Err(rejected) = submitter.join() {
                    fixture.fail(&format!("a blocked submitter must get a place: {rejected}"));
                }
            }
            Waits::Requeued => {
                fixture.wait_until(&pool, "the requeued job has got its place", || {
                    let stats = pool.stats();
                    stats.blocked + stats.requeued < left
                });
            }
        }
        left -= 1;
        let is_early = |(_, waits): &(Latch, Waits)| match waits {
            Waits::Task(task, _) => task.is_woken(),
            Waits::Thread(submitter) => submitter.is_finished(),
            Waits::Requeued => false,
        };
        fixture.assert(!line.as_slice().iter().any(is_early), || {
            format!("number {} was served before its turn", WAITERS - left)
        });
        (running, queued) = (queued, latch);
    }
    running.release();
    fixture.wait_until_running(&pool, &queued);
    queued.release();
}

pub(crate) fn p2_a_task_that_gives_up_leaves_its_place_to_the_next(fixture: &Fixture) {
    for polls in [false, true] {
        let (pool, first, second) = busy_pool(fixture);
        let tracked = TrackedJobs::new(1);
        let [mut served, gives_up, mut last] =
            [(); 3].map(|()| WaitingTask::waiting(fixture, &pool));
        drop(gives_up);
        first.release();
        fixture.wait_until_running(&pool, &second);
        served.wait_until_woken(fixture);
        fixture.assert(!last.is_woken(), || "there is one place for two".into());
        if polls {
            drop(served.granted(fixture));
        } else {
            drop(served);
        }
        let place = last.granted(fixture);
        assert_reserved(fixture, &pool, 1);
        submit_to(fixture, place, tracked.job(0));
        second.release();
        fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
        assert_reserved(fixture, &pool, 0);
    }
}

pub(crate) fn p5_tasks_that_wait_wake_when_the_pool_closes(fixture: &Fixture) {
    let close: [fn(&PoolUnderTest); 2] = [PoolUnderTest::stop, PoolUnderTest::release];
    for close in close {
        let (pool, first, second) = busy_pool(fixture);
        let mut task = WaitingTask::waiting(fixture, &pool);
        let closing = pool.clone();
        let closed = fixture.spawn("close a pool that a task waits for", move || {
            close(&closing);
        });
        task.wait_until_woken(fixture);
        task.assert_closed(fixture);
        WaitingTask::new(fixture, &pool).assert_closed(fixture);
        drop((first, second));
        closed.join();
        let stats = pool.stats();
        fixture.assert((stats.reserved, stats.blocked) == (0, 0), || {
            format!("nobody waits for a closed pool: {stats:?}")
        });
    }
}

pub(crate) fn p2_with_capacity_0_a_task_waits_for_a_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 0);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(1);
    let mut task = WaitingTask::waiting(fixture, &pool);
    latch.release();
    let place = task.granted(fixture);
    assert_full(fixture, &pool);
    submit_to(fixture, place, tracked.job(0));
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
}

pub(crate) fn resize_up_gives_places_to_tasks(fixture: &Fixture) {
    let (pool, first, second) = busy_pool(fixture);
    let tracked = TrackedJobs::new(1);
    let mut task = WaitingTask::waiting(fixture, &pool);
    if let Err(error) = pool.resize(2) {
        fixture.fail(&format!("the pool cannot be resized: {error}"));
    }
    fixture.wait_until_running(&pool, &second);
    submit_to(fixture, task.granted(fixture), tracked.job(0));
    second.release();
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
    first.release();
}

pub(crate) fn p8_no_task_hangs_if_no_thread_starts(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 1);
    spec.spawn = Some(Arc::new(|_, _| Err(io::Error::other("no threads"))));
    let pool = fixture.build(spec);
    let tracked = TrackedJobs::new(1);
    match WaitingTask::new(fixture, &pool).poll() {
        Poll::Pending => fixture.fail("a task waits for a worker that nobody can start"),
        Poll::Ready(Err(_)) => {}
        Poll::Ready(Ok(place)) => {
            let rejected = place.submit(tracked.job(0)).is_err();
            fixture.assert(rejected || tracked.runs(0) == 1, || {
                "a job with a place is neither rejected nor run".into()
            });
        }
    }
    let stats = pool.stats();
    fixture.assert((stats.reserved, stats.blocked) == (0, 0), || {
        format!("no task waits, and none has a place: {stats:?}")
    });
}

pub(crate) fn the_waker_of_a_task_may_call_its_pool(fixture: &Fixture) {
    let (pool, first, second) = busy_pool(fixture);
    let mut task = WaitingTask::new(fixture, &pool);
    task.wakes = Arc::new(CountWakes {
        calls: Some(pool.downgrade()),
        ..CountWakes::default()
    });
    fixture.assert(task.poll().is_pending(), || "there is no place".into());
    first.release();
    fixture.wait_until_running(&pool, &second);
    drop(task.granted(fixture));
    // The pool can still be used, on this thread and on its worker.
    second.release();
    let tracked = TrackedJobs::new(1);
    fixture.submit(&pool, tracked.job(0));
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
}

pub(crate) fn p3_tasks_that_race_others_lose_no_job_and_no_place(fixture: &Fixture) {
    const ROUNDS: usize = 200;
    let pool = fixture.pool(2, 1);
    let tracked = TrackedJobs::new(4 * ROUNDS);
    let accepted = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (fixture, pool) = (fixture.clone(), pool.clone());
            let (tracked, accepted) = (tracked.clone(), Arc::clone(&accepted));
            let (fixture, spawner) = (fixture.clone(), fixture);
            spawner.spawn("reserve and submit", move || {
                for round in 0..ROUNDS {
                    let job = tracked.job(thread * ROUNDS + round);
                    if thread == 0 {
                        fixture.submit(&pool, job);
                    } else {
                        let mut task = WaitingTask::new(&fixture, &pool);
                        let place = match task.poll() {
                            Poll::Ready(Ok(place)) => place,
                            // Each third one gives up, some of them with a place.
                            _ if round % 3 == thread % 3 => continue,
                            _ => task.granted(&fixture),
                        };
                        submit_to(&fixture, place, job);
                    }
                    *accepted.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join();
    }
    let accepted = *accepted.lock().unwrap_or_else(PoisonError::into_inner);
    fixture.wait_until(&pool, "each accepted job has run", || {
        tracked.total_runs() == accepted
    });
    fixture.wait_until(&pool, "the stats have counted them", || {
        pool.stats().is_idle()
    });
    let stats = pool.stats();
    let is_right = stats.submitted == accepted as u64 && stats.reserved == 0;
    fixture.assert(is_right && stats.is_balanced(), || {
        format!("{accepted} jobs were accepted, and all places are given back: {stats:?}")
    });
}
