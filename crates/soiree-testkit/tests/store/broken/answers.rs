//! Wrong answers about events, listeners and claims.

use soiree_core::Properties;
use soiree_core::store::{
    Claim, ListenerState, Millis, Parked, ParkedState, Position, Progress, Record, StartFrom,
    Store, StoreError, StoredListener, Term,
};

use super::{Broken, Fault};

impl Broken {
    /// The records as the store shows them.
    pub(super) fn shown(&self, mut records: Vec<Record>) -> Vec<Record> {
        let memory = self.memory();
        records.retain(|it| !memory.hidden.contains(&it.position));
        if self.has(Fault::SeesOnlyItsOwnCommits) {
            let (opened_at, own) = (*self.opened_at.lock().unwrap(), self.own.lock().unwrap());
            records.retain(|it| it.position <= opened_at || own.contains(&it.position));
        }
        for record in &mut records {
            match self.fault {
                Fault::LosesProperties => record.event.properties = Properties::new(),
                Fault::TruncatesLargePayloads => record.event.payload.truncate(65_535),
                Fault::DoesNotCheckBytes => record.damage = None,
                _ => {}
            }
        }
        records
    }

    pub(super) fn holds(&self, listener: &str) -> bool {
        self.memory().holders.get(listener) == Some(&self.number)
    }

    /// The term of the last claim of the listener.
    pub(super) fn current(&self, term: &Term) -> Term {
        let known = self.known(&term.listener);
        Term {
            listener: term.listener.clone(),
            number: known.map_or(term.number, |known| known.term),
        }
    }

    pub(super) fn claim_wrongly(
        &self,
        listener: &str,
        pattern: &str,
        start: StartFrom,
    ) -> Result<Claim, StoreError> {
        let is_held_by_others = {
            let mut memory = self.memory();
            let first = memory.patterns.entry(listener.into());
            first.or_insert_with(|| pattern.into());
            let mut holders = memory.holders.values();
            holders.any(|holder| *holder != self.number)
        };
        if is_held_by_others && self.has(Fault::LocksTheWholeStore) {
            return Ok(Claim::Elsewhere);
        }
        let pattern = match self.fault {
            Fault::KeepsTheFirstPattern => self.memory().patterns[listener].clone(),
            _ => pattern.into(),
        };
        let start = match self.fault {
            Fault::StartsAlwaysNow => StartFrom::Now,
            Fault::StartsAlwaysAtTheOldest => StartFrom::Oldest,
            _ => start,
        };
        let claim = self.store.claim(listener, &pattern, start)?;
        let (mut term, mut progress) = match claim {
            Claim::Held(term, progress) => (term, progress),
            Claim::Elsewhere if self.has(Fault::LetsEveryProcessClaim) => {
                let known = self.known(listener).unwrap();
                let term = Term {
                    listener: known.name,
                    number: known.term,
                };
                return Ok(Claim::Held(term, Progress::default()));
            }
            Claim::Elsewhere => return Ok(Claim::Elsewhere),
        };
        let mut memory = self.memory();
        memory.holders.insert(listener.into(), self.number);
        memory.gone.remove(listener);
        match self.fault {
            Fault::GivesAllClaimsTheSameTerm => term.number = 1,
            Fault::MovesFloorsBack => {
                let floor = memory.floors.get(listener).copied();
                progress.floor = floor.unwrap_or(progress.floor);
            }
            Fault::MovesBegunBack => {
                let begun = memory.begun.get(listener).copied();
                progress.begun = begun.unwrap_or(progress.begun);
            }
            Fault::ReturnsDoneEventsInAnyOrder => progress.done.reverse(),
            Fault::NeverFoldsDoneEvents => {
                let ended = memory.ended.get(listener);
                progress.done = ended.into_iter().flatten().copied().collect();
            }
            Fault::ForgetsDoneEventsInARestart if self.is_restarted() => progress.done.clear(),
            Fault::IsAlwaysClean => progress.clean = true,
            Fault::IsNeverClean => progress.clean = false,
            Fault::StaysCleanAfterAClaim => progress.clean |= memory.clean.contains(listener),
            _ => {}
        }
        Ok(Claim::Held(term, progress))
    }

    pub(super) fn described(&self, mut listener: StoredListener) -> Option<StoredListener> {
        let memory = self.memory();
        let name = &*listener.name;
        if memory.gone.contains(name) {
            return None;
        }
        match self.fault {
            Fault::CountsDeadEventsAsParked => {
                listener.parked += listener.dead;
                listener.dead = 0;
            }
            Fault::MovesFloorsBack => {
                let floor = memory.floors.get(name).copied();
                listener.floor = floor.unwrap_or(listener.floor);
            }
            Fault::NeverFoldsDoneEvents => {
                let ended = memory.ended.get(name);
                listener.done = ended.map_or(0, |ended| ended.len() as u64);
            }
            _ => {}
        }
        Some(listener)
    }

    /// A parked event as the store shows it.
    pub(super) fn wrong(&self, mut parked: Parked) -> Parked {
        match self.fault {
            Fault::LosesTheKeysOfParkedEvents => parked.key = None,
            Fault::LosesErrors => parked.error = None,
            Fault::CountsTheAttemptsOfRedrivenEvents
                if self.memory().redriven.contains(&parked.position) =>
            {
                parked.attempts = 3;
            }
            _ => {}
        }
        parked
    }

    /// Those of the positions that are dead.
    pub(super) fn dead(
        &self,
        listener: &str,
        at: &[Position],
    ) -> Result<Vec<Position>, StoreError> {
        let dead = Some(ParkedState::Dead);
        let dead = self.store.parked(listener, dead, Position::START, 99)?;
        let dead = dead.into_iter().map(|it| it.position);
        Ok(dead.filter(|position| at.contains(position)).collect())
    }

    pub(super) fn sweep_wrongly(
        &self,
        mut up_to: Position,
        mut before: Millis,
        mut limit: usize,
    ) -> Result<u64, StoreError> {
        let events = self.everything();
        match self.fault {
            Fault::IgnoresTheAgeOfEvents => before = Millis(i64::MAX),
            Fault::IgnoresTheLimitOfASweep => limit = usize::MAX,
            Fault::SweepsAboveThePosition => up_to = Position(u64::MAX - 1),
            Fault::NeverSweepsTheLastEvent => {
                let last = events.last().map_or(0, |it| it.position.0);
                up_to = Position(up_to.0.min(last.saturating_sub(1)));
            }
            _ => {}
        }
        let swept = self.store.sweep(up_to, before, limit)?;
        let mut wrongly = 0;
        for record in &events {
            let position = record.position;
            let is_there = self.store.find(record.event.id)?.is_some();
            if !is_there {
                let mut memory = self.memory();
                memory.swept.insert(record.event.id, position);
                continue;
            }
            let states = self.store.states(position)?;
            let mut states = states.iter().map(|(_, state)| state);
            let goes = match self.fault {
                Fault::SweepsWhatOneListenerHasEnded => {
                    states.any(|state| *state == ListenerState::Ended)
                }
                Fault::SweepsParkedEvents => {
                    states.any(|state| matches!(state, ListenerState::Parked(_)))
                }
                _ => false,
            };
            if goes && self.memory().hidden.insert(position) {
                wrongly += 1;
            }
        }
        Ok(swept + wrongly)
    }
}
