//! What must have become of each event for each listener: a map, gone through from the start each time.

use std::collections::BTreeMap;

use soiree::Pattern;

use super::script::{Call, LISTENERS, Mood, Parts, SPECS};

/// How long ended events are kept, in milliseconds.
pub(crate) const KEEP: i64 = 300_000;

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) topic: &'static str,
    pub(crate) parts: Parts,
    pub(crate) emitted_at: i64,
    pub(crate) is_swept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Pending(Pending),
    Dead { attempts: u32 },
    Ended,
}

/// An event that waits for its time, or for an earlier one of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) attempts: u32,
    pub(crate) due: i64,
    /// The last attempt failed in this step.
    pub(crate) is_fresh: bool,
    /// How many processes have ended while it ran, if that is known.
    pub(crate) crashes: Option<u32>,
    /// It ran when the process was killed.
    pub(crate) was_running: bool,
}

/// What a listener has done since it was claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// What it had to do.
    pub(crate) taken: u64,
    pub(crate) done: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    pub(crate) given_up: u64,
    pub(crate) discarded: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) is_known: bool,
    pub(crate) is_subscribed: bool,
    /// It left a process that had not started. What that has found of a kill before may be written down.
    pub(crate) is_unsettled: bool,
    pub(crate) states: BTreeMap<u64, State>,
    pub(crate) counts: Counts,
}

pub(crate) struct Oracle {
    pub(crate) events: BTreeMap<u64, Stored>,
    pub(crate) listeners: [Listener; LISTENERS],
    /// The latest time that there was.
    pub(crate) latest: i64,
    patterns: [Pattern; LISTENERS],
}

