//! Delivering one event, and what became of it.

use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use soiree_core::panic::caught;
use soiree_core::store::{Position, StoreError};
use soiree_core::{DeliveryEnd, DeliveryEnded, Event, EventId, Observers, Retry};
use soiree_engine::Report;

use super::{Delivery, DurableListener, Running, Surroundings};
use crate::tail::LogEntry;
use crate::window::Outcome;

impl DurableListener {
    pub(super) fn start_marked(&mut self, around: &Surroundings<'_>) -> Result<(), StoreError> {
        let is_committed =
            |generation: Option<u64>| generation.is_some() && generation <= around.committed;
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.marking)
            .into_iter()
            .partition(|(_, generation)| is_committed(*generation));
        self.marking = waiting;
        if ready.is_empty() {
            return Ok(());
        }
        let positions: Vec<Position> = ready.iter().map(|(position, _)| *position).collect();
        let mut records = Vec::new();
        if let Err(error) = around.store.fetch(&positions, &mut records) {
            self.marking.extend(ready);
            return Err(error);
        }
        let mut records: HashMap<Position, _> = records
            .into_iter()
            .map(|record| (record.position, record))
            .collect();
        for position in positions {
            self.window.marked(position);
            match records.remove(&position) {
                Some(record) => self.deliver(LogEntry::new(record), around),
                None => {
                    let gone = Outcome::Failed("the store has lost the event".into(), None);
                    self.end(position, None, gone, around);
                }
            }
        }
        Ok(())
    }

    pub(super) fn deliver_blocked(&mut self, around: &Surroundings<'_>) {
        for _ in 0..self.blocked.len() {
            let Some(entry) = self.blocked.pop_front() else {
                return;
            };
            let before = self.blocked.len();
            self.deliver(entry, around);
            if self.blocked.len() > before {
                // There is still no pool. It was the oldest one.
                self.blocked.rotate_right(1);
                return;
            }
        }
    }

    pub(super) fn deliver(&mut self, entry: Arc<LogEntry>, around: &Surroundings<'_>) {
        if !around.delivers {
            return;
        }
        let position = entry.position();
        let payload = match entry.payload(around.codecs) {
            Ok(payload) => payload,
            Err(error) => {
                let outcome = Outcome::Failed(error, None);
                return self.end(position, Some(&entry), outcome, around);
            }
        };
        let id = entry.record.event.id;
        let attempt = self.window.attempts(position) + 1;
        let event: Arc<dyn Event> = Arc::new(entry.event(payload, attempt));
        self.note_delivery(id, position);
        match self.subscribed.address.deliver(event) {
            Ok(emission) => {
                let waker = (self.subscribed.waker)(position);
                let running = Running {
                    emission: Box::pin(emission.into_future()),
                    waker,
                    entry,
                };
                self.running.insert(position, running);
                self.poll(position, around);
            }
            Err(_) => {
                self.forget_delivery(id);
                self.blocked.push_back(entry);
            }
        }
    }

    /// Looks whether a delivery has ended.
    pub(crate) fn poll(&mut self, position: Position, around: &Surroundings<'_>) {
        let Some(running) = self.running.get_mut(&position) else {
            return;
        };
        let mut context = Context::from_waker(&running.waker);
        let Poll::Ready(report) = running.emission.as_mut().poll(&mut context) else {
            return;
        };
        let entry = Arc::clone(&running.entry);
        self.running.remove(&position);
        self.forget_delivery(entry.record.event.id);
        let failed = self.window.attempts(position) + 1;
        let outcome = outcome(&report, self.subscribed.retry.as_ref(), failed);
        self.end(position, Some(&entry), outcome, around);
    }

    fn end(
        &mut self,
        position: Position,
        entry: Option<&LogEntry>,
        outcome: Outcome,
        around: &Surroundings<'_>,
    ) {
        if let Some(entry) = entry {
            let attempt = self.window.attempts(position) + 1;
            self.notify_ended(entry, attempt, &outcome, around.observers);
        }
        let next = self.window.end(position, outcome, around.now);
        if let Some(entry) = next.and_then(|next| self.held.remove(&next)) {
            self.deliver(entry, around);
        }
        let window = &self.window;
        self.held.retain(|position, _| window.is_active(*position));
    }

    pub(super) fn notify_ended(
        &self,
        entry: &LogEntry,
        attempt: u32,
        outcome: &Outcome,
        observers: &Observers,
    ) {
        if observers.is_empty() {
            return;
        }
        let outcome = match outcome {
            Outcome::Done => DeliveryEnd::Done,
            Outcome::Skipped => DeliveryEnd::Skipped,
            Outcome::NotCalled => DeliveryEnd::NotCalled,
            Outcome::Failed(error, None) => DeliveryEnd::Dead { error },
            Outcome::Failed(error, Some(after)) => DeliveryEnd::Retried {
                error,
                after: *after,
            },
        };
        let (name, event) = (&*self.subscribed.name, &entry.record.event);
        let position = entry.position();
        let ended = DeliveryEnded::new(name, &event.topic, event.id, position, attempt, outcome);
        observers.notify(|observer| observer.delivery_ended(&ended));
    }

    pub(super) fn note_delivery(&self, id: EventId, position: Position) {
        let term = self.term.clone();
        self.with_deliveries(|deliveries| {
            deliveries.insert(id, Delivery { term, position });
        });
    }

    pub(super) fn forget_delivery(&self, id: EventId) {
        self.with_deliveries(|deliveries| {
            deliveries.remove(&id);
        });
    }

    pub(super) fn with_deliveries(&self, change: impl FnOnce(&mut HashMap<EventId, Delivery>)) {
        if let Some(deliveries) = &self.subscribed.deliveries {
            change(&mut deliveries.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// What the report of a delivery means. `failed` is how many attempts have failed if this one has.
fn outcome(report: &Report, retry: Option<&Retry>, failed: u32) -> Outcome {
    if report.is_discarded() || report.not_called() > 0 {
        return Outcome::NotCalled;
    }
    if let Some(error) = report.errors().first() {
        let delay = retry.and_then(|retry| retry.next_delay(failed, error));
        let text = caught(|| error.to_string());
        let text = text.unwrap_or_else(|_| "the error panicked when it was shown".into());
        return Outcome::Failed(text.into(), delay);
    }
    if report.omitted_errors() > 0 {
        let delay = retry.and_then(|retry| retry.jittered_delay(failed));
        return Outcome::Failed("the error buffer keeps no errors".into(), delay);
    }
    if report.is_unfinished() {
        return Outcome::NotCalled;
    }
    if report.delivered() == 0 && !report.is_aborted() {
        return Outcome::Skipped;
    }
    Outcome::Done
}
