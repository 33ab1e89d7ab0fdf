//! What has to add up after a round.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::ledger::{EmitResult, Figures, Ledger, Record, lock};

/// Reads a counter.
fn get(counter: &AtomicU64) -> u64 {
    counter.load(SeqCst)
}

impl Ledger {
    /// Checks every figure. Faults are added to the others.
    pub(crate) fn check(&self) {
        for (record, emission) in std::mem::take(&mut *lock(&self.kept)) {
            if !emission.is_finished() {
                self.fail(format!("{record}: it has not ended"));
                continue;
            }
            self.compare(&record, &emission.wait());
        }
        let records = lock(&self.records);
        let mut accepted = 0;
        for record in &*records {
            record.check(self);
            accepted += u64::from(record.ended.load(SeqCst));
        }
        self.equal("accepted, ended", get(&self.accepted), accepted);
    }

    /// Whether each job that was offered to a pool was rejected or ended. Its end may come after that of its emission.
    pub(crate) fn have_jobs_ended(&self) -> bool {
        let (rejected, ended) = (get(&self.jobs_rejected), get(&self.jobs_ended));
        get(&self.jobs_offered) == rejected + ended
    }

    fn equal(&self, what: &str, left: u64, right: u64) {
        if left != right {
            self.fail(format!("{what}: {left}, {right}"));
        }
    }
}

impl Record {
    fn check(&self, ledger: &Ledger) {
        let count = |counter: &AtomicU32| u64::from(counter.load(SeqCst));
        let (started, ended) = (count(&self.started), count(&self.ended));
        let result = *lock(&self.result);
        let is_right = match result {
            Some(EmitResult::Accepted) => (started, ended) == (1, 1),
            Some(EmitResult::Rejected | EmitResult::Cancelled) => started <= 1 && ended == 0,
            // The future that emitted it was dropped.
            None => ended <= started && started <= 1,
        };
        if !is_right {
            ledger.fail(format!(
                "{self}: {result:?}, started {started} times, ended {ended} times"
            ));
        }
        let Some(figures) = self.figures.get() else {
            if get(&self.calls) != 0 {
                ledger.fail(format!("{self}: not accepted, and listeners were called"));
            }
            return;
        };
        self.check_calls(ledger, figures);
    }

    fn check_calls(&self, ledger: &Ledger, figures: &Figures) {
        let (calls, retries) = (get(&self.calls), get(&self.retries));
        let sums = [
            ("calls, delivered", calls, figures.delivered),
            ("retries, retried", retries, figures.retried),
            ("calls, their ends", calls + retries, get(&self.ended_calls)),
            ("not called", get(&self.not_called), figures.not_called),
            (
                "calls of the soak's listeners",
                get(&self.own_calls),
                get(&self.counted_calls),
            ),
        ];
        for (what, left, right) in sums {
            if left != right {
                ledger.fail(format!("{self}: {what}: {left}, {right}; {figures:?}"));
            }
        }
        if figures.discarded && figures.delivered + figures.not_called != 0 {
            ledger.fail(format!(
                "{self}: discarded, and called listeners: {figures:?}"
            ));
        }
    }
}
