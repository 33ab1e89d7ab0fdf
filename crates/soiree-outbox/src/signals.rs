//! What the relay thread is woken for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Wake, Waker};

use soiree_core::store::{Position, Record, StoreError, Term};
use soiree_core::sync::Monitor;

use crate::listener::{DurableListener, Number, Subscribed};
use crate::tail::{TAIL_BYTES, TAIL_EVENTS};

/// Where the writer, emissions, the timer and callers leave what the relay has to do.
#[derive(Default)]
pub(crate) struct Signals {
    state: Monitor<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Fresh events of the log, without a gap. If they were more than the tail holds, these are the last ones.
    pub(crate) appended: VecDeque<Record>,
    appended_bytes: usize,
    /// Deliveries whose emission may have ended.
    pub(crate) ended: Vec<(Number, Position)>,
    /// The marks up to this generation are committed.
    pub(crate) committed: Option<u64>,
    /// Claims that another one has overtaken.
    pub(crate) fenced: Vec<Term>,
    pub(crate) commands: Vec<Command>,
    pub(crate) timer: bool,
    has_ended: bool,
    pub(crate) wake: bool,
    /// A sweep has failed.
    pub(crate) unswept: bool,
    /// Errors of the store that are new, and whether they are final.
    pub(crate) failures: Vec<(Arc<StoreError>, bool)>,
}

pub(crate) enum Command {
    /// Delivers to this listener too.
    Add(Box<DurableListener>),
    /// Claims this listener, which another process holds, until that has ended.
    Wait(Box<Subscribed>),
    Remove(Number),
    /// Starts to deliver.
    Start,
    /// Dead events of the listener after this position are due.
    Redriven(Number, Position),
    /// To be notified once nothing waits, runs or is parked but dead events.
    Drained(Sender<()>),
    /// Starts nothing more. The thread ends once nothing runs.
    Stop,
    /// The thread ends now.
    Abandon,
}

impl Signals {
    fn raise(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.state.notify_all();
    }

    pub(crate) fn send(&self, command: Command) {
        self.raise(|state| {
            // Who waits is to notice that there is nobody to answer.
            if !(state.has_ended && matches!(command, Command::Drained(_))) {
                state.commands.push(command);
            }
        });
    }

    /// Lets the relay end now. Returns whether it is there to do so.
    pub(crate) fn abandon(&self) -> bool {
        let mut is_there = false;
        self.raise(|state| {
            is_there = !state.has_ended;
            state.commands.push(Command::Abandon);
        });
        is_there
    }

    /// The relay has ended, and answers nobody any more.
    pub(crate) fn end(&self) {
        self.raise(|state| {
            state.has_ended = true;
            state
                .commands
                .retain(|command| !matches!(command, Command::Drained(_)));
        });
    }

    pub(crate) fn wake(&self) {
        self.raise(|state| state.wake = true);
    }

    pub(crate) fn timer(&self) {
        self.raise(|state| state.timer = true);
    }

    /// Whether the relay has taken everything, or has ended.
    #[cfg(all(test, soiree_model))]
    pub(crate) fn are_taken(&self) -> bool {
        let state = self.state.lock();
        state.is_empty() || state.has_ended
    }

    /// Blocks until there is something to do.
    pub(crate) fn take(&self) -> State {
        let mut state = self.state.lock();
        while state.is_empty() {
            state = self.state.wait(state);
        }
        std::mem::take(&mut state)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.appended.is_empty()
            && self.ended.is_empty()
            && self.committed.is_none()
            && self.fenced.is_empty()
            && self.commands.is_empty()
            && self.failures.is_empty()
            && !(self.timer || self.wake || self.unswept)
    }
}

/// What the writer has committed.
impl Signals {
    /// New events of the log, in order. Their emitters are answered after this.
    ///
    /// A relay that does not take them, since code of the program holds it up, reads the older ones from the store.
    pub(crate) fn appended(&self, records: Vec<Record>) {
        self.raise(|state| {
            state.appended_bytes += records.iter().map(bytes).sum::<usize>();
            state.appended.extend(records);
            // The last one stays: it says how far the log goes.
            while state.appended.len() > 1
                && (state.appended.len() > TAIL_EVENTS || state.appended_bytes > TAIL_BYTES)
            {
                let oldest = state.appended.pop_front();
                state.appended_bytes -= oldest.as_ref().map_or(0, bytes);
            }
        });
    }

    /// The marks of this generation, and those of all before, were committed.
    pub(crate) fn marked(&self, generation: u64) {
        self.raise(|state| state.committed = Some(generation));
    }

    /// Another claim has overtaken this one.
    pub(crate) fn fenced(&self, term: Term) {
        self.raise(|state| state.fenced.push(term));
    }

    /// What may be removed is there still.
    pub(crate) fn unswept(&self) {
        self.raise(|state| state.unswept = true);
    }

    /// The store has started to fail, perhaps for good.
    pub(crate) fn failed(&self, error: Arc<StoreError>, is_final: bool) {
        self.raise(|state| state.failures.push((error, is_final)));
    }
}

fn bytes(record: &Record) -> usize {
    record.event.payload.len()
}

/// What is woken when the emission of this delivery has ended.
pub(crate) fn waker(signals: &Arc<Signals>, listener: Number, position: Position) -> Waker {
    let signals = Arc::clone(signals);
    Waker::from(Arc::new(DeliveryEnded {
        signals,
        ended: (listener, position),
    }))
}

struct DeliveryEnded {
    signals: Arc<Signals>,
    ended: (Number, Position),
}

impl Wake for DeliveryEnded {
    fn wake(self: Arc<Self>) {
        self.signals.raise(|state| state.ended.push(self.ended));
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use soiree_core::store::{Millis, NewRecord};
    use soiree_core::{EventId, Properties};

    use super::*;

    fn record(position: u64, bytes: usize) -> Record {
        Record {
            position: Position(position),
            event: NewRecord {
                id: EventId::from(u128::from(position)),
                topic: "a".into(),
                codec: "raw".into(),
                payload: vec![0; bytes],
                properties: Properties::new(),
                emitted_at: Millis(0),
            },
            damage: None,
        }
    }

    /// What is kept of this many events of this size: the first and the last position.
    fn kept(events: u64, bytes: usize) -> (u64, u64) {
        let signals = Signals::default();
        for position in 1..=events {
            signals.appended(vec![record(position, bytes)]);
        }
        let kept = signals.take().appended;
        let positions: Vec<u64> = kept.iter().map(|record| record.position.0).collect();
        let (first, last) = (positions[0], positions[positions.len() - 1]);
        assert_eq!(positions, (first..=last).collect::<Vec<_>>());
        (first, last)
    }

    /// D12: events that the relay does not take are bounded by number and by bytes, and the last one is there.
    #[test]
    fn events_that_nobody_takes_are_bounded() {
        let most = TAIL_EVENTS as u64;
        assert_eq!(kept(most, 1), (1, most));
        assert_eq!(kept(most + 5, 1), (6, most + 5));
        assert_eq!(kept(3, TAIL_BYTES / 2), (2, 3));
        assert_eq!(kept(2, TAIL_BYTES + 1), (2, 2));
    }
}
