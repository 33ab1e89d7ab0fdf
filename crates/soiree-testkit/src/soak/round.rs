//! One round: a pool, those who use it, its end, and the watch over all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use soiree_core::{Overflow, PanicPayload, Pool, PoolStats};

use super::client::Client;
use super::ledger::Ledger;
use super::spec::pick;
use super::{SoakFailure, SoakFault, SoakOperation, SoakReport, SoakSpec};

pub(super) struct Round {
    seed: u64,
    number: u64,
    threads: usize,
    rng: Rng,
    /// How the pool ends, and what another thread may do to the same purpose.
    closings: Vec<SoakOperation>,
    ledger: Arc<Ledger>,
}

/// Notices when nothing happens any more.
struct Watchdog<'a> {
    ledger: &'a Ledger,
    stall_timeout: Duration,
    steps: u64,
    since: Instant,
}

impl Round {
    pub(super) fn new(seed: u64, number: u64, threads: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        rng = Rng::with_seed(rng.u64(..) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut spec = SoakSpec::random(&mut rng);
        let mut closings = vec![pick(
            &mut rng,
            &[
                SoakOperation::Stop,
                SoakOperation::Release,
                SoakOperation::ReleaseWithDeadline,
                SoakOperation::StopInJob,
                SoakOperation::ReleaseInJob,
                SoakOperation::Drop,
            ],
        )];
        if closings[0] == SoakOperation::Drop {
            if spec.overflow == Overflow::DropOldest {
                // A pool that is gone cannot say how many it discarded.
                spec.overflow = Overflow::Block;
            }
        } else if rng.u8(0..3) == 0 {
            closings.push(pick(
                &mut rng,
                &[
                    SoakOperation::Stop,
                    SoakOperation::Release,
                    SoakOperation::ReleaseInJob,
                ],
            ));
        }
        let mostly_waits = rng.u8(0..4) == 0;
        Self {
            seed,
            number,
            threads,
            rng,
            closings,
            ledger: Arc::new(Ledger::new(spec, mostly_waits, threads)),
        }
    }

    pub(super) fn run<P: Pool + 'static>(
        mut self,
        make: &mut impl FnMut(&SoakSpec) -> P,
        stall_timeout: Duration,
        report: &mut SoakReport,
    ) -> Result<(), SoakFailure> {
        let pool: Arc<dyn Pool> = Arc::new(make(&self.ledger.spec));
        // For its last figures. A pool that is to be dropped must not be kept by this.
        let weak = Arc::downgrade(&pool);
        let _kept = (self.closings[0] != SoakOperation::Drop).then(|| Arc::clone(&pool));
        let ledger = Arc::clone(&self.ledger);
        let mut watchdog = Watchdog::new(&ledger, stall_timeout);
        let outcome = self.execute(pool, &mut watchdog).and_then(|stats| {
            self.ledger.check(stats, &self.closings, report)?;
            // Last, so that it does not hide behind an account that happens to be right.
            self.ledger.fault().map_or(Ok(()), Err)
        });
        outcome.map_err(|fault| SoakFailure {
            fault,
            seed: self.seed,
            round: self.number,
            threads: self.threads,
            spec: Box::new(self.ledger.spec.clone()),
            stats: query_stats(weak).map(Box::new),
        })
    }

    /// Uses the pool and ends it. Returns its figures at rest, unless it was dropped.
    fn execute(
        &mut self,
        pool: Arc<dyn Pool>,
        watchdog: &mut Watchdog<'_>,
    ) -> Result<Option<PoolStats>, SoakFault> {
        // Few and short, to end often; many and long, for all that takes time to come about.
        let submitters = pick(&mut self.rng, &[1, 2, self.threads, self.threads]);
        let submitters = submitters.min(self.threads);
        let budget = pick(&mut self.rng, &[5, 20, 80, 300]);
        self.ledger.submitters.store(submitters, Relaxed);
        let (done, all_done) = channel();
        for number in 0..submitters {
            let second = self.closings.get(1).filter(|_| number == 0);
            let second = second.map(|end| (self.rng.usize(..budget), *end));
            let client = Client::thread(&self.ledger, Arc::clone(&pool), self.rng.fork(), number);
            let body = submitter(Arc::clone(&self.ledger), client, number, budget, second);
            start(&self.ledger, number, done.clone(), body);
        }
        let (by, number) = (self.closings[0], self.threads);
        let after = self.rng.u64(..(submitters * budget * 3 / 2) as u64);
        let kept = (by != SoakOperation::Drop).then(|| Arc::clone(&pool));
        let client = Client::thread(&self.ledger, pool, self.rng.fork(), number);
        let body = closer(Arc::clone(&self.ledger), client, number, after, by);
        start(&self.ledger, number, done, body);
        watchdog.wait_for(all_done)?;

        let Some(pool) = kept else {
            watchdog.wait_until_settled()?;
            return Ok(None);
        };
        // Whatever the end was, this waits for what it left.
        let (done, all_done) = channel();
        let (released, ledger) = (Arc::clone(&pool), Arc::clone(&self.ledger));
        let release = move || {
            ledger.set_operation(number, SoakOperation::Release);
            released.release();
            ledger.set_operation(number, SoakOperation::Done);
        };
        start(&self.ledger, number, done, release);
        watchdog.wait_for(all_done)?;
        watchdog.wait_until_settled()?;
        watchdog.wait_until_idle(pool.as_ref()).map(Some)
    }
}

