//! Emitting, and what the answers say.

use std::sync::Arc;
use std::thread;

use soiree::store::Store;
use soiree::{BaseEvent, EmitError, Event, NotStored, Outbox, Stored as Answer};

use super::Medium;
use super::compare::id;
use super::oracle::Stored;
use super::script::Parts;
use super::step::{Draft, How};
use super::world::World;

/// An event whose emit failed while the process ended.
pub(crate) struct Unsure {
    pub(crate) topic: &'static str,
    pub(crate) parts: Parts,
}

fn event(topic: &str, parts: Parts) -> BaseEvent {
    BaseEvent::new(topic, parts.text()).with_id(id(parts.number))
}

type Answers = Vec<Result<Answer, EmitError>>;

impl<M: Medium> World<M> {
    pub(crate) fn emit(&mut self, drafts: &[Draft], how: How) {
        let new: Vec<(&'static str, Parts)> = drafts
            .iter()
            .map(|draft| {
                let number = self.next;
                self.next += 1;
                let Draft { topic, kind, key } = *draft;
                (topic, Parts { kind, key, number })
            })
            .collect();
        let outbox = self.running().outbox.clone();
        let answers = match how {
            How::OneByOne => new
                .iter()
                .map(|(topic, parts)| outbox.emit_event(event(topic, *parts)))
                .collect(),
            How::AtOnce => emit_at_once(&outbox, &new),
            How::Together => emit_together(&outbox, &new),
        };
        drop(outbox);
        let mut stored = Vec::new();
        for ((topic, parts), answer) in new.into_iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    assert!(!answer.is_duplicate());
                    let at = answer.position().expect("the topic is durable").0;
                    stored.push((at, topic, parts));
                }
                Err(EmitError::NotStored { .. } | EmitError::Closed { .. }) => {
                    self.unsure.push(Unsure { topic, parts });
                }
                Err(error) => panic!("{error}"),
            }
        }
        stored.sort_unstable_by_key(|(at, ..)| *at);
        let emitted_at = self.running().now;
        for (at, topic, parts) in stored {
            let event = Stored {
                topic,
                parts,
                emitted_at,
                is_swept: false,
            };
            self.oracle.stored(at, event);
        }
    }

    /// D2: as long as the process has not ended, an event whose emit failed is not in the store.
    pub(crate) fn forget_failed(&mut self) {
        for unsure in std::mem::take(&mut self.unsure) {
            let found = self.running().store.inner().find(id(unsure.parts.number));
            assert_eq!(found.unwrap(), None, "its emit failed");
        }
    }

    /// D6: the same event again is a duplicate, and another one with its ID is rejected, as long as the first one is there.
    pub(crate) fn repeat(&mut self, nth: usize, other: bool) {
        self.find_swept();
        let Some(nth) = nth.checked_rem(self.oracle.events.len()) else {
            return;
        };
        let (&at, first) = self.oracle.events.iter().nth(nth).expect("there is one");
        let (topic, mut parts) = (first.topic, first.parts);
        if first.is_swept || self.oracle.may_be_swept(at) {
            return;
        }
        if other {
            parts.key = 'o';
        }
        let answer = self.running().outbox.emit_event(event(topic, parts));
        match answer {
            Ok(answer) => {
                assert!(!other && answer.is_duplicate());
                assert_eq!(answer.position().unwrap().0, at);
            }
            Err(EmitError::NotStored {
                source: NotStored::Conflict { id: taken },
                ..
            }) => assert!(other && taken == id(parts.number)),
            // A listener that was left to end the process has done so.
            Err(error) => assert!(self.running().store.is_cut(), "{error}"),
        }
    }
}

fn emit_at_once(outbox: &Outbox, new: &[(&'static str, Parts)]) -> Answers {
    thread::scope(|scope| {
        let emits: Vec<_> = new
            .iter()
            .map(|(topic, parts)| scope.spawn(move || outbox.emit_event(event(topic, *parts))))
            .collect();
        emits.into_iter().map(|emit| emit.join().unwrap()).collect()
    })
}

/// All or nothing.
fn emit_together(outbox: &Outbox, new: &[(&'static str, Parts)]) -> Answers {
    let events = new
        .iter()
        .map(|(topic, parts)| Arc::new(event(topic, *parts)) as Arc<dyn Event>);
    match outbox.emit_all(events) {
        Ok(answers) => answers,
        Err(_) => new
            .iter()
            .map(|(topic, parts)| {
                let event = event(topic, *parts);
                Err(EmitError::Closed {
                    topic: (*topic).into(),
                    payload: event.payload(),
                })
            })
            .collect(),
    }
}
