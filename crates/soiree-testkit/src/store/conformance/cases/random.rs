//! Random calls, on the store and on a model of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use soiree_core::PanicPayload;
use soiree_core::store::{
    Batch, Claim, ListenerState, Marks, Millis, NewRecord, Parked, Position, StartFrom,
};

use super::super::content::StoreContent;
use super::super::model::{Model, NAMES};
use super::super::operation::{Mark, Operation, sequences};
use super::super::tested::{
    ALL, Tested, check, event, expect, expect_busy, expect_fenced, fail, parked, same,
};

pub(crate) fn d3_random_calls_do_what_a_simple_model_does(content: &StoreContent) {
    run_sequences(content, false);
}

pub(crate) fn d3_random_calls_and_restarts_do_what_a_simple_model_does(content: &StoreContent) {
    run_sequences(content, true);
}

fn run_sequences(content: &StoreContent, restarts: bool) {
    let config = Config {
        cases: 64,
        max_shrink_iters: 400,
        max_shrink_time: 60_000, // Milliseconds.
        failure_persistence: None,
        ..Config::default()
    };
    // The same sequences each time, so that a failure comes again.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&sequences(restarts), |operations| {
        let run = || Run::new(content.another()).all(&operations);
        catch_unwind(AssertUnwindSafe(run))
            .map_err(|payload| TestCaseError::fail(PanicPayload::new(payload).message().to_owned()))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, operations)) => {
            let calls = operations.iter().enumerate();
            let calls = calls.map(|(index, call)| format!("\n{}. {call:?}", index + 1));
            let calls: String = calls.collect();
            fail(&format!("{reason}\nthe calls:{calls}"))
        }
        Err(TestError::Abort(reason)) => fail(&format!("no sequences of calls: {reason}")),
    }
}

struct Run {
    content: StoreContent,
    /// There is none between two processes.
    store: Option<Tested>,
    model: Model,
}

fn content_of((id, other): (u32, bool)) -> NewRecord {
    let mut event = event(id);
    if other {
        event.payload = b"other".to_vec();
    }
    event
}

impl Run {
    fn new(content: StoreContent) -> Self {
        let (store, model) = (Some(content.store()), Model::default());
        Self {
            content,
            store,
            model,
        }
    }

    fn store(&self) -> &Tested {
        match &self.store {
            Some(store) => store,
            None => fail("no process runs"),
        }
    }

    fn all(mut self, operations: &[Operation]) {
        for (number, operation) in operations.iter().enumerate() {
            let step = || {
                self.step(operation);
                self.compare();
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(step)) {
                let payload = PanicPayload::new(payload);
                fail(&format!("after call {}: {}", number + 1, payload.message()));
            }
        }
    }

    fn positions(&self, at: &[usize]) -> Vec<Position> {
        at.iter().map(|nth| self.model.nth(*nth)).collect()
    }

    fn step(&mut self, operation: &Operation) {
        match operation {
            Operation::Append(events) => {
                let events: Vec<_> = events.iter().map(|event| content_of(*event)).collect();
                let appended = self.store().append(&events);
                self.appended(&events, &appended);
            }
            Operation::Claim { listener, oldest } => self.claim(NAMES[*listener], *oldest),
            Operation::Release { listener } => {
                let listener = self.model.listeners.get_mut(NAMES[*listener]);
                let Some(listener) = listener else { return };
                listener.is_claimed = false;
                if let Some(term) = listener.terms.last().cloned() {
                    self.store().release(&term);
                }
            }
            Operation::Mark(mark) => self.mark(mark),
            Operation::Redrive { listener, at } => {
                let (name, at) = (NAMES[*listener], self.positions(at));
                let redriven = self.store().redrive(name, &at, Millis(5));
                same("redrive", redriven, self.model.dead(name, &at));
                self.model.redrive(name, &at, Millis(5));
            }
            Operation::Discard { listener, at } => {
                let (name, at) = (NAMES[*listener], self.positions(at));
                let discarded = self.store().discard(name, &at);
                same("discard", discarded, self.model.dead(name, &at));
                self.model.discard(name, &at);
            }
            Operation::Sweep {
                up_to,
                before,
                limit,
            } => {
                self.sweep(self.model.nth(*up_to), Millis(*before), *limit);
            }
            Operation::Remove { listener } => self.remove(NAMES[*listener]),
            Operation::Rename { old, new } => self.rename(NAMES[*old], NAMES[*new]),
            Operation::Restart => self.restart(),
        }
    }

    fn appended(&mut self, events: &[NewRecord], appended: &[soiree_core::store::Appended]) {
        for (event, appended) in events.iter().zip(appended) {
            if self.model.append(event, *appended).is_none() {
                fail(&format!("commit returns {appended:?} for {event:?}"));
            }
        }
    }

