//! What became of every job of a round, against what its pool says.

use std::sync::atomic::Ordering::Relaxed;

use soiree_core::{Overflow, PoolStats};

use super::ledger::{Answer, Ledger, Record, lock};
use super::{SoakFault, SoakOperation, SoakReport};

/// What the jobs of a round and their submitters counted.
#[derive(Debug, Default)]
struct Tally {
    successful: u64,
    failed: u64,
    /// Accepted, and dropped where a deadline may have passed.
    dropped_late: u64,
    /// Accepted, and dropped although no deadline can have passed.
    dropped: u64,
    refused: u64,
    /// Dropped, and their submitter was not told whether they were refused or discarded.
    untold: u64,
    nested: u64,
}

impl Tally {
    fn add(&mut self, record: &Record) -> Result<(), SoakFault> {
        let (runs, drops) = (record.runs(), record.drops());
        if runs + drops > 1 {
            return Err(SoakFault::Repeated { runs, drops });
        }
        self.nested += u64::from(record.plan.depth > 0);
        let count = match (record.answer(), runs) {
            (Answer::Rejected, _) => &mut self.refused,
            (_, 1) if record.plan.manner.panics() => &mut self.failed,
            (_, 1) => &mut self.successful,
            (Answer::Unknown, _) => &mut self.untold,
            (Answer::Accepted, _) if record.plan.deadline.may_pass() => &mut self.dropped_late,
            (Answer::Accepted, _) => &mut self.dropped,
        };
        *count += 1;
        Ok(())
    }

    fn ran(&self) -> u64 {
        self.successful + self.failed
    }

    /// What the pool counted must be what the jobs did.
    fn compare(&self, stats: &PoolStats, may_discard: bool) -> Result<(), SoakFault> {
        let same = |counter, pool: u64, jobs: u64| match pool == jobs {
            true => Ok(()),
            false => Err(SoakFault::Miscounted {
                counter,
                pool,
                jobs,
            }),
        };
        same("waiting", stats.waiting as u64, 0)?;
        same("active", stats.active as u64, 0)?;
        same("successful", stats.successful, self.successful)?;
        same("failed", stats.failed, self.failed)?;
        let told = self.ran() + self.dropped + self.dropped_late;
        let discarded_untold = stats.submitted.saturating_sub(told).min(self.untold);
        same("submitted", stats.submitted, told + discarded_untold)?;
        let refused = self.refused + self.untold - discarded_untold;
        same("rejected", stats.rejected, refused)?;
        if !stats.is_balanced() {
            return Err(SoakFault::Unbalanced(Box::new(*stats)));
        }
        // With the rest right, their sum is. How it divides is known where nothing else may be dropped.
        let discarded = match may_discard {
            true => stats
                .discarded
                .max(self.dropped + discarded_untold)
                .min(self.dropped + discarded_untold + self.dropped_late),
            false => 0,
        };
        same("discarded", stats.discarded, discarded)
    }
}

impl Ledger {
    /// Jobs that are still to be run or dropped.
    pub(super) fn unsettled(&self) -> u64 {
        let records = lock(&self.records);
        records.iter().filter(|record| !record.is_settled()).count() as u64
    }

    /// Judges a round that is at rest. Without figures, the pool is gone: it was dropped.
    pub(super) fn verdict(
        &self,
        stats: Option<PoolStats>,
        ends: &[SoakOperation],
        report: &mut SoakReport,
    ) -> Result<(), SoakFault> {
        let mut tally = Tally::default();
        for record in lock(&self.records).iter() {
            tally.add(record)?;
        }
        let discards = |end: &SoakOperation| {
            matches!(
                end,
                SoakOperation::Stop | SoakOperation::StopInJob | SoakOperation::ReleaseWithDeadline
            )
        };
        let may_discard = self.spec.overflow == Overflow::DropOldest || ends.iter().any(discards);
        if !may_discard && tally.dropped > 0 {
            return Err(SoakFault::Lost {
                jobs: tally.dropped,
            });
        }
        if let Some(stats) = &stats {
            tally.compare(stats, may_discard)?;
        }
        // A pool that is dropped discards nothing.
        let (expired, discarded) = match stats {
            Some(stats) => (stats.expired, stats.discarded),
            None => (tally.dropped_late, tally.dropped),
        };
        report.accepted += tally.ran() + expired + discarded;
        report.ran += tally.ran();
        report.panicked += tally.failed;
        report.expired += expired;
        report.discarded += discarded;
        report.refused += stats.map_or(tally.refused + tally.untold, |stats| stats.rejected);
        report.nested += tally.nested;
        let most_at_once = self.most_at_once.load(Relaxed);
        report.most_at_once = report.most_at_once.max(most_at_once);
        for (operation, times) in self.operations() {
            report.count(operation, times);
        }
        Ok(())
    }
}
