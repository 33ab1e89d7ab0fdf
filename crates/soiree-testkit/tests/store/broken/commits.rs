//! Commits that go wrong.

use std::time::Duration;

use soiree_core::EventId;
use soiree_core::store::{
    Appended, Batch, Limit, ListenerState, Marks, NewRecord, Parked, Position, Record, Store,
    StoreError, Term,
};

use super::{Broken, Fault};

impl Broken {
    pub(super) fn commit_wrongly(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        if self.has(Fault::RejectsMarksOnceItWasFull)
            && self.memory().is_full
            && !batch.marks.is_empty()
        {
            return Err(StoreError::Full {
                store: "broken".into(),
                reason: "no room for marks".into(),
            });
        }
        let appends = self.appends(batch.appends);
        let marks: Vec<Marks> = batch.marks.iter().filter_map(|it| self.marks(it)).collect();
        let is_empty = self.store.size()?.events == 0;
        let committed = self.store.commit(&Batch {
            appends: &appends,
            marks: &marks,
        });
        let appended = match committed {
            Ok(appended) => appended,
            Err(error) => {
                self.rejected(&error, batch);
                return Err(error);
            }
        };
        let new = appended.iter().filter_map(|appended| match appended {
            Appended::New(position) => Some(*position),
            _ => None,
        });
        let new: Vec<Position> = new.collect();
        self.own.lock().unwrap().extend(&new);
        self.memory().unsaved.clone_from(&new);
        if self.has(Fault::ShowsLaterEventsFirst) && new.len() == 2 {
            self.hide_until_the_next_read(new[0]);
        }
        Ok(self.answer(appended, batch.appends, is_empty))
    }

    fn appends(&self, events: &[NewRecord]) -> Vec<NewRecord> {
        let mut events = events.to_vec();
        let known = |id: EventId| self.store.find(id).unwrap().is_some();
        for index in 0..events.len() {
            let id = events[index].id;
            let is_twin = events[..index].iter().any(|event| event.id == id);
            let is_new = match self.fault {
                Fault::StoresDuplicates => known(id) || is_twin,
                Fault::ForgetsIdsInARestart => known(id) && self.is_restarted(),
                Fault::LooksForDuplicatesInEarlierBatchesOnly => is_twin && !known(id),
                _ => false,
            };
            if is_new {
                let mut memory = self.memory();
                memory.fresh_ids += 1;
                events[index].id = (1_000_000 + u128::from(memory.fresh_ids)).into();
            }
        }
        events
    }

    /// The marks as the store makes them. `None` if it leaves them out.
    fn marks(&self, marks: &Marks) -> Option<Marks> {
        let mut marks = marks.clone();
        let name = marks.term.listener.to_string();
        let known = self.known(&name);
        if let Some(known) = &known {
            let is_overtaken = marks.term.number != known.term;
            if is_overtaken && self.has(Fault::IgnoresTheTerm)
                || self.has(Fault::GivesAllClaimsTheSameTerm)
            {
                marks.term.number = known.term;
            }
        } else if self.has(Fault::AcceptsMarksOfUnknownListeners) {
            return None;
        }
        self.remember(&marks, &name);
        let last = self.last();
        let state = |at| self.state_of(&name, at);
        let is_parked = |at| matches!(state(at), Some(ListenerState::Parked(_)));
        match self.fault {
            Fault::MarksBeforeItAppends => marks.parked.retain(|it| it.position <= last),
            Fault::ForgetsWhatEndsAboveTheFloor => marks.ended.clear(),
            Fault::ForgetsWhatEndsInLargeMarks
                if marks.ended.len() > 2 && marks.begun.is_some() =>
            {
                marks.ended.clear();
            }
            Fault::KeepsTheFirstStateOfAParkedEvent => {
                marks.parked.retain(|it| !is_parked(it.position));
            }
            Fault::KeepsWhatHasEndedParked => marks.ended.retain(|at| !is_parked(*at)),
            Fault::StopsTheFloorAtParkedEvents => {
                let stored = self.store.parked(&name, None, Position::START, 1).unwrap();
                let first = stored.iter().chain(&marks.parked).map(|it| it.position.0);
                let first = first.min().unwrap_or(u64::MAX);
                marks.floor = marks.floor.map(|floor| Position(floor.0.min(first - 1)));
            }
            Fault::ForgetsWhatTheFloorPasses => {
                let stored = self.store.parked(&name, None, Position::START, 99).unwrap();
                let passed = stored.iter().map(|it| it.position);
                let passed = passed.filter(|at| marks.floor.is_some_and(|floor| *at <= floor));
                marks.ended.extend(passed);
            }
            Fault::MarksAllListeners => {
                for other in self.store.listeners().unwrap() {
                    if *other.name != *name && marks.floor.is_some() {
                        let term = Term {
                            listener: other.name,
                            number: other.term,
                        };
                        let marks = Marks {
                            term,
                            ..marks.clone()
                        };
                        let _ = self.store.commit(&Batch {
                            appends: &[],
                            marks: &[marks],
                        });
                    }
                }
            }
            _ => {}
        }
        Some(marks)
    }

