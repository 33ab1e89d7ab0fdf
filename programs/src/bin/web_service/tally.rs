//! What became of the orders.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use soiree::observe::{EmissionEnded, Interest, Observer, RetryScheduled};
use tracing::{info, warn};

use crate::order::Order;

/// Counts orders. The emissions that have not ended are known by number.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    accepted: u64,
    rejected: u64,
    handled: u64,
    failed: u64,
    discarded: u64,
    dead_letters: u64,
    /// As many as the pools have places for.
    open: BTreeSet<u64>,
    /// The summary is printed. What ends afterwards, while the process does, stays unfinished.
    is_final: bool,
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order is about to be emitted. It may end before `emit` returns.
    pub(crate) fn offered(&self, order: u64) {
        self.counts().open.insert(order);
    }

    pub(crate) fn accepted(&self) {
        self.counts().accepted += 1;
    }

    pub(crate) fn rejected(&self, order: u64) {
        let mut counts = self.counts();
        counts.open.remove(&order);
        counts.rejected += 1;
    }

    pub(crate) fn dead_letter(&self) {
        self.counts().dead_letters += 1;
    }

    /// The counts, which are final from now on.
    pub(crate) fn summary(&self) -> String {
        let mut counts = self.counts();
        counts.is_final = true;
        let lines = [
            ("accepted", counts.accepted),
            ("handled", counts.handled),
            ("failed", counts.failed),
            ("discarded", counts.discarded),
            ("unfinished", counts.open.len() as u64),
            ("dead letters", counts.dead_letters),
            ("rejected", counts.rejected),
        ];
        let mut text = String::new();
        for (name, value) in lines {
            let _ = writeln!(text, "{name}: {value}");
        }
        for order in &counts.open {
            let _ = writeln!(text, "order {order}: unfinished");
        }
        text
    }
}

impl Observer for Tally {
    fn interest(&self) -> Interest {
        Interest::EMISSIONS
    }

    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {
        if let Some(order) = retry.event.payload_as::<Order>() {
            let (number, delay) = (order.number, retry.delay);
            info!("order {number}: again in {delay:?}: {}", retry.error);
        }
    }

    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        let Some(order) = ended.event.payload_as::<Order>() else {
            return;
        };
        let number = order.number;
        let mut counts = self.counts();
        if counts.is_final {
            return;
        }
        counts.open.remove(&number);
        // Logged under the lock: what is counted is logged before the summary is printed.
        if ended.discarded {
            counts.discarded += 1;
            warn!("order {number}: discarded");
        } else if ended.failed + ended.not_called > 0 {
            counts.failed += 1;
            let (failed, missed) = (ended.failed, ended.not_called);
            warn!("order {number}: failed, {failed} listeners failed, {missed} were not called");
        } else {
            counts.handled += 1;
            info!("order {number}: handled");
        }
    }
}
