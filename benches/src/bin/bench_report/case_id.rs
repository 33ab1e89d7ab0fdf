//! The names that identify a case.

/// A workload and the subject that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CaseId {
    pub(crate) workload: String,
    pub(crate) subject: String,
}

impl CaseId {
    pub(crate) fn new(workload: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            workload: workload.into(),
            subject: subject.into(),
        }
    }
}
