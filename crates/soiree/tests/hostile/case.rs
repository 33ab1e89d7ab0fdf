//! One combination of what can be hostile.

/// A kind of value that users give to an event pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Payload,
    /// A payload that a listener sets.
    SetPayload,
    Event,
    Listener,
    Future,
    Filter,
    Error,
    PanicPayload,
    ErrorHandler,
    PanicHandler,
    UnheardEventHandler,
    DeadLetterHandler,
    Observer,
    Waker,
    KeyFunction,
}

impl Kind {
    pub(crate) const ALL: [Self; 15] = [
        Self::Payload,
        Self::SetPayload,
        Self::Event,
        Self::Listener,
        Self::Future,
        Self::Filter,
        Self::Error,
        Self::PanicPayload,
        Self::ErrorHandler,
        Self::PanicHandler,
        Self::UnheardEventHandler,
        Self::DeadLetterHandler,
        Self::Observer,
        Self::Waker,
        Self::KeyFunction,
    ];
}

/// What the value does, on the thread that drops or calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Panics,
    /// Emits to another event pool, and waits for that.
    Waits,
    Emits,
    Subscribes,
    Closes,
    Sets,
}

/// What happens to the emissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Handled,
    Rejected,
    /// In the queue of a pool that stops.
    Stopped,
    /// In the queue of a pool whose release misses its deadline.
    Deadline,
    /// As [`Stopped`](Place::Stopped), and one behind another in the queue of a key.
    StoppedBehindKey,
    DeadlineBehindKey,
    RetryGivenUp,
    TimedOut,
    /// The listeners are removed while an emission calls the first of them.
    RemovedByOff,
    /// So are the settings.
    ReplacedSettings,
    LastHandleDropped,
}

impl Place {
    pub(crate) const ALL: [Self; 11] = [
        Self::Handled,
        Self::Rejected,
        Self::Stopped,
        Self::Deadline,
        Self::StoppedBehindKey,
        Self::DeadlineBehindKey,
        Self::RetryGivenUp,
        Self::TimedOut,
        Self::RemovedByOff,
        Self::ReplacedSettings,
        Self::LastHandleDropped,
    ];

    pub(crate) fn is_behind_key(self) -> bool {
        matches!(self, Self::StoppedBehindKey | Self::DeadlineBehindKey)
    }
}

/// The pool that runs the emissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolKind {
    Worker,
    Pond,
    Rayon,
    Tokio,
    Task,
}

impl PoolKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Worker,
        Self::Pond,
        Self::Rayon,
        Self::Tokio,
        Self::Task,
    ];
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) action: Action,
    pub(crate) place: Place,
    pub(crate) pool: PoolKind,
}
