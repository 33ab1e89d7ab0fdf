//! The name of a case.

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
