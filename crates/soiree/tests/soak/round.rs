//! One round: a new event pool, threads that use it, and a close.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use soiree::pool::Pool;
use soiree::{CloseError, EventPool, PoolHandle};
use tokio::runtime::Runtime;

use crate::changer::Changer;
use crate::client::Client;
use crate::ledger::{Ledger, Witness, lock};
use crate::listeners::{key_order, subscribe};
use crate::options::Options;
use crate::pools::{MadePool, leaf_pool, random_pool, task_pool};
use crate::readers::{inboxes, wait_for_events};
use crate::values::{caught, pause};
use crate::watchdog::Watchdog;

/// How the event pool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Close,
    CloseAsync,
    WithDeadline(Duration),
    /// The last handle is dropped.
    Drop,
}

pub(crate) struct Round {
    /// How many threads the process had.
    threads_before: usize,
    seed: u64,
    threads: usize,
    budget: usize,
    closing: Closing,
    rng: Rng,
    ledger: Arc<Ledger>,
    watchdog: Watchdog,
    runtime: Option<Runtime>,
    runtime_workers: usize,
    /// Pools that the event pool leaves running.
    shared: Vec<Arc<dyn Pool>>,
    shown: Vec<String>,
    senders: Option<Sender<()>>,
}

/// How many threads the process has, if the system says so.
fn live_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

impl Round {
    pub(crate) fn new(options: &Options, number: u64) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        rng = Rng::with_seed(rng.u64(..) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let ledger = Arc::new(Ledger::default());
        let closing = match rng.u8(..6) {
            0 => Closing::Close,
            1 => Closing::CloseAsync,
            2 => Closing::Drop,
            _ => Closing::WithDeadline(Duration::from_micros(rng.u64(..20_000))),
        };
        Self {
            threads_before: live_threads(),
            seed: rng.u64(..),
            threads: options.threads,
            budget: [10, 40, 100, 300][rng.usize(..4)],
            closing,
            watchdog: Watchdog::new(&ledger, options.stall_timeout),
            ledger,
            // Started by the round, as its threads are counted.
            runtime: None,
            runtime_workers: rng.usize(1..3),
            shared: Vec::new(),
            shown: vec![format!("{closing:?}")],
            senders: None,
            rng,
        }
    }

