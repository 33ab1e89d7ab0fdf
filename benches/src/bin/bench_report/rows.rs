//! What is compared with what.

use crate::process::Run;
use crate::run::{MOST_FOREIGN, Measured};
use crate::statistics::Middle;

/// One workload done by one contender.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) workload: String,
    pub(crate) contender: String,
}

impl Key {
    pub(crate) fn new(workload: impl Into<String>, contender: impl Into<String>) -> Self {
        Self {
            workload: workload.into(),
            contender: contender.into(),
        }
    }
}

/// What of a run is compared.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// Time for each operation.
    Wall,
    /// CPU time for each operation.
    Cpu,
    Named(&'static str),
}

impl Figure {
    pub(crate) fn of(self, run: &Run) -> Option<f64> {
        match self {
            Self::Wall => Some(run.sample.wall_per_op()),
            Self::Cpu => Some(run.sample.cpu_per_op()),
            Self::Named(name) => run.sample.figure(name),
        }
    }
}

/// When a row counts as reached.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Ours takes at most so many times as long.
    Times(f64),
    /// Ours is at least so many times as fast.
    Faster(f64),
    /// Ours takes at most so many nanoseconds.
    Nanos(f64),
}

/// A comparison of ours with one or several others, the best of whom counts.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: Key,
    pub(crate) others: Vec<Key>,
    pub(crate) figure: Figure,
    pub(crate) target: Target,
}

/// What came out for a row.
pub(crate) struct Outcome {
    /// The other that counts, if there are any.
    pub(crate) other: Option<Key>,
    /// Ours.
    pub(crate) ours: Middle,
    /// The ratio of the target, or ours again.
    pub(crate) ratio: Middle,
    /// The same of CPU time, where time is compared.
    pub(crate) cpu: Option<Middle>,
    /// Pairs that were left out as other processes disturbed them.
    pub(crate) dropped: usize,
    /// So few pairs were undisturbed that all of them had to be taken.
    pub(crate) noisy: bool,
    pub(crate) reached: bool,
}

/// With fewer undisturbed pairs than this, all pairs are taken.
const FEWEST: usize = 3;

impl Row {
    /// Nothing if something was not measured.
    pub(crate) fn outcome(&self, measured: &Measured) -> Option<Outcome> {
        let ours = measured.runs.get(&self.ours)?;
        if self.others.is_empty() {
            return self.compare(ours, ours, None);
        }
        let outcomes: Option<Vec<Outcome>> = self
            .others
            .iter()
            .map(|other| self.compare(ours, measured.runs.get(other)?, Some(other)))
            .collect();
        let better = |one: &Outcome, two: &Outcome| {
            let order = one.ratio.median.total_cmp(&two.ratio.median);
            match self.target {
                Target::Faster(_) => order,
                Target::Times(_) | Target::Nanos(_) => order.reverse(),
            }
        };
        outcomes?.into_iter().min_by(better)
    }

    fn compare(&self, ours: &[Run], others: &[Run], other: Option<&Key>) -> Option<Outcome> {
        let pairs: Vec<(&Run, &Run)> = ours.iter().zip(others).collect();
        let undisturbed = |run: &Run| run.foreign <= MOST_FOREIGN;
        let quiet: Vec<(&Run, &Run)> = pairs
            .iter()
            .copied()
            .filter(|(one, two)| undisturbed(one) && undisturbed(two))
            .collect();
        let noisy = quiet.len() < FEWEST;
        let dropped = if noisy { 0 } else { pairs.len() - quiet.len() };
        let used = if noisy { pairs } else { quiet };
        let figures = |figure: Figure| {
            let each = used
                .iter()
                .map(move |(one, two)| self.target.ratio(figure.of(one)?, figure.of(two)?));
            Middle::of(each.collect::<Option<Vec<f64>>>()?)
        };
        let ratio = figures(self.figure)?;
        Some(Outcome {
            other: other.cloned(),
            ours: Middle::of(used.iter().filter_map(|(one, _)| self.figure.of(one)))?,
            ratio,
            cpu: match (self.figure, self.target) {
                (Figure::Wall, Target::Times(_) | Target::Faster(_)) => figures(Figure::Cpu),
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
            Self::Times(_) => ours / other,
            Self::Faster(_) => other / ours,
            Self::Nanos(_) => ours,
        };
        ratio.is_finite().then_some(ratio)
    }

    fn is_reached(self, found: f64) -> bool {
        match self {
            Self::Times(most) | Self::Nanos(most) => found <= most,
            Self::Faster(least) => found >= least,
        }
    }
}
