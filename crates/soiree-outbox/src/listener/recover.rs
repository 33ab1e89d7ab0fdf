//! Taking over a listener from where the log says it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use soiree_core::Retry;
use soiree_core::store::{Parked, ParkedState, Position, Progress, Store, StoreError, Term};

use super::{DurableListener, Limits, Subscribed, Surroundings};
use crate::window::Window;

/// How many parked events are read at once.
pub(super) const PAGE: usize = 500;

impl DurableListener {
    /// Takes over from where the log says the listener is. Reads what is parked.
    pub(crate) fn recover(
        subscribed: Subscribed,
        term: Term,
        progress: Progress,
        options: Limits,
        around: &Surroundings<'_>,
    ) -> Result<Self, (Box<Subscribed>, StoreError)> {
        let begun = around
            .queue
            .add_begun(term.clone(), progress.begun.max(progress.floor));
        let mut listener = Self {
            window: Window::new(options.in_flight, options.max_parked, &progress),
            subscribed,
            term,
            begun,
            page: VecDeque::new(),
            held: BTreeMap::new(),
            blocked: VecDeque::new(),
            marking: Vec::new(),
            running: BTreeMap::new(),
            done_before: progress.done.iter().copied().collect(),
            redriven_after: None,
            unreadable: None,
            is_removed: false,
            last_trial: 0,
        };
        let restored = listener.restore_parked(around).and_then(|()| {
            if progress.clean {
                return Ok(());
            }
            listener.find_suspects(&progress, around)
        });
        if let Err(error) = restored {
            around.queue.forget(&listener.term);
            return Err((Box::new(listener.into_subscribed()), error));
        }
        Ok(listener)
    }

    /// Reads what is parked: of the events that wait, as many as there is room for. The others stay in the store until then, and so do dead
    /// ones.
    fn restore_parked(&mut self, around: &Surroundings<'_>) -> Result<(), StoreError> {
        let name = Arc::clone(&self.subscribed.name);
        let mut above_floor = Vec::new();
        for_parked(around.store, &name, None, self.window.cursor(), |page| {
            above_floor.extend(page.into_iter().map(|parked| parked.position));
        })?;
        // Not to be started as new ones too.
        self.done_before.extend(above_floor);
        let longest = longest_delay(self.subscribed.retry.as_ref());
        for state in [ParkedState::Running, ParkedState::Suspect] {
            let mut all = Vec::new();
            // No more than could run at once.
            for_parked(
                around.store,
                &name,
                Some(state),
                Position::START,
                |mut page| {
                    all.append(&mut page);
                },
            )?;
            self.add_keys(&mut all, around)?;
            for parked in all {
                self.window.restore(parked, around.now, longest);
            }
        }
        self.window.set_unrestored(Some(Position::START));
        self.restore_more(around)
    }

    /// Goes on to read what was parked before the claim, as far as there is room.
    pub(super) fn restore_more(&mut self, around: &Surroundings<'_>) -> Result<(), StoreError> {
        let longest = longest_delay(self.subscribed.retry.as_ref());
        while let Some(after) = self.window.unrestored() {
            let limit = PAGE.min(self.window.places_to_park());
            if limit == 0 {
                return Ok(());
            }
            let name = &self.subscribed.name;
            let read = |state| around.store.parked(name, Some(state), after, limit);
            let mut page = read(ParkedState::Retry)?;
            page.append(&mut read(ParkedState::Behind)?);
            // In the order of the log: an event waits for those of its key that come before it.
            page.sort_unstable_by_key(|parked| parked.position);
            page.truncate(limit);
            self.add_keys(&mut page, around)?;
            let last = page.last().map(|last| last.position);
            for parked in page {
                self.window.restore(parked, around.now, longest);
            }
            self.window.set_unrestored(last);
        }
        Ok(())
    }

    /// Parks what may have been running when the process before ended.
    pub(super) fn find_suspects(
        &mut self,
        progress: &Progress,
        around: &Surroundings<'_>,
    ) -> Result<(), StoreError> {
        while self.window.cursor() < progress.begun {
            let Some(entry) = self.next_entry(around)? else {
                return Ok(());
            };
            let position = entry.position();
            if position > progress.begun {
                self.page.push_front(entry);
                return Ok(());
            }
            let (has_ended, matches) = (self.has_ended(position), self.matches(&entry));
            if has_ended || !matches {
                self.window.pass(position, !has_ended);
                continue;
            }
            match self.read(&entry, around.codecs) {
                Ok((_, key)) => self.window.suspect(position, key, around.now),
                Err(error) => self.window.bury(position, error, around.now),
            }
        }
        Ok(())
    }

    /// Whether it had ended or was parked, above the floor, before this process claimed the listener.
    pub(super) fn has_ended(&mut self, position: Position) -> bool {
        self.done_before.remove(&position)
    }
}

/// Goes through the parked events in this state, or in any, page by page.
fn for_parked(
    store: &dyn Store,
    name: &str,
    state: Option<ParkedState>,
    mut after: Position,
    mut act: impl FnMut(Vec<Parked>),
) -> Result<(), StoreError> {
    loop {
        let page = store.parked(name, state, after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.position;
        act(page);
    }
}

fn longest_delay(retry: Option<&Retry>) -> Duration {
    let Some(retry) = retry else {
        return Duration::ZERO;
    };
    (1..retry.attempts())
        .filter_map(|failed| retry.delay(failed))
        .max()
        .unwrap_or_default()
}
