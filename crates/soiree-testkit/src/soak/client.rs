//! A client runs random operations on a pool: a thread of the soak is one, and so is a job that calls its own pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fastrand::Rng;
use soiree_core::{Job, JobId, PanicPayload, Pool, PoolStats, ResizeError, SubmitError, WaitError};

use super::ledger::{JobRecord, Ledger, SubmitResult, lock};
use super::plan::{Deadline, Plan};
use super::tracked_job::TrackedJob;
use super::{SoakFault, SoakOperation};

pub(super) struct Client {
    ledger: Arc<Ledger>,
    pool: Arc<dyn Pool>,
    rng: Rng,
    /// The number of the thread; `None` if the client is a job.
    thread: Option<usize>,
    operation: SoakOperation,
    /// How many jobs submitted one another before the jobs of this client.
    depth: u32,
    /// The stats that this client read last.
    last_stats: PoolStats,
    records: Vec<Arc<JobRecord>>,
    /// The ID of a job that was submitted last, if it has one.
    last_id: Option<JobId>,
}

impl Client {
    /// The client of a thread of the soak.
    pub(super) fn thread(
        ledger: &Arc<Ledger>,
        pool: Arc<dyn Pool>,
        rng: Rng,
        number: usize,
    ) -> Self {
        let mut client = Self::nested(ledger, pool, rng, 0);
        client.thread = Some(number);
        client
    }