    fn remember(&self, marks: &Marks, name: &str) {
        let mut memory = self.memory();
        if let Some(floor) = marks.floor {
            memory.floors.insert(name.into(), floor);
        }
        if let Some(begun) = marks.begun {
            memory.begun.insert(name.into(), begun);
        }
        if let Some(clean) = marks.clean {
            match clean {
                true => memory.clean.insert(name.into()),
                false => memory.clean.remove(name),
            };
        }
        let ended = memory.ended.entry(name.into()).or_default();
        ended.extend(&marks.ended);
    }

    fn rejected(&self, error: &StoreError, batch: &Batch<'_>) {
        match (self.fault, error) {
            (Fault::StoresTheEventsOfAFencedBatch, StoreError::Fenced { .. }) => {
                let appends = batch.appends;
                let _ = self.store.commit(&Batch {
                    appends,
                    marks: &[],
                });
            }
            (Fault::MakesTheOtherMarksOfAFencedBatch, StoreError::Fenced { .. }) => {
                for marks in batch.marks {
                    let marks = std::slice::from_ref(marks);
                    let _ = self.store.commit(&Batch {
                        appends: &[],
                        marks,
                    });
                }
            }
            (Fault::StoresAPartOfABatchWhenFull, StoreError::Full { .. }) => {
                let appends = &batch.appends[..1];
                let _ = self.store.commit(&Batch {
                    appends,
                    marks: &[],
                });
            }
            (_, StoreError::Full { .. }) => self.memory().is_full = true,
            _ => {}
        }
    }

    fn hide_until_the_next_read(&self, position: Position) {
        let mut memory = self.memory();
        memory.hidden.insert(position);
        let reads = memory.reads;
        // Without a reader, nobody can see the gap.
        let patience = Duration::from_millis(20);
        let waiting = self
            .shared
            .has_read
            .wait_timeout_while(memory, patience, |memory| memory.reads == reads);
        waiting.unwrap().0.hidden.remove(&position);
    }

    fn answer(
        &self,
        mut appended: Vec<Appended>,
        events: &[NewRecord],
        is_empty: bool,
    ) -> Vec<Appended> {
        let last = self.last();
        let again = match self.fault {
            Fault::ReusesPositionsAfterASweep => last.0 > events.len() as u64,
            Fault::ReusesPositionsAfterARestart => self.is_restarted(),
            _ => false,
        };
        for (appended, event) in appended.iter_mut().zip(events) {
            let id = event.id;
            *appended = match (self.fault, *appended) {
                (Fault::TakesAnyContentForADuplicate, Appended::Conflict(position)) => {
                    Appended::Duplicate(position)
                }
                (Fault::ComparesProperties, Appended::Duplicate(position)) => {
                    let stored = self.store.find(id).unwrap().unwrap().event;
                    match stored.properties == event.properties {
                        true => Appended::Duplicate(position),
                        false => Appended::Conflict(position),
                    }
                }
                (Fault::FindsDuplicatesByContent, Appended::New(position)) => {
                    match self.twin(event, position) {
                        Some(twin) => Appended::Duplicate(twin),
                        None => Appended::New(position),
                    }
                }
                (Fault::RemembersSweptIds, Appended::New(position)) => {
                    match self.memory().swept.get(&id) {
                        Some(swept) => Appended::Duplicate(*swept),
                        None => Appended::New(position),
                    }
                }
                (_, Appended::New(_)) if again && is_empty => Appended::New(Position(1)),
                (_, other) => other,
            };
        }
        if self.has(Fault::ReportsPositionsInReverse) {
            appended.reverse();
        }
        appended
    }

    /// Another event with the same content.
    fn twin(&self, event: &NewRecord, position: Position) -> Option<Position> {
        let is_twin = |record: &Record| {
            let known = &record.event;
            (&known.topic, &known.codec, &known.payload)
                == (&event.topic, &event.codec, &event.payload)
        };
        let records = self.everything();
        let mut records = records.iter().filter(|it| it.position != position);
        records.find(|it| is_twin(it)).map(|it| it.position)
    }

    pub(super) fn everything(&self) -> Vec<Record> {
        let limit = Limit {
            records: usize::MAX,
            bytes: usize::MAX,
        };
        let mut records = Vec::new();
        self.store
            .read(Position::START, limit, &mut records)
            .unwrap();
        records
    }

    /// The last position that was given.
    fn last(&self) -> Position {
        // Nobody has opened the probe, and opening changes nothing.
        self.store.open().unwrap().last
    }

    pub(super) fn state_of(&self, name: &str, at: Position) -> Option<ListenerState> {
        let states = self.store.states(at).unwrap();
        let mut states = states.into_iter();
        states.find(|(known, _)| known == name).map(|(_, it)| it)
    }

    /// All that is parked for any listener, if the fault mixes them up.
    pub(super) fn parked_of_all(&self) -> Vec<Parked> {
        let listeners = self.store.listeners().unwrap();
        let parked = listeners.iter().flat_map(|listener| {
            let name = &listener.name;
            self.store.parked(name, None, Position::START, 99).unwrap()
        });
        parked.collect()
    }
}
