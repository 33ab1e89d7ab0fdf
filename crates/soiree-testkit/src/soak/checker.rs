//! Compares what happened to the jobs of a round with the pool's stats.

use std::sync::atomic::Ordering::Relaxed;

use soiree_core::{Overflow, PoolStats};

use super::ledger::{JobRecord, Ledger, SubmitResult, lock};
use super::{SoakFault, SoakOperation, SoakReport};

/// What happened to the jobs of a round, according to themselves and their submitters.
#[derive(Debug, Default)]
struct Counts {
    successful: u64,
    failed: u64,
    /// Accepted and dropped, with a deadline that may have passed.
    dropped_late: u64,
    /// Accepted and dropped, although no deadline can have passed.
    dropped: u64,
    rejected: u64,
    /// Dropped, and their submitter does not know whether the pool rejected or discarded them.
    unknown: u64,
    nested: u64,
}

impl Counts {
    fn add(&mut self, record: &JobRecord) -> Result<(), SoakFault> {
        let (runs, drops) = (record.runs(), record.drops());
        if runs + drops > 1 {
            return Err(SoakFault::Duplicated { runs, drops });
        }
        self.nested += u64::from(record.plan.depth > 0);
        let count = match (record.submit_result(), runs) {
            (SubmitResult::Rejected, _) => &mut self.rejected,
            (_, 1) if record.plan.panic_mode.panics() => &mut self.failed,
            (_, 1) => &mut self.successful,
            (SubmitResult::Unknown, _) => &mut self.unknown,
            (SubmitResult::Accepted, _) if record.plan.deadline.may_pass() => {
                &mut self.dropped_late
            }
            (SubmitResult::Accepted, _) => &mut self.dropped,
        };
        *count += 1;
        Ok(())
    }

    fn ran(&self) -> u64 {
        self.successful + self.failed
    }

    /// Checks that the pool counted what happened to the jobs.
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
        let known = self.ran() + self.dropped + self.dropped_late;
        let discarded_unknown = stats.submitted.saturating_sub(known).min(self.unknown);
        same("submitted", stats.submitted, known + discarded_unknown)?;
        let rejected = self.rejected + self.unknown - discarded_unknown;
        same("rejected", stats.rejected, rejected)?;
        if !stats.is_balanced() {
            return Err(SoakFault::Unbalanced(Box::new(*stats)));
        }
        // The stats balance, so expired and discarded have the right sum. The split is known only if no job may be discarded.
        let discarded = match may_discard {
            true => stats
                .discarded
                .max(self.dropped + discarded_unknown)
                .min(self.dropped + discarded_unknown + self.dropped_late),
            false => 0,
        };
        same("discarded", stats.discarded, discarded)
    }
}

impl Ledger {
    /// How many jobs have neither finished nor been dropped.
    pub(super) fn unsettled(&self) -> u64 {
        let records = lock(&self.records);
        records.iter().filter(|record| !record.is_settled()).count() as u64
    }

    /// Checks a round whose pool is idle, and adds it to the report. `stats` is `None` if the pool was dropped.
    pub(super) fn check(
        &self,
        stats: Option<PoolStats>,
        closings: &[SoakOperation],
        report: &mut SoakReport,
    ) -> Result<(), SoakFault> {
        let mut counts = Counts::default();
        for record in lock(&self.records).iter() {
            counts.add(record)?;
        }
        let discards = |closing: &SoakOperation| {
            matches!(
                closing,
                SoakOperation::Stop | SoakOperation::StopInJob | SoakOperation::ReleaseWithDeadline
            )
        };
        let may_discard =
            self.spec.overflow == Overflow::DropOldest || closings.iter().any(discards);
        if !may_discard && counts.dropped > 0 {
            return Err(SoakFault::Lost {
                jobs: counts.dropped,
            });
        }
        if let Some(stats) = &stats {
            counts.compare(stats, may_discard)?;
        }
        // No stats: the pool was dropped, which discards nothing, so what it dropped has expired.
        let (expired, discarded) = match stats {
            Some(stats) => (stats.expired, stats.discarded),
            None => (counts.dropped_late, counts.dropped),
        };
        report.accepted += counts.ran() + expired + discarded;
        report.ran += counts.ran();
        report.panicked += counts.failed;
        report.expired += expired;
        report.discarded += discarded;
        report.rejected += stats.map_or(counts.rejected + counts.unknown, |stats| stats.rejected);
        report.nested += counts.nested;
        let peak_running = self.peak_running.load(Relaxed);
        report.peak_running = report.peak_running.max(peak_running);
        for (operation, times) in self.operations() {
            report.count(operation, times);
        }
        Ok(())
    }
}
