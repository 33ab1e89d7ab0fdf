//! The messages of a consumer that are being handled, and those whose end the server has not confirmed.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Subject;
use async_nats::datetime::DateTime;

/// How many ended messages are remembered.
const MAX_ENDED: usize = 4_096;

/// A message of a stream. The sequence alone does not name it: a stream that was made anew counts from 1 again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageKey {
    pub(crate) sequence: u64,
    pub(crate) published: DateTime,
}

pub(crate) struct Messages {
    state: Mutex<State>,
    /// How many confirmed messages are remembered.
    max_confirmed: usize,
}

#[derive(Default)]
struct State {
    /// Where the last delivery of each message is acknowledged. An acknowledgement of an earlier one may not count.
    running: HashMap<MessageKey, Subject>,
    /// Handled, but not confirmed as such: each with its place in `in_order`.
    ended: HashMap<MessageKey, u64>,
    in_order: BTreeMap<u64, MessageKey>,
    next: u64,
    /// Those that were confirmed last. A delivery that the server sent before that may arrive after it.
    confirmed: VecDeque<MessageKey>,
}

/// What a delivery is.
pub(crate) enum Arrival {
    /// The message has to be handled.
    New(RunningMessage),
    /// It was handled before, and has to be acknowledged only.
    Ended(RunningMessage),
    /// It is being handled. That will acknowledge this delivery.
    Joined,
}

/// A message that is being handled, until this is dropped.
pub(crate) struct RunningMessage {
    messages: Arc<Messages>,
    key: MessageKey,
    /// Whether it was confirmed or left. From then on a later delivery may run.
    has_ended: AtomicBool,
}

impl Messages {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn new(in_flight: usize) -> Self {
        Self {
            state: Mutex::default(),
            max_confirmed: in_flight.saturating_mul(4).clamp(64, MAX_ENDED),
        }
    }

    /// `times` is how often it was delivered. A consumer that was made anew, so that messages come again, counts from 1.
    pub(crate) fn arrive(self: &Arc<Self>, key: MessageKey, times: u64, reply: Subject) -> Arrival {
        let mut state = self.lock();
        let has_ended =
            state.ended.contains_key(&key) || times > 1 && state.confirmed.contains(&key);
        match state.running.entry(key) {
            Entry::Occupied(mut running) => {
                running.insert(reply);
                return Arrival::Joined;
            }
            Entry::Vacant(place) => {
                place.insert(reply);
            }
        }
        drop(state);
        let message = RunningMessage {
            messages: Arc::clone(self),
            key,
            has_ended: AtomicBool::new(false),
        };
        match has_ended {
            true => Arrival::Ended(message),
            false => Arrival::New(message),
        }
    }
}

impl RunningMessage {
    /// Where the last delivery is acknowledged.
    pub(crate) fn reply(&self) -> Option<Subject> {
        self.messages.lock().running.get(&self.key).cloned()
    }

    /// Ends it for good, unless there was a later delivery than the one that was acknowledged. Returns whether it did.
    pub(crate) fn confirm(&self, acknowledged: &Subject) -> bool {
        let mut state = self.messages.lock();
        if state.running.get(&self.key) != Some(acknowledged) {
            return false;
        }
        state.running.remove(&self.key);
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(place) = state.ended.remove(&self.key) {
            state.in_order.remove(&place);
        }
        if state.confirmed.len() == self.messages.max_confirmed {
            state.confirmed.pop_front();
        }
        state.confirmed.push_back(self.key);
        true
    }

    /// Ends it for now: it comes again, and is handled then.
    pub(crate) fn leave(&self) {
        let mut state = self.messages.lock();
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            state.running.remove(&self.key);
        }
    }

    /// Remembers that it was handled: if it comes again, nobody is called.
    pub(crate) fn remember(&self) {
        let mut state = self.messages.lock();
        let place = state.next;
        state.next += 1;
        state.in_order.insert(place, self.key);
        if let Some(before) = state.ended.insert(self.key, place) {
            state.in_order.remove(&before);
        }
        while state.in_order.len() > MAX_ENDED {
            if let Some((_, oldest)) = state.in_order.pop_first() {
                state.ended.remove(&oldest);
            }
        }
    }
}

