//! What is compared with what.

use crate::case_id::CaseId;
use crate::process::Run;
use crate::runs::{Figure, Runs};
use crate::statistics::Quartiles;

/// When a row counts as reached.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Ours takes at most so many times as long.
    MaxTimeRatio(f64),
    /// Ours is at least so many times as fast.
    MinSpeedup(f64),
    /// Ours takes at most so many nanoseconds.
    MaxNanos(f64),
}

/// A comparison of ours with one or several others, the best of whom counts.
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) ours: CaseId,
    pub(crate) others: Vec<CaseId>,
    pub(crate) figure: Figure<'static>,
    pub(crate) target: Target,
}

/// What came out for a row.
pub(crate) struct Outcome {
    /// The other that counts, if there are any.
    pub(crate) other: Option<CaseId>,
    /// Ours.
    pub(crate) ours: Quartiles,
    /// The ratio of the target, or ours again.
    pub(crate) ratio: Quartiles,
    /// The same of CPU time, where time is compared.
    pub(crate) cpu: Option<Quartiles>,
    /// Pairs that were left out as other processes disturbed them.
    pub(crate) dropped: usize,
    /// So few pairs were undisturbed that all of them had to be taken.
    pub(crate) noisy: bool,
    pub(crate) reached: bool,
}

/// With fewer undisturbed pairs than this, all pairs are taken.
const MIN_UNDISTURBED_PAIRS: usize = 3;

impl Comparison {
    /// Nothing if something was not measured.
    pub(crate) fn outcome(&self, runs: &Runs) -> Option<Outcome> {
        let ours = runs.get(&self.ours)?;
        if self.others.is_empty() {
            return self.compare(ours, ours, None);
        }
        let outcomes: Option<Vec<Outcome>> = self
            .others
            .iter()
            .map(|other| self.compare(ours, runs.get(other)?, Some(other)))
            .collect();
        let better = |one: &Outcome, two: &Outcome| {
            let order = one.ratio.median.total_cmp(&two.ratio.median);
            match self.target {
                Target::MinSpeedup(_) => order,
                Target::MaxTimeRatio(_) | Target::MaxNanos(_) => order.reverse(),
            }
        };
        outcomes?.into_iter().min_by(better)
    }

    fn compare(&self, ours: &[Run], others: &[Run], other: Option<&CaseId>) -> Option<Outcome> {
        let pairs: Vec<(&Run, &Run)> = ours.iter().zip(others).collect();
        let quiet: Vec<(&Run, &Run)> = pairs
            .iter()
            .copied()
            .filter(|(one, two)| one.is_undisturbed() && two.is_undisturbed())
            .collect();
        let noisy = quiet.len() < MIN_UNDISTURBED_PAIRS;
        let dropped = if noisy { 0 } else { pairs.len() - quiet.len() };
        let used = if noisy { pairs } else { quiet };
        let figures = |figure: Figure| {
            let each = used
                .iter()
                .map(move |(one, two)| self.target.ratio(figure.of(one)?, figure.of(two)?));
            Quartiles::of(each.collect::<Option<Vec<f64>>>()?)
        };
        let ratio = figures(self.figure)?;
        Some(Outcome {
            other: other.cloned(),
            ours: Quartiles::of(used.iter().filter_map(|(one, _)| self.figure.of(one)))?,
            ratio,
            cpu: match (self.figure, self.target) {
                (Figure::Wall, Target::MaxTimeRatio(_) | Target::MinSpeedup(_)) => {
                    figures(Figure::Cpu)
                }
                _ => None,
            },
            dropped,
            noisy,
            reached: self.target.is_reached(ratio.median),
        })
    }
}

impl Target {
    fn ratio(self, ours: f64, other: f64) -> Option<f64> {
        let ratio = match self {
            Self::MaxTimeRatio(_) => ours / other,
            Self::MinSpeedup(_) => other / ours,
            Self::MaxNanos(_) => ours,
        };
        ratio.is_finite().then_some(ratio)
    }

    fn is_reached(self, found: f64) -> bool {
        match self {
            Self::MaxTimeRatio(most) | Self::MaxNanos(most) => found <= most,
            Self::MinSpeedup(least) => found >= least,
        }
    }
}