    /// Runs it. Returns how many emissions there were.
    pub(crate) fn run(mut self) -> Result<usize, String> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime
            .worker_threads(self.runtime_workers)
            .enable_time()
            .build();
        self.runtime = Some(runtime.expect("Tokio can start a runtime"));
        let outcome = self.execute();
        let runtime = self.runtime.take();
        let outcome = outcome.and_then(|()| {
            runtime
                .expect("it is kept until now")
                .shutdown_timeout(Duration::from_secs(10));
            let ledger = Arc::clone(&self.ledger);
            self.watchdog
                .wait_until("every job has ended", || ledger.have_jobs_ended())?;
            ledger.check();
            let is_rest = || ledger.made.load(SeqCst) == ledger.dropped.load(SeqCst);
            // Threads that end drop what they hold.
            self.watchdog
                .wait_until("every value is dropped", is_rest)
                .map_err(|text| format!("{text}\n  {}", self.values()))?;
            let before = self.threads_before;
            let is_alone = || live_threads() <= before;
            self.watchdog
                .wait_until("its threads have ended", is_alone)?;
            let faults = std::mem::take(&mut *lock(&ledger.faults));
            faults.is_empty().then_some(()).ok_or(faults.join("\n  "))
        });
        match outcome {
            Ok(()) => Ok(self.ledger.emitted()),
            Err(text) => Err(format!("{}\n  {text}", self.shown.join(", "))),
        }
    }

    fn values(&self) -> String {
        let (made, dropped) = (&self.ledger.made, &self.ledger.dropped);
        format!(
            "{} values made, {} dropped",
            made.load(SeqCst),
            dropped.load(SeqCst)
        )
    }

    fn execute(&mut self) -> Result<(), String> {
        let soiree = self.event_pool();
        let _ = self.ledger.soiree.set(soiree.downgrade());
        subscribe(&soiree, &self.ledger).map_err(|error| error.to_string())?;
        let (done, all_done) = channel();
        self.senders = Some(done);
        self.start_threads(&soiree);
        // The closer has to drop the last handle, if that is how the event pool ends.
        let kept = (self.closing != Closing::Drop).then_some(soiree);
        self.senders = None;
        self.watchdog.wait_for("its threads end", &all_done)?;
        if let Some(soiree) = kept {
            let is_at_rest = || {
                let stats = soiree.stats();
                let waiting = stats.waiting.total() + stats.retries + stats.waiting_calls;
                stats.in_flight == 0 && waiting == 0 && stats.active == 0
            };
            self.watchdog
                .wait_until("no emission is in flight", is_at_rest)?;
            caught(|| drop(soiree));
        }
        let ledger = Arc::clone(&self.ledger);
        let have_ended = || {
            let records = lock(&ledger.records);
            let ended = records.iter().map(|record| record.ended.load(SeqCst));
            u64::from(ended.sum::<u32>()) == ledger.accepted.load(SeqCst)
        };
        self.watchdog
            .wait_until("every accepted emission has ended", have_ended)?;
        for pool in std::mem::take(&mut self.shared) {
            pool.release();
            let stats = pool.stats();
            if !stats.is_balanced() || !stats.is_idle() || stats.reserved != 0 {
                self.ledger.fail(format!("a pool at rest: {stats:?}"));
            }
        }
        Ok(())
    }

    /// Some pools are shared, and outlive the event pool.
    fn handle(&mut self, name: &str, made: MadePool) -> PoolHandle {
        let is_shared = self.rng.bool();
        let how = if is_shared { "shared " } else { "" };
        self.shown.push(format!("{name}: {how}{}", made.shown));
        if !is_shared {
            return made.pool.into();
        }
        let pool: Arc<dyn Pool> = made.pool.into();
        self.shared.push(Arc::clone(&pool));
        pool.into()
    }

    fn event_pool(&mut self) -> EventPool {
        let runtime = self.runtime.as_ref().expect("it is kept").handle().clone();
        let _ = self.ledger.runtime.set(runtime.clone());
        let default = random_pool(&mut self.rng, &runtime);
        let default = self.handle("default", default);
        let own = random_pool(&mut self.rng, &runtime);
        let own = self.handle("own", own);
        let leaf = leaf_pool(&mut self.rng);
        self.shared.push(Arc::clone(&leaf) as Arc<dyn Pool>);
        let built = EventPool::builder()
            .pool(default)
            .bulkhead("own", own)
            .bulkhead("leaf", leaf)
            .bulkhead("async", task_pool(&mut self.rng, &runtime))
            .route("leaf", "leaf")
            .ordered("k.**", key_order([4, 1_000][self.rng.usize(..2)]))
            .observer(Witness(Arc::clone(&self.ledger)))
            .error_handler(|_, error| Some(error))
            .slow_listeners(Duration::from_millis(5))
            .retry_capacity([3, 1_000][self.rng.usize(..2)])
            .waiting_capacity([3, 1_000][self.rng.usize(..2)])
            .build();
        built.expect("the names and patterns are valid")
    }

    fn start(&mut self, name: &str, body: impl FnOnce(usize) + Send + 'static) {
        let number = self.ledger.add_thread(name);
        let (done, ledger) = (self.senders.clone(), Arc::clone(&self.ledger));
        let builder = thread::Builder::new().name(format!("soak {name}"));
        let body = move || {
            if caught(|| body(number)).is_none() {
                ledger.fail(format!("thread {number} panicked"));
            }
            ledger.set_activity(number, "has ended");
            drop(done);
        };
        builder.spawn(body).expect("the system can start a thread");
    }

    fn start_threads(&mut self, soiree: &EventPool) {
        for reader in inboxes(soiree) {
            let (ledger, rng) = (Arc::clone(&self.ledger), self.rng.fork());
            let is_exact = matches!(self.closing, Closing::Close | Closing::CloseAsync);
            self.start("inbox", move |_| reader.run(&ledger, rng, is_exact));
        }
        let (ledger, weak, rng) = (
            Arc::clone(&self.ledger),
            soiree.downgrade(),
            self.rng.fork(),
        );
        self.start("waiter", move |thread| {
            wait_for_events(&ledger, &weak, thread, rng);
        });
        let emits_on = self.rng.bool();
        for _ in 0..self.threads {
            let client = self.client(soiree);
            let budget = self.budget;
            self.start("emitter", move |thread| {
                let mut client = Client { thread, ..client };
                for _ in 0..budget {
                    let is_open = client.step();
                    if !is_open || (!emits_on && client.ledger.is_closing.load(SeqCst)) {
                        break;
                    }
                }
                client.ledger.set_activity(thread, "drops its handle");
                drop(client);
            });
        }
        let (client, runtime) = (self.client(soiree), self.runtime.as_ref());
        let runtime = runtime.expect("it is kept").handle().clone();
        self.start("changer", move |thread| {
            Changer::new(Client { thread, ..client }, runtime).run();
        });
        let (client, closing) = (self.client(soiree), self.closing);
        let after = self.rng.usize(..self.threads * self.budget + 1);
        self.start("closer", move |thread| {
            close(client, thread, after, closing)
        });
    }

    fn client(&mut self, soiree: &EventPool) -> Client {
        Client::new(&self.ledger, soiree, self.rng.fork(), 0, self.seed)
    }
}

/// Closes the event pool after so many emissions.
fn close(client: Client, thread: usize, after: usize, closing: Closing) {
    let Client { ledger, soiree, .. } = client;
    let begin = Instant::now();
    while ledger.emitted() < after && begin.elapsed() < Duration::from_secs(5) {
        ledger.set_activity(thread, "waits for emissions");
        pause(Duration::from_micros(100));
    }
    ledger.is_closing.store(true, SeqCst);
    ledger.set_activity(thread, "closes");
    let closed = match closing {
        Closing::Close => soiree.close(),
        Closing::CloseAsync => pollster::block_on(soiree.close_async()),
        Closing::WithDeadline(limit) => soiree.close_with_deadline(Instant::now() + limit),
        Closing::Drop => Ok(()),
    };
    match closed {
        Err(CloseError::DrainTimeout {
            emissions,
            running,
            discarded,
            retries_given_up,
            ended,
            ..
        }) if emissions == running + discarded + retries_given_up + ended => {}
        Ok(()) => {}
        Err(error) => ledger.fail(format!("close: {error:?}")),
    }
    caught(|| drop(soiree));
}