impl Drop for RunningMessage {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sequence: u64) -> MessageKey {
        MessageKey {
            sequence,
            published: async_nats::datetime::from_nanos(1).unwrap(),
        }
    }

    fn messages() -> Arc<Messages> {
        Arc::new(Messages::new(1))
    }

    /// As the first delivery of a consumer.
    fn arrive(messages: &Arc<Messages>, sequence: u64, reply: &str) -> Arrival {
        messages.arrive(key(sequence), 1, reply.into())
    }

    /// N7: a message that comes again while it is handled is not handled a second time, and its last delivery is acknowledged.
    #[test]
    fn a_message_that_comes_again_joins_the_one_that_runs() {
        let messages = messages();
        let Arrival::New(running) = arrive(&messages, 1, "a") else {
            panic!("it is new");
        };
        assert!(matches!(arrive(&messages, 1, "b"), Arrival::Joined));
        assert!(matches!(arrive(&messages, 2, "c"), Arrival::New(_)));
        assert_eq!(running.reply(), Some("b".into()));
        assert!(
            !running.confirm(&"a".into()),
            "a later delivery waits for it"
        );
        assert!(running.confirm(&"b".into()));
        assert!(matches!(arrive(&messages, 1, "d"), Arrival::New(_)));
    }

    /// N2: what was handled, and could not be acknowledged, is acknowledged when it comes again, and not handled again.
    #[test]
    fn a_message_whose_end_is_not_confirmed_is_remembered() {
        let messages = messages();
        for sequence in 0..=MAX_ENDED as u64 {
            let Arrival::New(running) = arrive(&messages, sequence, "a") else {
                panic!("it is new");
            };
            running.remember();
        }
        assert!(
            matches!(arrive(&messages, 0, "b"), Arrival::New(_)),
            "the oldest is forgotten"
        );
        let Arrival::Ended(running) = arrive(&messages, 1, "b") else {
            panic!("it has ended");
        };
        assert!(running.confirm(&"b".into()));
        assert!(
            matches!(arrive(&messages, 1, "c"), Arrival::New(_)),
            "it may be sent again"
        );
    }

    /// N2: what is confirmed takes the place of nothing that is not.
    #[test]
    fn confirmed_messages_take_no_place() {
        let messages = messages();
        for sequence in 0..=MAX_ENDED as u64 {
            let Arrival::New(running) = arrive(&messages, sequence, "a") else {
                panic!("it is new");
            };
            running.remember();
            running.remember();
            if sequence > 0 {
                assert!(running.confirm(&"a".into()));
            }
        }
        assert!(matches!(arrive(&messages, 0, "b"), Arrival::Ended(_)));
        let state = messages.lock();
        assert_eq!((state.ended.len(), state.in_order.len()), (1, 1));
        assert_eq!(state.confirmed.len(), messages.max_confirmed);
    }

    /// N7: a delivery that the server sent before it had the acknowledgement, and that arrives afterwards, is not handled.
    #[test]
    fn a_delivery_that_is_late_is_not_handled() {
        let messages = messages();
        let Arrival::New(running) = arrive(&messages, 1, "a") else {
            panic!("it is new");
        };
        assert!(running.confirm(&"a".into()));
        let late = messages.arrive(key(1), 2, "b".into());
        assert!(matches!(late, Arrival::Ended(_)));
        // One that failed is handled again.
        let Arrival::New(running) = arrive(&messages, 2, "c") else {
            panic!("it is new");
        };
        running.leave();
        let again = messages.arrive(key(2), 2, "d".into());
        assert!(matches!(again, Arrival::New(_)));
        // The one before ends, and takes the place of nothing.
        drop(running);
        let joined = messages.arrive(key(2), 3, "e".into());
        assert!(matches!(joined, Arrival::Joined));
    }
}