fn submitter(
    ledger: Arc<Ledger>,
    mut client: Client,
    number: usize,
    budget: usize,
    second: Option<(usize, SoakOperation)>,
) -> impl FnOnce() + Send + 'static {
    move || {
        Ledger::mark_soak_thread();
        for step in 0..budget {
            if let Some((_, end)) = second.filter(|(at, _)| *at == step) {
                client.close_pool(end);
            }
            client.step();
        }
        ledger.submitters.fetch_sub(1, Relaxed);
        // It may hold the last handle of the pool.
        ledger.set_operation(number, SoakOperation::Drop);
        drop(client);
        ledger.set_operation(number, SoakOperation::Done);
    }
}

fn closer(
    ledger: Arc<Ledger>,
    mut client: Client,
    number: usize,
    after: u64,
    by: SoakOperation,
) -> impl FnOnce() + Send + 'static {
    move || {
        Ledger::mark_soak_thread();
        while ledger.offered.load(Relaxed) < after && ledger.submitters.load(Relaxed) > 0 {
            thread::sleep(Duration::from_micros(20));
        }
        if by == SoakOperation::Drop {
            ledger.start_operation(Some(number), by);
        }
        client.close_pool(by);
        drop(client);
        ledger.set_operation(number, SoakOperation::Done);
    }
}

/// Starts the thread of that number. Its end is told in any case.
fn start(
    ledger: &Arc<Ledger>,
    number: usize,
    done: Sender<()>,
    body: impl FnOnce() + Send + 'static,
) {
    let ledger = Arc::clone(ledger);
    let guarded = move || {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
            ledger.fail(SoakFault::Panicked {
                operation: ledger.current_operations()[number],
                message: PanicPayload::new(payload).message().into(),
            });
        }
        // Of no interest once the round has failed.
        let _ = done.send(());
    };
    let builder = thread::Builder::new().name(format!("soak-{number}"));
    builder
        .spawn(guarded)
        .expect("the system starts a thread for the soak");
}

impl<'a> Watchdog<'a> {
    fn new(ledger: &'a Ledger, stall_timeout: Duration) -> Self {
        Self {
            ledger,
            stall_timeout,
            steps: 0,
            since: Instant::now(),
        }
    }

    /// Whether nothing has happened for too long. Ends at the first fault that anyone met.
    fn has_stalled(&mut self) -> Result<bool, SoakFault> {
        if let Some(fault) = self.ledger.fault() {
            return Err(fault);
        }
        let steps = self.ledger.steps.load(Relaxed);
        if steps != self.steps {
            (self.steps, self.since) = (steps, Instant::now());
        }
        Ok(self.since.elapsed() > self.stall_timeout)
    }

    /// Waits until all threads have ended.
    fn wait_for(&mut self, all_done: Receiver<()>) -> Result<(), SoakFault> {
        let interval = self.stall_timeout.min(Duration::from_millis(100));
        while all_done.recv_timeout(interval) != Err(RecvTimeoutError::Disconnected) {
            if self.has_stalled()? {
                let operations = self.ledger.current_operations();
                return Err(SoakFault::Hung { operations });
            }
        }
        Ok(())
    }

    fn wait_until_settled(&mut self) -> Result<(), SoakFault> {
        loop {
            let jobs = self.ledger.unsettled();
            if jobs == 0 {
                return Ok(());
            }
            if self.has_stalled()? {
                return Err(SoakFault::Lost { jobs });
            }
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// A pool may count the end of a job a moment after the job has ended.
    fn wait_until_idle(&mut self, pool: &dyn Pool) -> Result<PoolStats, SoakFault> {
        loop {
            let stats = pool.stats();
            if (stats.waiting, stats.active) == (0, 0) || self.has_stalled()? {
                return Ok(stats);
            }
            thread::sleep(Duration::from_micros(100));
        }
    }
}

/// A pool's figures, if there is still a pool and it answers.
fn query_stats(pool: Weak<dyn Pool>) -> Option<PoolStats> {
    let pool = pool.upgrade()?;
    let (answer, set_submit_result) = channel();
    let ask = move || {
        let _ = answer.send(pool.stats());
    };
    thread::Builder::new().spawn(ask).ok()?;
    set_submit_result.recv_timeout(Duration::from_secs(1)).ok()
}
