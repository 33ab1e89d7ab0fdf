//! How calls of listeners ended, as far as this process remembers: the store does not keep the attempts of what is done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soiree::EventId;
use soiree::observe::{DeliveryEnd, DeliveryEnded, Interest, Observer};
use soiree::store::Millis;

use crate::listeners::NAMES;

/// The newest are remembered.
pub(crate) const REMEMBERED: usize = 10_000;
/// Characters of an error, which begins with the names of the listener and the topic.
const MOST_ERROR: usize = 500;

/// Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Outcomes(Arc<Mutex<VecDeque<Outcome>>>);

#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    id: EventId,
    pub(crate) listener: &'static str,
    /// The first one is 1.
    pub(crate) attempt: u32,
    pub(crate) at: Millis,
    /// `None` if the listener has handled the event.
    pub(crate) error: Option<Box<str>>,
}

impl Outcomes {
    /// In the order of their ends.
    pub(crate) fn of(&self, id: EventId) -> Vec<Outcome> {
        let outcomes = self.lock();
        outcomes
            .iter()
            .filter(|one| one.id == id)
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Outcome>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Outcomes {
    fn interest(&self) -> Interest {
        Interest::RARE
    }

    fn delivery_ended(&self, ended: &DeliveryEnded<'_>) {
        let error = match ended.outcome {
            DeliveryEnd::Done => None,
            DeliveryEnd::Retried { error, .. } | DeliveryEnd::Dead { error } => Some(error),
            // It was not called.
            _ => return,
        };
        let Some(listener) = NAMES.iter().find(|name| **name == ended.listener) else {
            return;
        };
        let outcome = Outcome {
            id: ended.id,
            listener,
            attempt: ended.attempt,
            at: Millis::now(),
            error: error.map(|error| error.chars().take(MOST_ERROR).collect()),
        };
        let mut outcomes = self.lock();
        if outcomes.len() == REMEMBERED {
            outcomes.pop_front();
        }
        outcomes.push_back(outcome);
    }
}
