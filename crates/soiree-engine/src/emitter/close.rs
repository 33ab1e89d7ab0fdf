//! Closing an emitter.

use std::time::Instant;

use soiree_core::{DrainTimeout, far_future};

use super::emit::Emitter;
use crate::context::inside_frame;
use crate::emission::{CutOffCause, CutOffEmission, MAX_DESCRIBED};
use crate::running::{RunningEmission, running_emissions};

/// Why an `EventPool` was not closed, or not in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// It was closed before, or another thread is closing it.
    #[error("the event pool is closed already")]
    AlreadyClosed,
    /// The caller is a listener, or a job of the pool, that the close would have to wait for.
    #[error("an event pool cannot be closed from inside its own listeners or pool")]
    InsideListener,
    /// The caller is a thread that runs the futures of this bulkhead, such as that of a current-thread runtime. They could not end while
    /// it waits. The `EventPool` is not closed: close it on another thread, such as one of `spawn_blocking`.
    #[error(
        "an event pool cannot be closed on the thread that runs the futures of its bulkhead {bulkhead}; close it on another thread"
    )]
    WouldDeadlock {
        /// The name of the bulkhead.
        bulkhead: Box<str>,
    },
    /// No thread could be started that waits for an async close. The `EventPool` is not closed.
    #[error("the event pool is not closed: no thread could be started that waits for it: {error}")]
    Spawn {
        /// What the system says.
        error: Box<str>,
    },
    /// The deadline came first. The `EventPool` is closed all the same.
    ///
    /// `emissions` is the sum of `running`, `discarded`, `retries_given_up` and `ended`.
    #[error("{}", describe(self))]
    DrainTimeout {
        /// Emissions that had not ended at the deadline.
        emissions: u64,
        /// Those that still run, and those that wait in a shared pool, which runs them later.
        running: u64,
        /// Those that were discarded: they waited in a pool, or behind another event of their key. Their reports say so. Also those whose
        /// emit still waited for a place: it returned an error.
        discarded: u64,
        /// Those that waited for a retry. It was given up: their reports have the error of the attempt before.
        retries_given_up: u64,
        /// Those that ended while the pools were released: their listeners returned, or were cancelled.
        ended: u64,
        /// What the released pools had left, all together.
        pool: Option<DrainTimeout>,
        /// Up to 16 of them, first those that run.
        ///
        /// Some that count as `running` are only counted: those of `emit_sync` and `trigger`, those that wait in a shared pool, and
        /// futures that no thread polls at the moment.
        described: Vec<CutOffEmission>,
    },
}

fn describe(error: &CloseError) -> String {
    let CloseError::DrainTimeout {
        emissions,
        running,
        discarded,
        retries_given_up,
        ended,
        described,
        ..
    } = error
    else {
        return String::new();
    };
    let counts = [
        (running, "still running", CutOffCause::Running),
        (discarded, "discarded", CutOffCause::Discarded),
        (
            retries_given_up,
            "with a retry that was given up",
            CutOffCause::RetryGivenUp,
        ),
        (ended, "ended since", CutOffCause::Ended),
    ];
    let counts = counts.iter().filter(|(count, ..)| **count > 0);
    let counts: Vec<String> = counts
        .map(|(count, what, cause)| format!("{count} {what}{}", topics(described, *cause, **count)))
        .collect();
    let mut text = format!("{emissions} emissions had not ended at the deadline");
    if !counts.is_empty() {
        text += &format!(": {}", counts.join(", "));
    }
    text
}

/// The topics of those that are described, each once.
fn topics(described: &[CutOffEmission], cause: CutOffCause, count: u64) -> String {
    let of_cause = described.iter().filter(|one| one.cause == cause);
    let mut topics: Vec<&str> = of_cause.clone().map(|one| &*one.topic).collect();
    topics.sort_unstable();
    topics.dedup();
    if topics.is_empty() {
        return String::new();
    }
    if (of_cause.count() as u64) < count {
        topics.push("…");
    }
    format!(" ({})", topics.join(", "))
}

impl Emitter {
    /// Whether [`close`](Emitter::close) was called.
    pub fn is_closed(&self) -> bool {
        self.shared.tracker.is_closed()
    }

