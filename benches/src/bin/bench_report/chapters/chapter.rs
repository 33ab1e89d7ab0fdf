//! Chapters of the report.

use std::time::Duration;

use crate::build::Build;
use crate::case_id::CaseId;
use crate::comparison::{Comparison, Target};
use crate::runs::Figure;

/// The subject that all others are compared with.
pub(super) const SOIREE: &str = "soiree";

/// Workloads that belong together, and what is compared in them.
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    /// What the workloads do, and what the figures mean.
    pub(crate) about: &'static str,
    /// Where the time of soiree goes, and what was tried to reduce it. May be empty.
    pub(crate) costs: &'static str,
    pub(crate) groups: Vec<Group>,
    pub(crate) comparisons: Vec<Comparison>,
}

/// Cases that are run in alternation, and plotted together.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) cases: Vec<CaseId>,
    /// How long one run should take.
    pub(crate) run_time: Duration,
    /// The number of operations of one run. `None` calibrates it to `run_time`.
    pub(crate) ops: Option<u64>,
}

impl Group {
    pub(crate) fn new(name: impl Into<String>, cases: Vec<CaseId>) -> Self {
        Self {
            name: name.into(),
            cases,
            run_time: Duration::from_millis(300),
            ops: None,
        }
    }

    /// The weight by which the total time is divided among groups.
    pub(crate) fn time_weight(&self) -> f64 {
        self.run_time.as_secs_f64() * self.cases.len() as f64
    }
}

/// The cases of several subjects with the same workload.
pub(super) fn case_ids(workload: &str, subjects: &[&str]) -> Vec<CaseId> {
    let case = |subject: &&str| CaseId::new(workload, *subject);
    subjects.iter().map(case).collect()
}

/// The same cases in another build.
pub(super) fn built(build: Build, cases: Vec<CaseId>) -> Vec<CaseId> {
    cases.into_iter().map(|case| case.built(build)).collect()
}

/// A comparison of elapsed time.
pub(super) fn comparison(
    name: &str,
    ours: CaseId,
    others: Vec<CaseId>,
    target: Target,
) -> Comparison {
    Comparison {
        name: name.into(),
        ours,
        others,
        figure: Figure::Wall,
        target,
    }
}
