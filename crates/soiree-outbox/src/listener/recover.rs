//! Taking over a listener from where the log says it is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use soiree_core::Retry;
use soiree_core::store::{Position, Progress, StoreError, Term};

use super::{DurableListener, Limits, Subscribed, Surroundings};
use crate::window::Window;

/// How many parked events are read at once.
const PAGE: usize = 1_000;

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
            held: HashMap::new(),
            blocked: VecDeque::new(),
            marking: Vec::new(),
            running: HashMap::new(),
            done_before: progress.done.iter().copied().collect(),
            redriven_after: None,
            unreadable: None,
            is_removed: false,
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
        listener.window.restored();
        Ok(listener)
    }

    pub(super) fn restore_parked(&mut self, around: &Surroundings<'_>) -> Result<(), StoreError> {
        let longest = longest_delay(self.subscribed.retry.as_ref());
        let name = Arc::clone(&self.subscribed.name);
        let mut after = Position::START;
        loop {
            let mut page = around.store.parked(&name, None, after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.position;
            self.add_keys(&mut page, around)?;
            for parked in page {
                // Parked above the floor: not to be started as a new one too.
                if parked.position > self.window.cursor() {
                    self.done_before.insert(parked.position);
                }
                self.window.restore(parked, around.now, longest);
            }
        }
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

fn longest_delay(retry: Option<&Retry>) -> Duration {
    let Some(retry) = retry else {
        return Duration::ZERO;
    };
    (1..retry.attempts())
        .filter_map(|failed| retry.delay(failed))
        .max()
        .unwrap_or_default()
}