    /// Rejects new emissions, waits for those that were accepted, removes the listeners, and releases the pools that are owned.
    ///
    /// # Errors
    /// If the emitter was closed before, if the caller is inside a listener or a job of the pool, or if the deadline comes first. In the
    /// last case it *is* closed: an owned pool discards what has not started, a shared pool runs it later, and the last emission removes
    /// the listeners.
    pub fn close(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        self.can_close(deadline)?;
        let shared = &self.shared;
        if !shared.tracker.close() {
            return Err(CloseError::AlreadyClosed);
        }
        shared.waiting_emits.close();
        self.generations.close(shared.registry.empty());
        // In this order: an emission on the emitting thread may start a task when it delegates listeners, and not the other way round.
        let ended = self.generations.wait_empty(deadline) && shared.tracker.wait(deadline);
        if ended {
            shared.remove_listeners();
        } else {
            self.generations.hold_task(shared);
            shared.stop_waiting();
            self.give_up_waiting();
        }
        let released = self.release_pools(deadline);
        if !ended {
            // What the pools discarded may have let a key go on, or scheduled something.
            self.give_up_waiting();
        }
        shared.clear_if_late();
        if let Some(monitor) = &self.current().settings.handlers.slow_listener_monitor {
            monitor.cancel_tasks();
        }
        self.current().settings.handlers.unhandled.flush();
        match released {
            Ok(()) if ended => Ok(()),
            released => Err(self.drain_timeout(released.err())),
        }
    }

    /// Whether the caller may wait here for a close with this deadline.
    ///
    /// # Errors
    /// As [`can_close_here`](Self::can_close_here); and without a deadline, if the calling thread runs futures that the close would have to
    /// wait for.
    pub fn can_close(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        self.can_close_here()?;
        let shared = &self.shared;
        if deadline.is_none() && !shared.tracker.is_closed() && !shared.tracker.is_empty() {
            if let Some(bulkhead) = shared.pools.would_deadlock() {
                return Err(CloseError::WouldDeadlock { bulkhead });
            }
        }
        Ok(())
    }

    /// Whether the caller may wait for a close here.
    ///
    /// # Errors
    /// If it is inside a listener or a job of the pool, which the close would have to wait for.
    pub fn can_close_here(&self) -> Result<(), CloseError> {
        let emitter = self.frame_address();
        match inside_frame(|frame| frame.emitter == emitter) || self.shared.pools.is_here() {
            true => Err(CloseError::InsideListener),
            false => Ok(()),
        }
    }

    /// Ends what was accepted and waits for something other than a pool.
    fn give_up_waiting(&self) {
        // First the events behind others: one of them would start when the emission before it ends.
        for queues in self.order_queues() {
            queues.discard_waiting();
        }
        self.shared.turns.give_up();
        self.shared.retries.give_up();
        self.shared.backlog.close();
    }

    fn drain_timeout(&self, pool: Option<DrainTimeout>) -> CloseError {
        let unended = || self.generations.unended(&self.shared);
        let (summary, running) = self.shared.cut_off.summary(unended);
        // Read after they were counted: what is still listed then had not ended.
        let listed = running_emissions(self.frame_address()).into_iter();
        let listed = listed.map(|RunningEmission { topic, id, .. }| CutOffEmission {
            topic,
            id,
            cause: CutOffCause::Running,
        });
        let described = listed.chain(summary.described.iter().cloned());
        CloseError::DrainTimeout {
            emissions: running + summary.total(),
            running,
            discarded: summary.discarded,
            retries_given_up: summary.retries_given_up,
            ended: summary.ended,
            pool,
            described: described.take(MAX_DESCRIBED).collect(),
        }
    }

    /// Releases the owned pools one after another, and adds up what they had left.
    fn release_pools(&self, deadline: Option<Instant>) -> Result<(), DrainTimeout> {
        let deadline = deadline.unwrap_or_else(far_future);
        let mut released: Result<(), DrainTimeout> = Ok(());
        for handle in self.current().owned_pools() {
            let ended = handle.pool().release_with_deadline(deadline);
            released = match (released, ended) {
                (Err(one), Err(other)) => Err(DrainTimeout::new(
                    one.active + other.active,
                    one.discarded + other.discarded,
                )),
                (one, other) => one.and(other),
            };
        }
        released
    }
}
