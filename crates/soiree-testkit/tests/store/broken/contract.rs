//! The contract, with each fault at its place.

use soiree_core::EventId;
use soiree_core::store::{
    Appended, Batch, Claim, Limit, ListenerState, Marks, Millis, Opened, Parked, ParkedState,
    Position, Record, Size, StartFrom, Store, StoreError, StoredListener, Term,
};

use super::{Broken, Fault};

impl Store for Broken {
    fn name(&self) -> String {
        "a broken store".into()
    }

    fn open(&self) -> Result<Opened, StoreError> {
        let mut opened = self.store.open()?;
        *self.opened_at.lock().unwrap() = opened.last;
        match self.fault {
            Fault::OpensWithAWrongPosition => opened.last = opened.last.next(),
            Fault::DrawsANewIdInEachOpen => opened.id = EventId::from(self.number as u128),
            _ => {}
        }
        Ok(opened)
    }

    fn commit(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        self.commit_wrongly(batch)
    }

    fn read(
        &self,
        after: Position,
        mut limit: Limit,
        into: &mut Vec<Record>,
    ) -> Result<(), StoreError> {
        let after = match self.fault {
            Fault::ReadsFromThePosition => Position(after.0.saturating_sub(1)),
            _ => after,
        };
        match self.fault {
            Fault::ReadsOneRecordTooMany => limit.records = limit.records.saturating_add(1),
            Fault::IgnoresTheLimitOfBytes => limit.bytes = usize::MAX,
            Fault::ReplacesWhatIsInTheVector => into.clear(),
            _ => {}
        }
        let mut records = Vec::new();
        self.store.read(after, limit, &mut records)?;
        if self.has(Fault::ReadsNoRecordThatIsTooLarge) {
            records.retain(|it| it.event.payload.len() <= limit.bytes);
        }
        into.extend(self.shown(records));
        self.memory().reads += 1;
        self.shared.has_read.notify_all();
        Ok(())
    }

    fn fetch(&self, at: &[Position], into: &mut Vec<Record>) -> Result<(), StoreError> {
        let mut records = Vec::new();
        if self.has(Fault::FetchesInAnyOrder) {
            for at in at {
                self.store.fetch(&[*at], &mut records)?;
            }
        } else {
            self.store.fetch(at, &mut records)?;
        }
        if self.has(Fault::FetchesAllOrNothing) && records.len() < at.len() {
            records.clear();
        }
        into.extend(self.shown(records));
        Ok(())
    }

    fn find(&self, id: EventId) -> Result<Option<Record>, StoreError> {
        let mut found: Vec<Record> = self.store.find(id)?.into_iter().collect();
        if self.has(Fault::FindsAnyEvent) && found.is_empty() {
            found.extend(self.everything().into_iter().next());
        }
        Ok(self.shown(found).pop())
    }

    fn claim(&self, listener: &str, pattern: &str, start: StartFrom) -> Result<Claim, StoreError> {
        self.claim_wrongly(listener, pattern, start)
    }

    fn renew(&self, term: &Term) -> Result<bool, StoreError> {
        match self.fault {
            Fault::RenewsEveryClaim => Ok(true),
            Fault::RenewsNoClaim => Ok(false),
            Fault::GivesAllClaimsTheSameTerm => self.store.renew(&self.current(term)),
            _ => self.store.renew(term),
        }
    }

    fn release(&self, term: &Term) -> Result<(), StoreError> {
        match self.fault {
            Fault::KeepsReleasedClaims => return Ok(()),
            Fault::ReleasesTheClaimOfAnyTerm | Fault::GivesAllClaimsTheSameTerm => {
                self.store.release(&self.current(term))?;
            }
            _ => self.store.release(term)?,
        }
        self.memory().holders.remove(&*term.listener);
        Ok(())
    }

    fn listeners(&self) -> Result<Vec<StoredListener>, StoreError> {
        let listeners = self.store.listeners()?.into_iter();
        Ok(listeners.filter_map(|it| self.described(it)).collect())
    }

    fn remove_listener(&self, listener: &str) -> Result<bool, StoreError> {
        let removed = self.store.remove_listener(listener);
        match (self.fault, &removed) {
            (Fault::RemovesClaimedListeners, Err(_)) => Ok(true),
            (Fault::KnowsItsOwnClaimsOnly, Err(_)) if !self.holds(listener) => Ok(true),
            (Fault::AlwaysSaysThatItHasRemoved, Ok(_)) => Ok(true),
            (Fault::KeepsThePlaceOfARemovedListener, Ok(true)) => {
                // A listener of that name is known again, at its old floor.
                let floor = self.memory().floors.get(listener).copied();
                let start = StartFrom::Oldest;
                if let Claim::Held(term, _) = self.store.claim(listener, "order.*", start)? {
                    let marks = Marks {
                        floor,
                        ..Marks::new(term.clone())
                    };
                    self.store.commit(&Batch {
                        appends: &[],
                        marks: &[marks],
                    })?;
                    self.store.release(&term)?;
                }
                self.memory().gone.insert(listener.into());
                Ok(true)
            }
            _ => removed,
        }
    }

