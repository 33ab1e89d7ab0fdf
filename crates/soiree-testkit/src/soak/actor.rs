//! One who does random things to a pool: a thread of the soak, or a job.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fastrand::Rng;
use soiree_core::{Job, PanicPayload, Pool, PoolStats, ResizeError, SubmitError, WaitError};

use super::ledger::{Answer, Ledger, Record, lock};
use super::plan::{Deadline, Plan};
use super::ticket::Ticket;
use super::{SoakFault, SoakOperation};

pub(super) struct Actor {
    ledger: Arc<Ledger>,
    pool: Arc<dyn Pool>,
    rng: Rng,
    /// Its number, if it is a thread of the soak.
    thread: Option<usize>,
    doing: SoakOperation,
    /// How deep its jobs are in jobs.
    depth: u32,
    /// The last figures it read.
    seen: PoolStats,
    records: Vec<Arc<Record>>,
}

impl Actor {
    /// A thread of the soak, with its number.
    pub(super) fn thread(
        ledger: &Arc<Ledger>,
        pool: Arc<dyn Pool>,
        rng: Rng,
        number: usize,
    ) -> Self {
        let mut actor = Self::nested(ledger, pool, rng, 0);
        actor.thread = Some(number);
        actor
    }

    /// A job, whose jobs are so deep in jobs.
    fn nested(ledger: &Arc<Ledger>, pool: Arc<dyn Pool>, rng: Rng, depth: u32) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            pool,
            rng,
            thread: None,
            doing: SoakOperation::Done,
            depth,
            seen: PoolStats::default(),
            records: Vec::new(),
        }
    }

    /// Does inside a job what the job's plan says about its own pool.
    fn act_in_job(ledger: &Arc<Ledger>, pool: Arc<dyn Pool>, plan: Plan) {
        let rng = Rng::with_seed(plan.nested.unwrap_or(0));
        let mut actor = Self::nested(ledger, pool, rng, plan.depth + 1);
        let acts = || {
            if let Some(seed) = plan.nested {
                for _ in 0..1 + seed % 2 {
                    actor.act();
                }
            }
            if let Some(end) = plan.ends {
                actor.end_from_job(end);
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(acts)) {
            ledger.fail(SoakFault::Panicked {
                operation: actor.doing,
                message: PanicPayload::new(payload).message().into(),
            });
        }
    }

    /// What a job does that is to end its own pool.
    fn end_from_job(&mut self, by: SoakOperation) {
        self.doing = by;
        match by {
            SoakOperation::StopInJob => self.pool.stop(),
            _ => self.pool.release(),
        }
    }

    pub(super) fn act(&mut self) {
        if self.ledger.is_patient && self.rng.u8(0..10) < 9 {
            return self.submit_and_wait();
        }
        match self.rng.u8(0..100) {
            0..35 => self.submit(),
            35..55 => self.try_submit(),
            55..65 => self.submit_before(),
            65..75 => self.submit_and_wait(),
            75..80 => self.submit_all_and_wait(),
            80..84 => self.resize(),
            _ => self.read_stats(),
        }
    }

    /// Ends the pool. Dropping it is no act of an actor: it is done when the last one has gone.
    pub(super) fn end(&mut self, by: SoakOperation) {
        match by {
            SoakOperation::Stop => {
                self.begin(by);
                self.pool.stop();
            }
            SoakOperation::Release => {
                self.begin(by);
                self.pool.release();
            }
            SoakOperation::ReleaseWithDeadline => {
                self.begin(by);
                let rest = Duration::from_micros(self.rng.u64(..2_000));
                // What it leaves is seen in the figures.
                let _ = self.pool.release_with_deadline(Instant::now() + rest);
            }
            SoakOperation::StopInJob | SoakOperation::ReleaseInJob => {
                self.begin(by);
                let mut plan = Plan::random(&mut self.rng, self.depth);
                plan.ends = Some(by);
                let (record, job) = self.job(plan);
                let answer = self.pool.submit(job);
                self.answered(&record, answer);
            }
            _ => {}
        }
    }

    fn submit(&mut self) {
        self.begin(SoakOperation::Submit);
        let (record, job) = self.random_job();
        let answer = self.pool.submit(job);
        self.answered(&record, answer);
    }

    fn try_submit(&mut self) {
        self.begin(SoakOperation::TrySubmit);
        let (record, job) = self.random_job();
        let answer = self.pool.try_submit(job);
        self.answered(&record, answer);
    }

    fn submit_before(&mut self) {
        self.begin(SoakOperation::SubmitBefore);
        let mut plan = Plan::random(&mut self.rng, self.depth);
        plan.deadline = Deadline::random(&mut self.rng);
        let deadline = plan.deadline.instant(&mut self.rng);
        let (record, job) = self.job(plan);
        let answer = self.pool.submit_before(job, deadline);
        self.answered(&record, answer);
    }

    fn submit_and_wait(&mut self) {
        let operation = SoakOperation::SubmitAndWait;
        self.begin(operation);
        let (record, job) = self.random_job();
        let (said, is_true) = match self.pool.submit_and_wait(job) {
            Ok(()) => ("completed", completed(&record)),
            Err(WaitError::Panicked(_)) => (
                "panicked",
                record.has_finished() && record.plan.manner.panics(),
            ),
            Err(WaitError::Discarded) => ("was discarded", record.runs() == 0),
            Err(WaitError::Rejected(refused)) => return self.take_back(&record, refused),
            Err(_) => ("ended otherwise", false),
        };
        if !is_true {
            self.ledger.fail(SoakFault::FalseAnswer { operation, said });
        }
        self.accepted(&record);
    }

    fn submit_all_and_wait(&mut self) {
        let operation = SoakOperation::SubmitAllAndWait;
        self.begin(operation);
        let count = self.rng.usize(2..6);
        let (records, jobs): (Vec<_>, Vec<_>) = (0..count).map(|_| self.random_job()).unzip();
        // Of the jobs that did not complete, only the first one's error is told.
        let all_completed = self.pool.submit_all_and_wait(jobs).is_ok();
        for record in &records {
            if record.has_finished() {
                self.accepted(record);
            }
        }
        if all_completed != records.iter().all(|record| completed(record)) {
            let said = if all_completed {
                "completed"
            } else {
                "did not complete"
            };
            self.ledger.fail(SoakFault::FalseAnswer { operation, said });
        }
    }

    fn resize(&mut self) {
        if self.ledger.is_fixed.load(Relaxed) {
            return;
        }
        self.begin(SoakOperation::Resize);
        let least = self.ledger.spec.min_workers.max(1);
        let max_workers = self.rng.usize(least..=least + 8);
        // Before, as the first job beyond the old limit may begin at once.
        self.ledger.greatest_limit.fetch_max(max_workers, Relaxed);
        match self.pool.resize(max_workers) {
            Ok(()) => {}
            Err(ResizeError::Fixed { .. }) => self.ledger.is_fixed.store(true, Relaxed),
            Err(_) => self.ledger.fail(SoakFault::NotResized { max_workers }),
        }
    }

    fn read_stats(&mut self) {
        self.begin(SoakOperation::Stats);
        self.look_at_queue();
        let stats = self.pool.stats();
        if !stats.is_balanced() {
            self.ledger.fail(SoakFault::Unbalanced(Box::new(stats)));
        }
        // The truth is read after the figures, so it can only have grown since.
        let ledger = &self.ledger;
        let truth = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed);
        for (counter, pool, at_most) in [
            ("submitted", stats.submitted, truth(&ledger.offered)),
            ("rejected", stats.rejected, truth(&ledger.offered)),
            ("successful", stats.successful, truth(&ledger.successful)),
            ("failed", stats.failed, truth(&ledger.failed)),
            ("expired", stats.expired, truth(&ledger.dropped)),
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
            ("rejected", self.seen.rejected, stats.rejected),
            ("successful", self.seen.successful, stats.successful),
            ("failed", self.seen.failed, stats.failed),
            ("expired", self.seen.expired, stats.expired),
            ("discarded", self.seen.discarded, stats.discarded),
        ] {
            if after < before {
                ledger.fail(SoakFault::Fell {
                    counter,
                    before,
                    after,
                });
            }
        }
        self.seen = stats;
    }

    /// P2, as the jobs see it: what is accepted and has not begun waits, or is in the hands of a worker.
    fn look_at_queue(&self) {
        let ledger = &self.ledger;
        let accepted = ledger.accepted.load(Relaxed);
        let gone = ledger.begun.load(Relaxed) + ledger.dropped.load(Relaxed);
        let limit = ledger.spec.capacity + ledger.greatest_limit.load(Relaxed);
        let (waiting, limit) = (accepted.saturating_sub(gone), limit as u64);
        if waiting > limit {
            ledger.fail(SoakFault::TooManyWaiting { waiting, limit });
        }
    }

    fn begin(&mut self, operation: SoakOperation) {
        self.doing = operation;
        self.ledger.does(self.thread, operation);
    }

    fn random_job(&mut self) -> (Arc<Record>, Job) {
        let plan = Plan::random(&mut self.rng, self.depth);
        self.job(plan)
    }

    fn job(&mut self, plan: Plan) -> (Arc<Record>, Job) {
        let record = Arc::new(Record::new(plan));
        self.records.push(Arc::clone(&record));
        self.ledger.offered.fetch_add(1, Relaxed);
        let ticket = Ticket {
            record: Arc::clone(&record),
            ledger: Arc::clone(&self.ledger),
            pool: Arc::downgrade(&self.pool),
            call_pool: Self::act_in_job,
            was_run: false,
        };
        (record, ticket.into_job())
    }

    fn answered(&mut self, record: &Record, answer: Result<(), SubmitError>) {
        match answer {
            Ok(()) => self.accepted(record),
            Err(refused) => self.take_back(record, refused),
        }
    }

    fn accepted(&self, record: &Record) {
        record.answered(Answer::Accepted);
        self.ledger.accepted.fetch_add(1, Relaxed);
    }

    /// What comes back has to be the job itself, untouched and fit for use.
    fn take_back(&mut self, record: &Record, refused: SubmitError) {
        let fates = || (record.runs(), record.drops());
        let before = fates();
        record.answered(Answer::Rejected);
        let job = refused.into_job();
        if self.rng.bool() {
            drop(job.run());
        } else {
            drop(job);
        }
        let (runs, drops) = fates();
        if before != (0, 0) || runs + drops != 1 {
            self.ledger.fail(SoakFault::NotReturned { runs, drops });
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        lock(&self.ledger.records).append(&mut self.records);
    }
}

fn completed(record: &Record) -> bool {
    record.has_finished() && !record.plan.manner.panics()
}
