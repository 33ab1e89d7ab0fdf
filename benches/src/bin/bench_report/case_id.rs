//! The names that identify a case.

use crate::build::Build;

/// A workload, the subject that runs it, and how both are built.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CaseId {
    pub(crate) workload: String,
    pub(crate) subject: String,
    pub(crate) build: Build,
}

impl CaseId {
    /// A case that is built with fat LTO.
    pub(crate) fn new(workload: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            workload: workload.into(),
            subject: subject.into(),
            build: Build::FatLto,
        }
    }

    /// The same case in another build.
    pub(crate) fn built(self, build: Build) -> Self {
        Self { build, ..self }
    }

    /// The name of the workload, and how it is built.
    pub(crate) fn built_workload(&self) -> String {
        format!("{}{}", self.workload, self.build.suffix())
    }
}
