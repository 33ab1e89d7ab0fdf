//! One round: makes a pool, runs clients on it, closes it, and watches that all of that makes progress.

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
    /// The operation that closes the pool; then the one by which a submitter may close it as well.
    closings: Vec<SoakOperation>,
    ledger: Arc<Ledger>,
}

/// Notices when a round makes no progress.
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
                // A dropped pool cannot tell how many jobs it discarded.
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
        let (mostly_waits, requeues) = (rng.u8(0..4) == 0, rng.bool());
        Self {
            seed,
            number,
            threads,
            rng,
            closings,
            ledger: Arc::new(Ledger::new(spec, mostly_waits, requeues, threads)),
        }
    }

    pub(super) fn run<P: Pool + 'static>(
        mut self,
        make: &mut impl FnMut(&SoakSpec) -> P,
        stall_timeout: Duration,
        report: &mut SoakReport,
    ) -> Result<(), SoakFailure> {
        let pool: Arc<dyn Pool> = Arc::new(make(&self.ledger.spec));
        // For the stats in a failure. Must not keep a pool alive that the round drops.
        let weak = Arc::downgrade(&pool);
        let _kept = (self.closings[0] != SoakOperation::Drop).then(|| Arc::clone(&pool));
        let ledger = Arc::clone(&self.ledger);
        let mut watchdog = Watchdog::new(&ledger, stall_timeout);
        let outcome = self.execute(pool, &mut watchdog).and_then(|stats| {
            self.ledger.check(stats, &self.closings, report)?;
            // Last: faults recorded during the round fail it even if the counters are right.
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

    /// Runs clients on the pool and closes it. Returns the stats of the idle pool; `None` if the pool was dropped.
    fn execute(
        &mut self,
        pool: Arc<dyn Pool>,
        watchdog: &mut Watchdog<'_>,
    ) -> Result<Option<PoolStats>, SoakFault> {
        // Some rounds are short, to close pools often; others are long, for what takes time to happen.
        let submitters = pick(&mut self.rng, &[1, 2, self.threads, self.threads]);
        let submitters = submitters.min(self.threads);
        let budget = pick(&mut self.rng, &[5, 20, 80, 300]);
        self.ledger.submitters.store(submitters, Relaxed);
        let (done, all_done) = channel();
        for number in 0..submitters {
            let second = self.closings.get(1).filter(|_| number == 0);
            let second = second.map(|closing| (self.rng.usize(..budget), *closing));
            let client = Client::thread(&self.ledger, Arc::clone(&pool), self.rng.fork(), number);
            let body = submitter(Arc::clone(&self.ledger), client, number, budget, second);
            start(&self.ledger, number, done.clone(), body);
        }
        let (closing, number) = (self.closings[0], self.threads);
        let after = self.rng.u64(..(submitters * budget * 3 / 2) as u64);
        let kept = (closing != SoakOperation::Drop).then(|| Arc::clone(&pool));
        let client = Client::thread(&self.ledger, pool, self.rng.fork(), number);
        let body = closer(Arc::clone(&self.ledger), client, number, after, closing);
        start(&self.ledger, number, done, body);
        watchdog.wait_for(all_done)?;

        let Some(pool) = kept else {
            watchdog.wait_until_settled()?;
            return Ok(None);
        };
        // A stop, or a release past its deadline, leaves running jobs. A release waits for them.
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
            if let Some((_, closing)) = second.filter(|(at, _)| *at == step) {
                client.close_pool(closing);
            }
            client.step();
        }
        ledger.submitters.fetch_sub(1, Relaxed);
        // The client may hold the last handle of the pool.
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
    closing: SoakOperation,
) -> impl FnOnce() + Send + 'static {
    move || {
        Ledger::mark_soak_thread();
        while ledger.offered.load(Relaxed) < after && ledger.submitters.load(Relaxed) > 0 {
            thread::sleep(Duration::from_micros(20));
        }
        if closing == SoakOperation::Drop {
            ledger.start_operation(Some(number), closing);
        }
        client.close_pool(closing);
        drop(client);
        ledger.set_operation(number, SoakOperation::Done);
    }
}

/// Starts a thread of the soak. It drops `done` when it ends, also by a panic.
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
        // The receiver is gone if the round has failed.
        let _ = done.send(());
    };
    let builder = thread::Builder::new().name(format!("soak-{number}"));
    builder
        .spawn(guarded)
        .expect("the operating system can start a thread for the soak");
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

    /// Whether the round has made no progress for the stall timeout. Fails at the first fault that a thread recorded.
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

    /// Blocks until all threads have ended.
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

    /// Blocks until the pool is idle, at most for the stall timeout: it may count the end of a job a moment after that end.
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

/// The stats of the pool; `None` if it was dropped or does not return them within a second.
fn query_stats(pool: Weak<dyn Pool>) -> Option<PoolStats> {
    let pool = pool.upgrade()?;
    let (sender, receiver) = channel();
    let query = move || {
        let _ = sender.send(pool.stats());
    };
    thread::Builder::new().spawn(query).ok()?;
    receiver.recv_timeout(Duration::from_secs(1)).ok()
}
