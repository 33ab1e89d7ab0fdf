//! What happens in a history.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::script::{LISTENERS, Mood};

/// An event that is to be emitted.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) topic: &'static str,
    pub(crate) kind: char,
    pub(crate) key: char,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, kind, key } = self;
        write!(f, "{kind}{key} on {topic}")
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    OneByOne,
    AtOnce,
    Together,
}

/// How a process runs.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) in_flight: usize,
    /// Where listeners start that the store does not know.
    pub(crate) oldest: bool,
    pub(crate) subscribed: [bool; LISTENERS],
    pub(crate) started: bool,
}

impl fmt::Debug for Open {
    /// In one line, as histories are printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            in_flight,
            oldest,
            subscribed,
            started,
        } = self;
        let on = subscribed.map(u8::from);
        write!(
            f,
            "Open(in_flight {in_flight}, oldest {oldest}, {on:?}, started {started})"
        )
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Full,
    Io,
    Busy,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Often {
    Next,
    Every,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Emit(Vec<Draft>, How),
    /// An event with the ID of an earlier one, and with the same content or other content.
    Repeat {
        nth: usize,
        other: bool,
    },
    SetMood(usize, Mood),
    /// In milliseconds.
    Advance(u64),
    /// By so many days.
    SetWall(i64),
    Redrive {
        listener: usize,
        nth: usize,
    },
    RedriveAll(usize),
    Discard {
        listener: usize,
        nth: usize,
    },
    Subscribe(usize),
    Unsubscribe(usize),
    Rename(usize),
    Remove(usize),
    Start,
    Drain,
    Close(Open),
    Kill(Open),
    /// The process ends at this commit, or right after it.
    KillAtCommit {
        nth: u64,
        after: bool,
        drafts: Vec<Draft>,
        open: Open,
    },
    /// So many commits fail, or every one at such a place if there are others between.
    FailCommits(Fault, u64, Vec<Draft>, Often),
    /// A commit fails, and nobody knows whether it has stored the event.
    Unknown {
        stored: bool,
        draft: Draft,
        open: Open,
    },
}

fn draft() -> impl Strategy<Value = Draft> {
    let topic = prop::sample::select(vec!["kept.a", "kept.b", "also.c.d"]);
    let kind = prop::sample::select(vec!['p', 'p', 'p', 'p', 'f', 'u', 'k']);
    let key = prop::sample::select(vec!['x', 'x', 'y', '-']);
    (topic, kind, key).prop_map(|(topic, kind, key)| Draft { topic, kind, key })
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    vec(draft(), 1..5)
}

fn open() -> impl Strategy<Value = Open> {
    // With 1, the order of all events would hide that of keys.
    let in_flight = prop::sample::select(vec![64, 3, 2]);
    let subscribed = prop::array::uniform6(prop::bool::weighted(0.8));
    (
        in_flight,
        any::<bool>(),
        subscribed,
        prop::bool::weighted(0.9),
    )
        .prop_map(|(in_flight, oldest, subscribed, started)| Open {
            in_flight,
            oldest,
            subscribed,
            started,
        })
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        4 => Just(Mood::Fine),
        4 => Just(Mood::Fails),
        1 => Just(Mood::Panics),
        1 => Just(Mood::FailsForGood),
        1 => Just(Mood::EndsTheProcess),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop::sample::select(vec![How::OneByOne, How::AtOnce, How::Together]);
    let fault = prop::sample::select(vec![Fault::Full, Fault::Io, Fault::Busy]);
    let often = prop::sample::select(vec![Often::Next, Often::Every]);
    let listener = || 0..LISTENERS;
    prop_oneof![
        10 => (drafts(), how).prop_map(|(drafts, how)| Step::Emit(drafts, how)),
        2 => (0..50_usize, any::<bool>()).prop_map(|(nth, other)| Step::Repeat { nth, other }),
        7 => (listener(), mood()).prop_map(|(listener, mood)| Step::SetMood(listener, mood)),
        8 => prop::sample::select(vec![1, 30_000, 60_000]).prop_map(Step::Advance),
        1 => (-1..=1_i64).prop_map(Step::SetWall),
        3 => (listener(), 0..9_usize).prop_map(|(listener, nth)| Step::Redrive { listener, nth }),
        1 => listener().prop_map(Step::RedriveAll),
        2 => (listener(), 0..9_usize).prop_map(|(listener, nth)| Step::Discard { listener, nth }),
        2 => listener().prop_map(Step::Subscribe),
        1 => listener().prop_map(Step::Unsubscribe),
        1 => listener().prop_map(Step::Rename),
        1 => listener().prop_map(Step::Remove),
        1 => Just(Step::Start),
        1 => Just(Step::Drain),
        2 => open().prop_map(Step::Close),
        2 => open().prop_map(Step::Kill),
        3 => (1..6_u64, any::<bool>(), drafts(), open()).prop_map(|(nth, after, drafts, open)| {
            Step::KillAtCommit { nth, after, drafts, open }
        }),
        2 => (fault, 1..4_u64, drafts(), often).prop_map(|(fault, commits, drafts, often)| {
            Step::FailCommits(fault, commits, drafts, often)
        }),
        1 => (any::<bool>(), draft(), open())
            .prop_map(|(stored, draft, open)| Step::Unknown { stored, draft, open }),
    ]
}

/// A first process, and what happens to it and to those after it.
pub(crate) fn history() -> impl Strategy<Value = (Open, Vec<Step>)> {
    (open(), vec(step(), 1..40))
}
