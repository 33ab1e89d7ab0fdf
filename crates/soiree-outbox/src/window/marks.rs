//! What the store has still to learn.

use soiree_core::store::{Marks, Position, Term};

use super::Window;

impl Window {
    /// What the store has still to learn. `None` if there is nothing.
    pub(crate) fn take_marks(&mut self, term: &Term) -> Option<Marks> {
        let floor = self.floor_now();
        let moved = (floor > self.floor).then_some(floor);
        self.floor = self.floor.max(floor);
        let mut marks = Marks::new(term.clone());
        marks.floor = moved;
        let ended = std::mem::take(&mut self.ended);
        marks.ended = ended
            .into_iter()
            .filter(|(position, was_parked)| *was_parked || *position > self.floor)
            .map(|(position, _)| position)
            .collect();
        marks.parked = std::mem::take(&mut self.changed).into_values().collect();
        (!marks.is_empty()).then_some(marks)
    }

    /// Whether marks wait that should not wait for an append to go with.
    pub(crate) fn has_urgent_marks(&self) -> bool {
        !self.ended.is_empty() || !self.changed.is_empty()
    }

    /// All events up to here have ended or are parked.
    pub(crate) fn floor_now(&self) -> Position {
        let mut holding = self
            .active
            .iter()
            .filter(|(_, active)| !active.is_parked)
            .map(|(position, _)| *position);
        match holding.next() {
            Some(first) => Position(first.0 - 1),
            None => self.cursor,
        }
    }
}
