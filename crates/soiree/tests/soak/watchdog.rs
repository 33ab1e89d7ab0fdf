//! Notices when a round makes no progress, and says what was waiting.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use soiree::WeakEventPool;

use crate::ledger::{EmitResult, Ledger, lock};
use crate::values::pause;

pub(crate) struct Watchdog {
    ledger: Arc<Ledger>,
    stall_timeout: Duration,
    steps: u64,
    since: Instant,
}

impl Watchdog {
    pub(crate) fn new(ledger: &Arc<Ledger>, stall_timeout: Duration) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            stall_timeout,
            steps: 0,
            since: Instant::now(),
        }
    }

    fn has_stalled(&mut self) -> bool {
        let steps = self.ledger.steps.load(SeqCst);
        if steps != self.steps {
            (self.steps, self.since) = (steps, Instant::now());
        }
        self.since.elapsed() > self.stall_timeout
    }

    /// Waits until all senders are gone.
    pub(crate) fn wait_for(&mut self, what: &str, ended: &Receiver<()>) -> Result<(), String> {
        self.since = Instant::now();
        let interval = Duration::from_millis(50);
        while ended.recv_timeout(interval) != Err(RecvTimeoutError::Disconnected) {
            if self.has_stalled() {
                return Err(self.report(what));
            }
        }
        Ok(())
    }

    /// Waits until the condition holds.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        holds: impl Fn() -> bool,
    ) -> Result<(), String> {
        self.since = Instant::now();
        while !holds() {
            if self.has_stalled() {
                return Err(self.report(what));
            }
            pause(Duration::from_micros(100));
        }
        Ok(())
    }

    fn report(&self, what: &str) -> String {
        let mut text = format!(
            "no progress for {:?} while it waited until {what}",
            self.stall_timeout
        );
        for (thread, activity) in &*lock(&self.ledger.activities) {
            text += &format!("\n  {thread}: {activity}");
        }
        text += &format!("\n  the event pool: {}", self.stats());
        let records = lock(&self.ledger.records);
        let waiting = records.iter().filter(|record| {
            record.ended.load(SeqCst) == 0
                && record.started.load(SeqCst) != 0
                && !matches!(
                    *lock(&record.result),
                    Some(EmitResult::Rejected | EmitResult::Cancelled)
                )
        });
        for record in waiting.take(20) {
            let calls = record.calls.load(SeqCst) + record.retries.load(SeqCst);
            let ended = record.ended_calls.load(SeqCst);
            text += &format!("\n  not ended: {record}, {calls} calls, {ended} of them ended");
        }
        let faults = lock(&self.ledger.faults);
        faults
            .iter()
            .fold(text, |text, fault| text + "\n  " + fault)
    }

    /// The figures of the event pool, unless it is gone or does not answer.
    fn stats(&self) -> String {
        let (sender, stats) = channel();
        let soiree = self.ledger.soiree.get().and_then(WeakEventPool::upgrade);
        let Some(soiree) = soiree else {
            return "gone".into();
        };
        thread::spawn(move || {
            let _ = sender.send(format!("{:?}", soiree.stats()));
        });
        let limit = Duration::from_secs(2);
        stats
            .recv_timeout(limit)
            .unwrap_or_else(|_| "does not answer".into())
    }
}