    fn claim(&mut self, name: &'static str, oldest: bool) {
        if self.model.is_claimed(name) {
            return;
        }
        let start = match oldest {
            true => StartFrom::Oldest,
            false => StartFrom::Now,
        };
        let Claim::Held(term, progress) = self.store().try_claim(name, start) else {
            fail("a listener that no process has claimed is claimed elsewhere");
        };
        let expected = self.model.claim(name, oldest);
        same("claim", progress, expected);
        if let Some(listener) = self.model.listeners.get_mut(name) {
            listener.terms.push(term);
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let name = NAMES[mark.listener];
        if !mark.late {
            self.claim(name, true);
        }
        let Some(listener) = self.model.listeners.get(name) else {
            return;
        };
        let nth_last = usize::from(mark.late);
        let Some(term) = listener.terms.iter().rev().nth(nth_last).cloned() else {
            return;
        };
        let parks = mark.parked.iter().filter_map(|(nth, state)| {
            let position = self.model.nth(*nth);
            let is_there = self.model.events.contains_key(&position);
            let may_be_parked = is_there && listener.state(position) != ListenerState::Ended;
            may_be_parked.then(|| (position, parked(position, *state)))
        });
        // One for each event.
        let parks: std::collections::BTreeMap<Position, Parked> = parks.collect();
        let marks = Marks {
            floor: mark.floor.map(|nth| self.model.nth(nth)),
            begun: mark.begun.map(|nth| self.model.nth(nth)),
            ended: self.positions(&mark.ended),
            parked: parks.into_values().collect(),
            clean: mark.clean,
            ..Marks::new(term)
        };
        let appends: Vec<_> = mark.append.into_iter().map(content_of).collect();
        let committed = self.store().raw().commit(&Batch {
            appends: &appends,
            marks: std::slice::from_ref(&marks),
        });
        if mark.late {
            return expect_fenced(committed);
        }
        self.appended(&appends, &expect("commit", committed));
        if let Some(listener) = self.model.listeners.get_mut(name) {
            listener.mark(&marks);
        }
    }

    /// What goes must be permitted to go. A sweep may leave events for the next one.
    fn sweep(&mut self, up_to: Position, before: Millis, limit: usize) {
        let swept = self.store().sweep(up_to, before, limit);
        let left = self.store().positions();
        let known = self.model.events.keys().copied();
        let gone: Vec<Position> = known.filter(|position| !left.contains(position)).collect();
        same("the result of sweep", swept, gone.len() as u64);
        for position in &gone {
            let may_go = *position <= up_to && self.model.may_go(*position, before);
            check(may_go, &format!("sweep removes the event at {position}"));
            self.model.events.remove(position);
        }
        check(
            gone.len() <= limit,
            &format!("{swept} events are swept at a limit of {limit}"),
        );
    }

    fn remove(&mut self, name: &'static str) {
        let removed = self.store().raw().remove_listener(name);
        if self.model.is_claimed(name) {
            return expect_busy(removed);
        }
        let expected = self.model.listeners.remove(name).is_some();
        let removed = expect("remove_listener", removed);
        same("remove_listener", removed, expected);
    }

    fn rename(&mut self, old: &'static str, new: &'static str) {
        let renamed = self.store().raw().rename_listener(old, new);
        if self.model.is_claimed(old) {
            return expect_busy(renamed);
        }
        if self.model.is_claimed(new) && renamed.is_err() {
            // Either answer is right: a process has claimed a listener, and the name is in use.
            return expect_busy(renamed);
        }
        let listeners = &mut self.model.listeners;
        let is_free = !listeners.contains_key(new);
        let listener = is_free.then(|| listeners.remove(old)).flatten();
        let renamed = expect("rename_listener", renamed);
        same("rename_listener", renamed, listener.is_some());
        if let Some(mut listener) = listener {
            for term in &mut listener.terms {
                term.listener = new.into();
            }
            listeners.insert(new, listener);
        }
    }

    fn restart(&mut self) {
        // The old process ends before the new one starts.
        if let Some(old) = self.store.take() {
            old.end();
        }
        let store = self.content.store();
        same("the last position", store.opened.last, self.model.last());
        self.store = Some(store);
        for listener in self.model.listeners.values_mut() {
            listener.is_claimed = false;
        }
    }

    fn compare(&self) {
        let records = self.store().read(Position::START, ALL);
        let events = records.into_iter().map(|it| (it.position, it.event));
        let expected = self.model.events.clone();
        same("events", events.collect(), expected);
        let mut listeners = self.store().listeners();
        listeners.sort_by(|one, other| one.name.cmp(&other.name));
        let expected = self.model.listeners.iter();
        let expected = expected.map(|(name, listener)| listener.describe(name, &self.model.given));
        same("listeners", listeners, expected.collect());
        for (name, listener) in &self.model.listeners {
            let found = self.store().parked(name).into_iter().map(comparable);
            let expected = listener.parked.values().cloned().map(comparable);
            same::<Vec<_>>("parked events", found.collect(), expected.collect());
            for position in self.model.events.keys() {
                let found = match self.store().state(name, *position) {
                    ListenerState::Parked(parked) => ListenerState::Parked(comparable(parked)),
                    other => other,
                };
                let expected = match listener.state(*position) {
                    ListenerState::Parked(parked) => ListenerState::Parked(comparable(parked)),
                    other => other,
                };
                same("the state of an event", found, expected);
            }
        }
    }
}

/// Without what a store may keep or reset when it redrives an event.
fn comparable(parked: Parked) -> Parked {
    Parked {
        crashes: 0,
        error: None,
        ..parked
    }
}
