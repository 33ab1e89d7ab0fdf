//! Why an emission does not start.

use soiree_core::registry::{Lookup, Snapshot};
use soiree_core::{EmissionRejected, InvalidTopic, Pattern, Payload, Rejection, validate_topic};

use crate::emission::EmitError;
use crate::settings::Handlers;
use crate::trace;

/// What lets an emission pass on reserved topics: the pattern that its caller has reserved.
pub(super) type Pass<'a> = Option<&'a Pattern>;

pub(super) fn may_pass(topic: &str, pass: Pass<'_>) -> bool {
    pass.is_some_and(|pattern| pattern.matches(topic))
}

/// Checks a topic that was looked up: whether it is valid, as a cached one is, and not reserved for others.
#[inline]
pub(super) fn check_topic(
    snapshot: &Snapshot,
    lookup: Lookup<'_>,
    topic: &str,
    pass: Pass<'_>,
) -> Result<(), NotAdmitted> {
    if let Lookup::Uncached(_) = lookup {
        validate_topic(topic).map_err(NotAdmitted::InvalidTopic)?;
    }
    if snapshot.is_reserved_in(lookup, topic) && !may_pass(topic, pass) {
        return Err(NotAdmitted::Reserved);
    }
    Ok(())
}

/// Why an emission on the emitting thread has no report.
pub(super) enum SyncError {
    /// It has not started. Observers have not been notified yet.
    NotAdmitted(NotAdmitted),
    Rejected(Box<EmitError>),
}

impl From<EmitError> for SyncError {
    fn from(error: EmitError) -> Self {
        Self::Rejected(Box::new(error))
    }
}

/// Why an emission does not start.
pub(super) enum NotAdmitted {
    InvalidTopic(InvalidTopic),
    Closed,
    /// The topic is reserved, and it has no pass.
    Reserved,
    TooDeep {
        depth: usize,
    },
}

impl NotAdmitted {
    /// Notifies observers.
    pub(super) fn notify(&self, topic: &str, handlers: &Handlers) {
        let reason = match self {
            Self::InvalidTopic(source) => Rejection::InvalidTopic(source),
            Self::Closed => Rejection::Closed,
            Self::Reserved => Rejection::Reserved,
            Self::TooDeep { depth } => Rejection::RecursionLimit { depth: *depth },
        };
        trace::rejected(topic, reason);
        let event = EmissionRejected::new(topic, reason);
        handlers
            .observers
            .notify(|observer| observer.emission_rejected(&event));
    }

    #[cold]
    pub(super) fn with(self, topic: &str, payload: Payload) -> EmitError {
        match self {
            Self::InvalidTopic(source) => EmitError::InvalidTopic { source, payload },
            Self::Closed => EmitError::Closed {
                topic: topic.into(),
                payload,
            },
            Self::Reserved => EmitError::Reserved {
                topic: topic.into(),
                payload,
            },
            Self::TooDeep { depth } => EmitError::RecursionLimit {
                topic: topic.into(),
                payload,
                depth,
            },
        }
    }
}
