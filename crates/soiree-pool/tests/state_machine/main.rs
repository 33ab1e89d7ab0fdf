//! Compares the pool with a sequential model: after the same steps, both have the same statistics.

mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use soiree_pool::{
    Balanced, Job, JobId, Lazy, Pool, PoolStats, ResizeError, WorkerPool, WorkerPoolBuilder,
};

use self::reference::{Answer, Reference, Step};

/// How long the pool may take to reach the statistics of the model. Far longer than it ever does.
const TIMEOUT: Duration = Duration::from_secs(60);

struct Real {
    pool: WorkerPool,
    /// Ends a job: with a panic if `true` is sent.
    latches: BTreeMap<usize, Sender<bool>>,
    ids: BTreeMap<usize, Arc<()>>,
    running: Arc<Mutex<BTreeSet<usize>>>,
}

impl Real {
    /// The statistics without the peaks, which depend on how fast a worker takes a job.
    fn stats(&self) -> PoolStats {
        let mut stats = self.pool.stats();
        assert!(stats.running <= stats.peak_running, "{stats:?}");
        assert!(stats.waiting <= stats.peak_waiting, "{stats:?}");
        assert!(stats.peak_waiting <= stats.capacity, "{stats:?}");
        (stats.peak_running, stats.peak_waiting) = (0, 0);
        stats
    }

    fn job(&mut self, number: usize) -> Job {
        let (open, opened) = channel();
        self.latches.insert(number, open);
        let running = Arc::clone(&self.running);
        let id = Arc::new(());
        self.ids.insert(number, Arc::clone(&id));
        let job_id = JobId::of(&id);
        let job = Job::new(move || {
            let _id = id;
            running.lock().unwrap().insert(number);
            let panics = opened.recv().unwrap_or(false);
            running.lock().unwrap().remove(&number);
            if panics {
                // `panic!` would print a message each time.
                std::panic::resume_unwind(Box::new("so"));
            }
        });
        job.with_id(job_id)
    }

    fn step(&mut self, before: &Reference, step: &Step) -> Answer {
        let rejected = |rejected| match rejected {
            true => Answer::Rejected,
            false => Answer::Done,
        };
        match *step {
            Step::Submit { late: false } => {
                let job = self.job(before.next);
                rejected(self.pool.submit(job).is_err())
            }
            Step::Submit { late: true } => {
                let job = self.job(before.next);
                // The deadline has passed by the time the job starts.
                rejected(self.pool.submit_before(job, Instant::now()).is_err())
            }
            Step::TrySubmit => {
                let job = self.job(before.next);
                rejected(self.pool.try_submit(job).is_err())
            }
            Step::Requeue => {
                let job = self.job(before.next);
                rejected(self.pool.requeue(job).is_err())
            }
            Step::RunQueued { nth } => {
                let number = before.waiting().nth(nth).expect("it waits");
                drop(self.latches.remove(&number));
                assert!(self.pool.run_queued(JobId::of(&self.ids[&number])));
                Answer::Done
            }
            Step::IsIdle => Answer::Is(self.pool.wait_idle(Instant::now())),
            Step::EndJob { nth, panics } => {
                let latch = self.latches.remove(&before.running[nth]);
                latch.expect("it runs").send(panics).expect("it waits");
                Answer::Done
            }
            Step::Resize { up } => {
                let max = before.stats().max_workers;
                rejected(
                    self.pool
                        .resize(if up { max + 1 } else { max - 1 })
                        .is_err(),
                )
            }
            Step::ResizeToNone => {
                assert_eq!(self.pool.resize(0), Err(ResizeError::NoWorkers));
                Answer::Rejected
            }
            Step::Stop => {
                self.pool.stop();
                Answer::Done
            }
            Step::StopAndTakeJobs => Answer::Took(self.pool.stop_and_take_jobs().len()),
            Step::Release => {
                thread::scope(|scope| {
                    scope.spawn(|| self.pool.release());
                    self.latches.clear();
                });
                Answer::Done
            }
            Step::ReleaseUntilNow => match self.pool.release_with_deadline(Instant::now()) {
                Ok(()) => Answer::Done,
                Err(left) => Answer::DrainTimeout {
                    active: left.active,
                    discarded: left.discarded,
                },
            },
        }
    }
}

struct Machine;

impl StateMachineTest for Machine {
    type SystemUnderTest = (Real, Reference);
    type Reference = Reference;

    fn init_test(state: &Reference) -> Self::SystemUnderTest {
        let stats = state.stats();
        let builder: WorkerPoolBuilder = WorkerPool::builder()
            .min_workers(stats.min_workers)
            .max_workers(stats.max_workers)
            .capacity(stats.capacity)
            .overflow(state.overflow)
            .idle_timeout(Duration::from_secs(3600));
        let builder = match state.balanced {
            true => builder.strategy(Balanced),
            false => builder.strategy(Lazy),
        };
        let real = Real {
            pool: builder.build().unwrap(),
            latches: BTreeMap::new(),
            ids: BTreeMap::new(),
            running: Arc::default(),
        };
        (real, state.clone())
    }

    fn apply(
        (mut real, before): Self::SystemUnderTest,
        after: &Reference,
        step: Step,
    ) -> Self::SystemUnderTest {
        let answer = real.step(&before, &step);
        assert_eq!(answer, after.answer);
        let wanted = after.stats();
        let running: BTreeSet<usize> = after.running.iter().copied().collect();
        let deadline = Instant::now() + TIMEOUT;
        // Workers need a moment, but have to reach exactly these statistics.
        while real.stats() != wanted || *real.running.lock().unwrap() != running {
            let is = real.stats();
            assert!(is.is_balanced(), "{is:?}");
            assert!(Instant::now() < deadline, "{is:?} and not {wanted:?}");
            thread::yield_now();
        }
        (real, after.clone())
    }

    fn teardown((mut real, before): Self::SystemUnderTest, _: Reference) {
        let after = <Reference as ReferenceStateMachine>::apply(before.clone(), &Step::Release);
        real.step(&before, &Step::Release);
        assert_eq!(real.stats(), after.stats());
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 128, failure_persistence: None, ..Config::default() })]

    /// P1, P2, P3, P5, P6: after every step of a random sequence, the pool has the statistics of the model.
    #[test]
    fn the_pool_does_what_its_model_does(sequential 1..60 => Machine);
}