/// How a step ends.
pub(crate) enum Rest {
    /// After these calls nothing more happens.
    After(Vec<Call>),
    /// A listener ends the process.
    Killed,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Self {
            events: BTreeMap::new(),
            listeners: std::array::from_fn(|index| Listener {
                name: format!("listener-{index}"),
                is_known: false,
                is_subscribed: false,
                is_unsettled: false,
                states: BTreeMap::new(),
                counts: Counts::default(),
            }),
            latest: i64::MIN,
            patterns: std::array::from_fn(|index| Pattern::new(SPECS[index].pattern).unwrap()),
        }
    }

    pub(crate) fn matches(&self, listener: usize, topic: &str) -> bool {
        self.patterns[listener].matches(topic)
    }

    pub(crate) fn stored(&mut self, at: u64, event: Stored) {
        for listener in self.listeners.iter_mut().filter(|known| known.is_known) {
            listener.states.insert(at, State::Waiting);
            listener.counts.taken += 1;
        }
        let before = self.events.insert(at, event);
        assert!(before.is_none(), "position {at} was given twice");
    }

    /// A store that has never heard of the listener hears of it.
    pub(crate) fn introduce(&mut self, index: usize, from_oldest: bool) {
        let listener = &mut self.listeners[index];
        listener.is_known = true;
        listener.states.clear();
        if from_oldest {
            let there = self.events.iter().filter(|(_, event)| !event.is_swept);
            listener.states = there.map(|(at, _)| (*at, State::Waiting)).collect();
        }
    }

    /// A process takes over a listener.
    pub(crate) fn claim(&mut self, index: usize, now: i64) {
        let listener = &mut self.listeners[index];
        listener.is_subscribed = true;
        listener.is_unsettled = false;
        listener.counts = Counts::default();
        for state in listener.states.values_mut() {
            listener.counts.taken += u64::from(*state != State::Ended);
            let State::Pending(pending) = state else {
                continue;
            };
            pending.due = pending.due.min(now + SPECS[index].longest_delay());
            if pending.attempts == 0 {
                pending.due = pending.due.min(now);
            }
            if std::mem::take(&mut pending.was_running) {
                pending.crashes = pending.crashes.map(|crashes| crashes + 1);
            }
            if pending.crashes.is_some_and(|crashes| crashes >= 3) {
                let attempts = pending.attempts;
                *state = State::Dead { attempts };
                listener.counts.given_up += 1;
            }
        }
    }

    pub(crate) fn nothing_is_fresh(&mut self) {
        let states = self.listeners.iter_mut();
        for state in states.flat_map(|listener| listener.states.values_mut()) {
            if let State::Pending(pending) = state {
                pending.is_fresh = false;
            }
        }
    }

    /// Whether a listener can tell nothing of the event at all.
    fn is_unusable(&self, listener: usize, parts: Parts) -> bool {
        parts.kind == 'u' || parts.kind == 'k' && SPECS[listener].ordered
    }

    /// Whether an earlier event of its key has not ended.
    fn is_held_up(&self, listener: usize, at: u64) -> bool {
        let key = |at: u64| {
            let parts = self.events[&at].parts;
            let has_key = SPECS[listener].ordered && parts.key != '-';
            (has_key && !self.is_unusable(listener, parts)).then_some(parts.key)
        };
        let concerns = |at: u64| self.matches(listener, self.events[&at].topic);
        let Some(mine) = key(at) else {
            return false;
        };
        let mut earlier = self.listeners[listener].states.range(..at);
        earlier.any(|(at, state)| {
            let is_open = matches!(state, State::Waiting | State::Pending(_));
            is_open && concerns(*at) && key(*at) == Some(mine)
        })
    }

    /// Does all that is to be done now, and returns the calls that it takes.
    pub(crate) fn settle(&mut self, moods: &[Mood; LISTENERS], now: i64) -> Rest {
        let mut calls = Vec::new();
        for index in 0..LISTENERS {
            if !self.listeners[index].is_subscribed {
                continue;
            }
            while let Some((at, state)) = self.next(index, now) {
                let Stored { topic, parts, .. } = self.events[&at];
                let (attempts, crashes) = match state {
                    State::Pending(pending) => (pending.attempts, pending.crashes),
                    _ => (0, None),
                };
                let is_new = state == State::Waiting;
                let is_dead_at_once = is_new && self.is_unusable(index, parts);
                let concerns = self.matches(index, topic);
                let is_filtered = SPECS[index].filtered && parts.kind == 'f';
                let is_held_up = self.is_held_up(index, at);
                let Listener { states, counts, .. } = &mut self.listeners[index];
                let next = if !concerns || is_filtered && !is_held_up {
                    counts.skipped += 1;
                    State::Ended
                } else if is_dead_at_once {
                    counts.given_up += 1;
                    State::Dead { attempts }
                } else if is_held_up {
                    State::Pending(Pending {
                        attempts,
                        due: now,
                        is_fresh: false,
                        crashes,
                        was_running: false,
                    })
                } else {
                    let mood = match parts.kind {
                        'u' => Mood::FailsForGood,
                        _ => moods[index].towards(parts.number),
                    };
                    if mood == Mood::EndsTheProcess {
                        return Rest::Killed;
                    }
                    if parts.kind != 'u' {
                        calls.push(Call {
                            listener: index,
                            number: parts.number,
                            attempt: attempts + 1,
                            is_fine: mood == Mood::Fine,
                        });
                    }
                    called(index, attempts + 1, crashes, mood, now, counts)
                };
                states.insert(at, next);
            }
        }
        Rest::After(calls)
    }

    /// The first event that something is to be done with.
    fn next(&self, index: usize, now: i64) -> Option<(u64, State)> {
        let mut states = self.listeners[index].states.iter();
        let found = states.find(|(at, state)| match state {
            State::Waiting => true,
            State::Pending(pending) => pending.due <= now && !self.is_held_up(index, **at),
            _ => false,
        });
        found.map(|(at, state)| (*at, *state))
    }

    /// Whether the store may have removed the event.
    pub(crate) fn may_be_swept(&self, at: u64) -> bool {
        let mut known = self.listeners.iter().filter(|known| known.is_known);
        let ended =
            known.all(|listener| matches!(listener.states.get(&at), None | Some(State::Ended)));
        ended && self.events[&at].emitted_at < self.latest - KEEP
    }

    pub(crate) fn swept(&mut self, at: u64) {
        self.events.get_mut(&at).unwrap().is_swept = true;
        for listener in &mut self.listeners {
            listener.states.remove(&at);
        }
    }

    pub(crate) fn dead(&self, listener: usize) -> Vec<u64> {
        let states = self.listeners[listener].states.iter();
        let dead = states.filter(|(_, state)| matches!(state, State::Dead { .. }));
        dead.map(|(at, _)| *at).collect()
    }

    /// Whether a listener that runs has something left to do.
    pub(crate) fn has_pending(&self) -> bool {
        let mut running = self.listeners.iter().filter(|known| known.is_subscribed);
        running.any(|listener| {
            let mut states = listener.states.values();
            states.any(|state| matches!(state, State::Waiting | State::Pending(_)))
        })
    }
}

/// What follows from a call.
fn called(
    listener: usize,
    attempts: u32,
    crashes: Option<u32>,
    mood: Mood,
    now: i64,
    counts: &mut Counts,
) -> State {
    if mood == Mood::Fine {
        counts.done += 1;
        return State::Ended;
    }
    counts.failed += 1;
    let delay = SPECS[listener].delay(attempts);
    match delay.filter(|_| mood != Mood::FailsForGood) {
        Some(delay) => State::Pending(Pending {
            attempts,
            due: now + delay,
            is_fresh: true,
            crashes,
            was_running: false,
        }),
        None => {
            counts.given_up += 1;
            State::Dead { attempts }
        }
    }
}
