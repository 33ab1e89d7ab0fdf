//! Workloads that belong together, and what is compared in them.

use std::time::Duration;

use crate::case_id::CaseId;
use crate::comparison::{Comparison, Target};
use crate::runs::Figure;

pub(super) const SOIREE: &str = "soiree";

/// Workloads that belong together.
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    /// What is done, and what the figures mean.
    pub(crate) about: &'static str,
    /// What keeps soiree from what it is to reach here, and what was tried.
    pub(crate) obstacles: &'static str,
    pub(crate) groups: Vec<Group>,
    pub(crate) comparisons: Vec<Comparison>,
}

/// Cases that take turns.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) cases: Vec<CaseId>,
    /// How long one run is to take.
    pub(crate) run_time: Duration,
    /// How many operations that are, where it is not to be found out.
    pub(crate) ops: Option<u64>,
}

impl Group {
    pub(super) fn new(name: impl Into<String>, cases: Vec<CaseId>) -> Self {
        Self {
            name: name.into(),
            cases,
            run_time: Duration::from_millis(300),
            ops: None,
        }
    }

    /// How much of the time it should have.
    pub(crate) fn time_share(&self) -> f64 {
        self.run_time.as_secs_f64() * self.cases.len() as f64
    }
}

pub(super) fn case_ids(workload: &str, subjects: &[&str]) -> Vec<CaseId> {
    let case = |subject: &&str| CaseId::new(workload, *subject);
    subjects.iter().map(case).collect()
}

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
