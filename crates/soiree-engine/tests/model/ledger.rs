//! What was emitted, and what became of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use soiree_core::observe::{EmissionEnded, EmissionRejected, ListenerEnd, ListenerEnded};
use soiree_core::{DeadLetter, Event, Observer};

pub(crate) type Id = u32;

/// Keeps account of every event, which one listener handles. Threads of a scenario do not switch while one of them is in here.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<State>);

#[derive(Default)]
struct State {
    accounts: BTreeMap<Id, Account>,
    /// How often observers were notified of a rejection.
    rejections: usize,
    /// How many calls run, and how many have run at once.
    running: usize,
    most_running: usize,
    /// All calls in the order in which they began.
    calls: Vec<(Id, u32)>,
}

#[derive(Debug, Default)]
struct Account {
    /// The answer that the emitter got.
    is_accepted: Option<bool>,
    calls: usize,
    running: usize,
    /// Whether two of its calls have run at once.
    has_overlapped: bool,
    /// What observers were notified of, one for each call or for the end without one.
    outcomes: Vec<Outcome>,
    letters: usize,
    ends: Vec<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    TimedOut,
    NotCalled,
}

/// What the end of an emission says.
#[derive(Debug, Default, PartialEq, Eq)]
struct End {
    delivered: u64,
    failed: u64,
    timed_out: u64,
    not_called: u64,
    retried: u64,
    discarded: bool,
}

/// How many of the events were accepted and ended how, or were rejected.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) handled: usize,
    pub(crate) failed: usize,
    pub(crate) timed_out: usize,
    pub(crate) not_called: usize,
    pub(crate) discarded: usize,
    pub(crate) rejected: usize,
}

impl Sums {
    pub(crate) fn accepted(&self) -> usize {
        self.called() + self.not_called + self.discarded
    }

    pub(crate) fn called(&self) -> usize {
        self.handled + self.failed + self.timed_out
    }
}

pub(crate) fn id_of(event: &dyn Event) -> Id {
    *event.payload_as::<Id>().unwrap()
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn with(&self, id: Id, enter: impl FnOnce(&mut Account)) {
        enter(self.lock().accounts.entry(id).or_default());
    }

    /// An emitter has its answer.
    pub(crate) fn answered(&self, id: Id, is_accepted: bool) {
        self.with(id, |account| {
            let before = account.is_accepted.replace(is_accepted);
            assert_eq!(before, None, "{id} was emitted before");
        });
    }

    pub(crate) fn begin(&self, id: Id, attempt: u32) {
        let mut state = self.lock();
        state.calls.push((id, attempt));
        state.running += 1;
        state.most_running = state.most_running.max(state.running);
        drop(state);
        self.with(id, |account| {
            account.calls += 1;
            account.has_overlapped |= account.running > 0;
            account.running += 1;
        });
    }

    pub(crate) fn end(&self, id: Id) {
        self.lock().running -= 1;
        self.with(id, |account| account.running -= 1);
    }

    /// The events in the order of the calls with this attempt.
    pub(crate) fn order_of(&self, attempt: u32) -> Vec<Id> {
        let state = self.lock();
        let calls = state.calls.iter();
        let calls = calls.filter(|(_, number)| *number == attempt);
        calls.map(|(id, _)| *id).collect()
    }

    /// How many calls have run at once.
    pub(crate) fn most_running(&self) -> usize {
        self.lock().most_running
    }

    /// How many events were accepted and have not ended.
    pub(crate) fn unended(&self) -> usize {
        let state = self.lock();
        let accounts = state.accounts.values();
        let accepted = accounts.filter(|account| account.is_accepted == Some(true));
        accepted.filter(|account| account.ends.is_empty()).count()
    }

    /// Asserts that every event had an answer and, if it was accepted, ended once: it was handled, or that it was not was reported.
    /// Events that were not accepted were not called either. Returns how many ended how.
    #[track_caller]
    pub(crate) fn assert_settled(&self) -> Sums {
        let mut sums = Sums::default();
        let state = self.lock();
        for (id, account) in &state.accounts {
            let context = format!("{id}: {account:?}");
            assert!(account.running == 0 && !account.has_overlapped, "{context}");
            if account.is_accepted.expect("it has an answer") {
                account.add_to(&mut sums, &context);
            } else {
                sums.rejected += 1;
                assert!(account.ends.is_empty() && account.calls == 0, "{context}");
            }
        }
        assert_eq!(state.rejections, sums.rejected);
        sums
    }
}

impl Account {
    /// Adds the event to the sum that it belongs to.
    #[track_caller]
    fn add_to(&self, sums: &mut Sums, context: &str) {
        let outcomes = self.outcomes.split_last();
        let retried = outcomes.map_or(0, |(_, before)| before.len());
        let is_again = |outcome: &Outcome| matches!(outcome, Outcome::Failed | Outcome::TimedOut);
        let are_retried = outcomes.is_none_or(|(_, before)| before.iter().all(is_again));
        assert!(are_retried, "{context}");
        let last = outcomes.map(|(last, _)| *last);
        let is_called = !matches!(last, None | Some(Outcome::NotCalled));
        let calls = if is_called { self.outcomes.len() } else { 0 };
        assert_eq!(self.calls, calls, "{context}");
        let (has_failed, has_timed_out) = match last {
            Some(Outcome::Failed) => (true, false),
            Some(Outcome::TimedOut) => (true, true),
            _ => (false, false),
        };
        let end = End {
            delivered: is_called.into(),
            failed: has_failed.into(),
            timed_out: has_timed_out.into(),
            not_called: (last == Some(Outcome::NotCalled)).into(),
            retried: retried as u64,
            discarded: last.is_none(),
        };
        assert_eq!(self.ends, [end], "{context}");
        assert_eq!(self.letters, usize::from(has_failed), "{context}");
        *match last {
            Some(Outcome::Succeeded) => &mut sums.handled,
            Some(Outcome::Failed) => &mut sums.failed,
            Some(Outcome::TimedOut) => &mut sums.timed_out,
            Some(Outcome::NotCalled) => &mut sums.not_called,
            None => &mut sums.discarded,
        } += 1;
    }
}

/// Enters what observers are notified of.
pub(crate) struct Entering(pub(crate) Arc<Ledger>);

impl Observer for Entering {
    fn emission_rejected(&self, _: &EmissionRejected<'_>) {
        self.0.lock().rejections += 1;
    }

    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        let end = End {
            delivered: ended.delivered,
            failed: ended.failed,
            timed_out: ended.timed_out,
            not_called: ended.not_called,
            retried: ended.retried,
            discarded: ended.discarded,
        };
        self.0
            .with(id_of(ended.event), |account| account.ends.push(end));
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let outcome = match ended.outcome {
            ListenerEnd::Succeeded => Outcome::Succeeded,
            ListenerEnd::Failed(_) => Outcome::Failed,
            ListenerEnd::TimedOut(_) => Outcome::TimedOut,
            ListenerEnd::Rejected(_) | ListenerEnd::Discarded(_) => Outcome::NotCalled,
            ref other => panic!("{other:?}"),
        };
        self.0.with(id_of(ended.event), |account| {
            account.outcomes.push(outcome);
        });
    }

    fn dead_letter(&self, letter: &DeadLetter) {
        let id = *letter.payload.downcast_ref::<Id>().unwrap();
        self.0.with(id, |account| account.letters += 1);
    }
}
