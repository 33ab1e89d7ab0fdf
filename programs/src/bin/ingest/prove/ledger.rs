//! What the senders and the receiver know.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use soiree::EventId;

/// One event in so many is declined by the receiver for ever.
const DECLINED: u128 = 97;

#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// Each event that was answered 202, and its position.
    accepted: HashMap<EventId, u64>,
    /// Answers that said an event was stored before.
    repeats: u64,
    /// How often each event was taken by the receiver.
    forwarded: HashMap<EventId, u32>,
    /// What was running at three kills, and was redriven.
    redriven: HashSet<EventId>,
    /// What must not happen.
    problems: Vec<String>,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answered(&self, id: EventId, position: u64, is_duplicate: bool) {
        let mut entries = self.entries();
        entries.repeats += u64::from(is_duplicate);
        let former = entries.accepted.insert(id, position);
        if former.is_some_and(|former| former != position) {
            entries
                .problems
                .push(format!("event {id} has two positions"));
        }
    }

    pub(super) fn problem(&self, what: String) {
        self.entries().problems.push(what);
    }

    pub(super) fn redriven(&self, id: EventId) {
        self.entries().redriven.insert(id);
    }

    pub(super) fn redriven_ids(&self) -> HashSet<EventId> {
        self.entries().redriven.clone()
    }

    pub(super) fn forwarded(&self, id: &str) {
        let mut entries = self.entries();
        match id.parse() {
            Ok(id) => *entries.forwarded.entry(id).or_default() += 1,
            Err(_) => entries
                .problems
                .push(format!("forwarded {id:?}, which is no ID")),
        }
    }

    /// Whether the receiver declines this event: it becomes a dead one.
    pub(super) fn declines(&self, id: &str) -> bool {
        id.parse().is_ok_and(is_declined)
    }

    pub(super) fn accepted(&self) -> usize {
        self.entries().accepted.len()
    }

    pub(super) fn repeats(&self) -> u64 {
        self.entries().repeats
    }

    pub(super) fn positions(&self) -> HashMap<EventId, u64> {
        self.entries().accepted.clone()
    }

    pub(super) fn forwarded_ids(&self) -> HashMap<EventId, u32> {
        self.entries().forwarded.clone()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        self.entries().problems.clone()
    }
}

pub(super) fn is_declined(id: EventId) -> bool {
    u128::from(id) % DECLINED == 0
}
