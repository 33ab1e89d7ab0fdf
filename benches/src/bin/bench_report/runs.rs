//! The runs of every case.

use std::collections::HashMap;

use crate::case_id::CaseId;
use crate::process::Run;
use crate::statistics::Quartiles;

/// One of the results of a run.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Figure<'a> {
    /// Elapsed time per operation.
    Wall,
    /// CPU time per operation.
    Cpu,
    /// A further result of the workload.
    Named(&'a str),
}

impl Figure<'_> {
    pub(crate) fn of(self, run: &Run) -> Option<f64> {
        match self {
            Self::Wall => Some(run.sample.wall_per_op()),
            Self::Cpu => Some(run.sample.cpu_per_op()),
            Self::Named(name) => run.sample.figure(name),
        }
    }
}

/// All runs of every case, by round: runs with the same index took place one after another.
#[derive(Default)]
pub(crate) struct Runs(HashMap<CaseId, Vec<Run>>);

impl Runs {
    pub(crate) fn insert(&mut self, id: CaseId, runs: Vec<Run>) {
        self.0.insert(id, runs);
    }

    pub(crate) fn get(&self, id: &CaseId) -> Option<&[Run]> {
        self.0.get(id).map(Vec::as_slice)
    }

    /// The quartiles of all undisturbed runs of a case; of all its runs if each was disturbed.
    pub(crate) fn quartiles(&self, id: &CaseId, figure: Figure<'_>) -> Option<Quartiles> {
        let runs = self.get(id)?;
        let quiet = runs.iter().filter(|run| run.is_undisturbed());
        Quartiles::of(quiet.filter_map(|run| figure.of(run)))
            .or_else(|| Quartiles::of(runs.iter().filter_map(|run| figure.of(run))))
    }
}
