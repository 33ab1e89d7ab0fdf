//! What waits for its turn.

use std::sync::Arc;

use crate::emission::helping::PendingWork;

/// A call that waits for its turn.
pub(crate) trait TurnWork: Send + Sync {
    /// Its turn has come: submits it to its pool.
    fn submit(self: Arc<Self>);

    /// A close gives it up: ends it with a report.
    fn end_unrun(self: Arc<Self>);

    /// Something has changed before it in its queue.
    fn notify(&self);

    /// The same, for threads that wait for its emission.
    fn into_pending(self: Arc<Self>) -> Arc<dyn PendingWork>;
}