    fn rename_listener(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        if self.has(Fault::RenamesToNamesInUse) {
            self.store.remove_listener(new)?;
        }
        let renamed = self.store.rename_listener(old, new);
        match (self.fault, &renamed) {
            (Fault::RemovesClaimedListeners, Err(_)) => Ok(true),
            (Fault::LosesProgressInARename, Ok(true)) => {
                self.store.remove_listener(new)?;
                let claim = self.store.claim(new, "order.*", StartFrom::Now)?;
                if let Claim::Held(term, _) = claim {
                    self.store.release(&term)?;
                }
                Ok(true)
            }
            _ => renamed,
        }
    }

    fn parked(
        &self,
        listener: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let (state_asked, mut after, mut limit_asked) = (state, after, limit);
        let mut state = state;
        match self.fault {
            Fault::StartsEachPageAtTheStart => after = Position::START,
            Fault::IgnoresTheSizeOfAPage => limit_asked = usize::MAX,
            Fault::IgnoresTheStateOfAPage | Fault::FiltersAPageAfterItsLimit => state = None,
            _ => {}
        }
        let mut parked = self.store.parked(listener, state, after, limit_asked)?;
        match self.fault {
            Fault::ReturnsPagesInReverse => parked.reverse(),
            Fault::FiltersAPageAfterItsLimit => {
                parked.retain(|it| state_asked.is_none_or(|state| it.state == state));
            }
            Fault::MixesParkedEventsUp => parked = self.parked_of_all(),
            Fault::ForgetsParkedEventsWhenItCloses if self.memory().has_closed => parked.clear(),
            Fault::ForgetsParkedEventsInARestart if self.is_restarted() => parked.clear(),
            _ => {}
        }
        Ok(parked.into_iter().map(|it| self.wrong(it)).collect())
    }

    fn states(&self, at: Position) -> Result<Vec<(String, ListenerState)>, StoreError> {
        let mut states = self.store.states(at)?;
        if self.has(Fault::ShowsAStateForNobody) && states.is_empty() {
            states.push(("nobody".into(), ListenerState::Waiting));
        }
        let states = states.into_iter().map(|(name, state)| match state {
            ListenerState::Parked(_) if self.has(Fault::ShowsParkedEventsAsWaiting) => {
                (name, ListenerState::Waiting)
            }
            ListenerState::Parked(parked) => (name, ListenerState::Parked(self.wrong(parked))),
            other => (name, other),
        });
        Ok(states.collect())
    }

    fn redrive(
        &self,
        listener: &str,
        at: &[Position],
        now: Millis,
    ) -> Result<Vec<Position>, StoreError> {
        match self.fault {
            Fault::NeedsAClaimToRedrive if !self.holds(listener) => return Ok(Vec::new()),
            Fault::RedrivesOneEventOnly => {
                return self.store.redrive(listener, &at[..1.min(at.len())], now);
            }
            _ => {}
        }
        let redriven = self.store.redrive(listener, at, now)?;
        self.memory().redriven.extend(&redriven);
        match self.fault {
            Fault::RedrivesWhatIsNotDead => Ok(at.to_vec()),
            _ => Ok(redriven),
        }
    }

    fn discard(&self, listener: &str, at: &[Position]) -> Result<Vec<Position>, StoreError> {
        match self.fault {
            Fault::DiscardsWhatIsNotDead => {
                self.store.discard(listener, at)?;
                Ok(at.to_vec())
            }
            Fault::DiscardsNothing => self.dead(listener, at),
            Fault::DiscardsNothingAfterARestart if self.is_restarted() => self.dead(listener, at),
            _ => self.store.discard(listener, at),
        }
    }

    fn sweep(&self, up_to: Position, before: Millis, limit: usize) -> Result<u64, StoreError> {
        self.sweep_wrongly(up_to, before, limit)
    }

    fn size(&self) -> Result<Size, StoreError> {
        self.store.size()
    }

    fn changed(&self) -> Result<bool, StoreError> {
        match self.fault {
            Fault::NeverShowsAChange => Ok(false),
            Fault::AlwaysShowsAChange => Ok(true),
            _ => self.store.changed(),
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut memory = self.memory();
        memory.has_closed = true;
        memory.unsaved.clear();
        if self.has(Fault::LosesTheLastCommitWhenItCloses) {
            let own = self.own.lock().unwrap();
            memory.hidden.extend(own.iter());
        }
        drop(memory);
        self.store.close()
    }
}
