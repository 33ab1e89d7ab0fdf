//! Comparisons of soiree with others, and their targets.

use crate::case_id::CaseId;
use crate::process::Run;
use crate::runs::{Figure, Runs};
use crate::statistics::Quartiles;

/// What a comparison has to show.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Soiree takes at most this many times as long.
    MaxTimeRatio(f64),
    /// Soiree is at least this many times as fast.
    MinSpeedup(f64),
    /// Soiree takes at most this many nanoseconds.
    MaxNanos(f64),
}

/// A comparison of a case of soiree with other cases. The one that does best against soiree counts.
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) ours: CaseId,
    pub(crate) others: Vec<CaseId>,
    pub(crate) figure: Figure<'static>,
    pub(crate) target: Target,
}

/// The result of a comparison.
pub(crate) struct Outcome {
    /// The other case that counts, if there are others.
    pub(crate) other: Option<CaseId>,
    /// The figure of soiree.
    pub(crate) ours: Quartiles,
    /// The ratio that the target limits. For [`Target::MaxNanos`], the figure of soiree again.
    pub(crate) ratio: Quartiles,
    /// The same ratio for CPU time, if the comparison is of elapsed time.
    pub(crate) cpu: Option<Quartiles>,
    /// How many pairs of runs were left out because other processes disturbed them.
    pub(crate) dropped: usize,
    /// Whether all pairs are used because too few were undisturbed.
    pub(crate) noisy: bool,
    pub(crate) reached: bool,
}

/// With fewer undisturbed pairs than this, all pairs are used.
const MIN_UNDISTURBED_PAIRS: usize = 3;

impl Comparison {
    /// Returns `None` if one of the cases was not measured.
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
        let ratios = |figure: Figure<'_>| {
            let each = used
                .iter()
                .map(move |(one, two)| self.target.ratio(figure.of(one)?, figure.of(two)?));
            Quartiles::of(each.collect::<Option<Vec<f64>>>()?)
        };
        let ratio = ratios(self.figure)?;
        Some(Outcome {
            other: other.cloned(),
            ours: Quartiles::of(used.iter().filter_map(|(one, _)| self.figure.of(one)))?,
            ratio,
            cpu: match (self.figure, self.target) {
                (Figure::Wall, Target::MaxTimeRatio(_) | Target::MinSpeedup(_)) => {
                    ratios(Figure::Cpu)
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
            Self::MaxTimeRatio(max) | Self::MaxNanos(max) => found <= max,
            Self::MinSpeedup(min) => found >= min,
        }
    }
}
