//! The runs of every case, and what is read from them.

use std::collections::HashMap;

use crate::key::Key;
use crate::process::Run;
use crate::statistics::Middle;

/// What of a run is compared.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Figure<'a> {
    /// Time for each operation.
    Wall,
    /// CPU time for each operation.
    Cpu,
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

/// All runs of every case; those at the same place were made one after another.
#[derive(Default)]
pub(crate) struct Runs(HashMap<Key, Vec<Run>>);

impl Runs {
    pub(crate) fn insert(&mut self, key: Key, runs: Vec<Run>) {
        self.0.insert(key, runs);
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&[Run]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Of a contender's undisturbed runs, or of all if there are none.
    pub(crate) fn middle(&self, key: &Key, figure: Figure<'_>) -> Option<Middle> {
        let runs = self.get(key)?;
        let quiet = runs.iter().filter(|run| run.is_undisturbed());
        Middle::of(quiet.filter_map(|run| figure.of(run)))
            .or_else(|| Middle::of(runs.iter().filter_map(|run| figure.of(run))))
    }
}