    /// The client of a job.
    fn nested(ledger: &Arc<Ledger>, pool: Arc<dyn Pool>, rng: Rng, depth: u32) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            pool,
            rng,
            thread: None,
            operation: SoakOperation::Done,
            depth,
            last_stats: PoolStats::default(),
            records: Vec::new(),
            last_id: None,
        }
    }

    /// Runs the operations that a job's plan has for its own pool, and closes the pool if the plan says so.
    fn run_in_job(ledger: &Arc<Ledger>, pool: Arc<dyn Pool>, plan: Plan) {
        let rng = Rng::with_seed(plan.nested.unwrap_or(0));
        let mut client = Self::nested(ledger, pool, rng, plan.depth + 1);
        let steps = || {
            if let Some(seed) = plan.nested {
                for _ in 0..1 + seed % 2 {
                    client.step();
                }
            }
            if let Some(operation) = plan.closes_pool {
                client.close_from_job(operation);
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(steps)) {
            ledger.fail(SoakFault::Panicked {
                operation: client.operation,
                message: PanicPayload::new(payload).message().into(),
            });
        }
    }

    /// Closes the pool from one of its jobs.
    fn close_from_job(&mut self, operation: SoakOperation) {
        self.operation = operation;
        match operation {
            SoakOperation::StopInJob => self.pool.stop(),
            _ => self.pool.release(),
        }
    }

    pub(super) fn step(&mut self) {
        if self.ledger.mostly_waits && self.rng.u8(0..10) < 9 {
            return self.submit_and_wait();
        }
        match self.rng.u8(0..100) {
            0..35 => self.submit(),
            35..55 => self.try_submit(),
            55..65 => self.submit_before(),
            65..75 => self.submit_and_wait(),
            75..80 => self.submit_all_and_wait(),
            80..84 => self.resize(),
            84..88 if self.ledger.requeues => self.requeue(),
            88..91 => self.run_queued(),
            91..92 => self.wait_idle(),
            _ => self.check_stats(),
        }
    }

    /// Closes the pool. Does nothing for `Drop`: the pool is dropped with its last client.
    pub(super) fn close_pool(&mut self, operation: SoakOperation) {
        match operation {
            SoakOperation::Stop => {
                self.start(operation);
                self.pool.stop();
            }
            SoakOperation::Release => {
                self.start(operation);
                self.pool.release();
            }
            SoakOperation::ReleaseWithDeadline => {
                self.start(operation);
                let rest = Duration::from_micros(self.rng.u64(..2_000));
                // The checker sees in the stats what the release has discarded.
                let _ = self.pool.release_with_deadline(Instant::now() + rest);
            }
            SoakOperation::StopInJob | SoakOperation::ReleaseInJob => {
                self.start(operation);
                let mut plan = Plan::random(&mut self.rng, self.depth);
                plan.closes_pool = Some(operation);
                let (record, job) = self.job(plan);
                let result = self.pool.submit(job);
                self.handle_result(&record, result);
            }
            _ => {}
        }
    }

    fn submit(&mut self) {
        self.start(SoakOperation::Submit);
        let (record, job) = self.random_job();
        let result = self.pool.submit(job);
        self.handle_result(&record, result);
    }

    fn try_submit(&mut self) {
        self.start(SoakOperation::TrySubmit);
        let (record, job) = self.random_job();
        self.last_id = job.id();
        let result = self.pool.try_submit(job);
        self.handle_result(&record, result);
    }

    fn submit_before(&mut self) {
        self.start(SoakOperation::SubmitBefore);
        let mut plan = Plan::random(&mut self.rng, self.depth);
        plan.deadline = Deadline::random(&mut self.rng);
        let deadline = plan.deadline.instant(&mut self.rng);
        let (record, job) = self.job(plan);
        let result = self.pool.submit_before(job, deadline);
        self.handle_result(&record, result);
    }

    fn submit_and_wait(&mut self) {
        let operation = SoakOperation::SubmitAndWait;
        self.start(operation);
        let (record, job) = self.random_job();
        let (claimed, is_correct) = match self.pool.submit_and_wait(job) {
            Ok(()) => ("completed", completed(&record)),
            Err(WaitError::Panicked(_)) => (
                "panicked",
                record.has_finished() && record.plan.panic_mode.panics(),
            ),
            Err(WaitError::Discarded) => ("was discarded", record.runs() == 0),
            Err(WaitError::Rejected(rejected)) => {
                return self.check_rejected_job(&record, rejected);
            }
            Err(_) => ("ended otherwise", false),
        };
        if !is_correct {
            self.ledger
                .fail(SoakFault::WrongResult { operation, claimed });
        }
        self.mark_accepted(&record);
    }

    fn submit_all_and_wait(&mut self) {
        let operation = SoakOperation::SubmitAllAndWait;
        self.start(operation);
        let count = self.rng.usize(2..6);
        let (records, jobs): (Vec<_>, Vec<_>) = (0..count).map(|_| self.random_job()).unzip();
        // The error is that of the first job that did not complete; which others did not is unknown.
        let all_completed = self.pool.submit_all_and_wait(jobs).is_ok();
        for record in &records {
            if record.has_finished() {
                self.mark_accepted(record);
            }
        }
        if all_completed != records.iter().all(|record| completed(record)) {
            let claimed = if all_completed {
                "completed"
            } else {
                "did not complete"
            };
            self.ledger
                .fail(SoakFault::WrongResult { operation, claimed });
        }
    }

    fn requeue(&mut self) {
        self.start(SoakOperation::Requeue);
        let (record, job) = self.random_job();
        self.last_id = job.id();
        let result = self.pool.requeue(job);
        self.handle_result(&record, result);
    }

    fn run_queued(&mut self) {
        self.start(SoakOperation::RunQueued);
        // The job may have run. Then the pool has no such job, or another one at the same address.
        if let Some(id) = self.last_id.take() {
            self.pool.run_queued(id);
        }
    }

    fn wait_idle(&mut self) {
        self.start(SoakOperation::WaitIdle);
        let rest = Duration::from_micros(self.rng.u64(..200));
        self.pool.wait_idle(Instant::now() + rest);
    }

    fn resize(&mut self) {
        if self.ledger.is_fixed_size.load(Relaxed) {
            return;
        }
        self.start(SoakOperation::Resize);
        let min = self.ledger.spec.min_workers.max(1);
        let max_workers = self.rng.usize(min..=min + 8);
        // Before the call, as a job above the old limit may start during it.
        self.ledger.highest_limit.fetch_max(max_workers, Relaxed);
        match self.pool.resize(max_workers) {
            Ok(()) => {}
            Err(ResizeError::Fixed { .. }) => self.ledger.is_fixed_size.store(true, Relaxed),
            Err(_) => self.ledger.fail(SoakFault::ResizeRejected { max_workers }),
        }
    }

    fn check_stats(&mut self) {
        self.start(SoakOperation::Stats);
        self.check_queue();
        let stats = self.pool.stats();
        if !stats.is_balanced() {
            self.ledger.fail(SoakFault::Unbalanced(Box::new(stats)));
        }
        // Read after the pool's stats, so these counters can only have grown since.
        let ledger = &self.ledger;
        let upper_bound = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed);
        for (counter, pool, at_most) in [
            ("submitted", stats.submitted, upper_bound(&ledger.offered)),
            ("rejected", stats.rejected, upper_bound(&ledger.offered)),
            (
                "successful",
                stats.successful,
                upper_bound(&ledger.successful),
            ),
            ("failed", stats.failed, upper_bound(&ledger.failed)),
            ("expired", stats.expired, upper_bound(&ledger.dropped)),
            ("waiting", stats.waiting as u64, ledger.spec.capacity as u64),
        ] {
            if pool > at_most {
                ledger.fail(SoakFault::Overcounted {
                    counter,
                    pool,
                    at_most,
                });
            }
        }
        for (counter, before, after) in [
            ("rejected", self.last_stats.rejected, stats.rejected),
            ("successful", self.last_stats.successful, stats.successful),
            ("failed", self.last_stats.failed, stats.failed),
            ("expired", self.last_stats.expired, stats.expired),
            ("discarded", self.last_stats.discarded, stats.discarded),
        ] {
            if after < before {
                ledger.fail(SoakFault::Decreased {
                    counter,
                    before,
                    after,
                });
            }
        }
        self.last_stats = stats;
    }

    /// Checks P2 by the jobs' own counters: an accepted job that has not started is queued or about to run on a worker.
    fn check_queue(&self) {
        let ledger = &self.ledger;
        if ledger.requeues {
            return;
        }
        let accepted = ledger.accepted.load(Relaxed);
        let left_queue = ledger.started.load(Relaxed) + ledger.dropped.load(Relaxed);
        let limit = ledger.spec.capacity + ledger.highest_limit.load(Relaxed);
        let (waiting, limit) = (accepted.saturating_sub(left_queue), limit as u64);
        if waiting > limit {
            ledger.fail(SoakFault::TooManyWaiting { waiting, limit });
        }
    }

    fn start(&mut self, operation: SoakOperation) {
        self.operation = operation;
        self.ledger.start_operation(self.thread, operation);
    }

    fn random_job(&mut self) -> (Arc<JobRecord>, Job) {
        let plan = Plan::random(&mut self.rng, self.depth);
        self.job(plan)
    }

    fn job(&mut self, plan: Plan) -> (Arc<JobRecord>, Job) {
        let record = Arc::new(JobRecord::new(plan));
        self.records.push(Arc::clone(&record));
        self.ledger.offered.fetch_add(1, Relaxed);
        let job = TrackedJob {
            record: Arc::clone(&record),
            ledger: Arc::clone(&self.ledger),
            pool: Arc::downgrade(&self.pool),
            call_pool: Self::run_in_job,
            was_run: false,
        };
        (record, job.into_job())
    }

    fn handle_result(&mut self, record: &JobRecord, result: Result<(), SubmitError>) {
        match result {
            Ok(()) => self.mark_accepted(record),
            Err(rejected) => self.check_rejected_job(record, rejected),
        }
    }

    fn mark_accepted(&self, record: &JobRecord) {
        record.set_submit_result(SubmitResult::Accepted);
        self.ledger.accepted.fetch_add(1, Relaxed);
    }

    /// Checks that a rejected job is the submitted one, has neither run nor been dropped, and can still do either.
    fn check_rejected_job(&mut self, record: &JobRecord, rejected: SubmitError) {
        let counts = || (record.runs(), record.drops());
        let before = counts();
        record.set_submit_result(SubmitResult::Rejected);
        let job = rejected.into_job();
        if self.rng.bool() {
            drop(job.run());
        } else {
            drop(job);
        }
        let (runs, drops) = counts();
        if before != (0, 0) || runs + drops != 1 {
            self.ledger.fail(SoakFault::NotReturned { runs, drops });
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        lock(&self.ledger.records).append(&mut self.records);
    }
}

fn completed(record: &JobRecord) -> bool {
    record.has_finished() && !record.plan.panic_mode.panics()
}
