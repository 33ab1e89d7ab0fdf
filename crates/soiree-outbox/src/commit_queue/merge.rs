//! Marks of a listener that wait together.

use std::collections::{BTreeMap, BTreeSet};

use soiree_core::store::{Marks, Position};

/// Adds newer marks of a listener to older ones.
pub(super) fn merge(older: &mut Marks, newer: Marks) {
    older.floor = older.floor.max(newer.floor);
    older.begun = older.begun.max(newer.begun);
    older.clean = newer.clean.or(older.clean);
    let ended: BTreeSet<Position> = newer.ended.iter().copied().collect();
    let parked: BTreeMap<Position, _> = newer
        .parked
        .into_iter()
        .map(|parked| (parked.position, parked))
        .collect();
    older
        .parked
        .retain(|old| !ended.contains(&old.position) && !parked.contains_key(&old.position));
    older.ended.retain(|old| !parked.contains_key(old));
    older.ended.extend(newer.ended);
    older.parked.extend(parked.into_values());
}

#[cfg(test)]
mod tests {
    use soiree_core::store::{Millis, Parked, ParkedState, Term};

    use super::*;

    fn marks(floor: u64, ended: &[u64], parked: &[(u64, u32)]) -> Marks {
        let mut marks = Marks::new(Term {
            listener: "one".into(),
            number: 1,
        });
        marks.floor = Some(Position(floor));
        marks.ended = ended.iter().copied().map(Position).collect();
        let parked = parked.iter().map(|(position, attempts)| Parked {
            position: Position(*position),
            state: ParkedState::Retry,
            attempts: *attempts,
            crashes: 0,
            due: Millis(0),
            key: None,
            error: None,
        });
        marks.parked = parked.collect();
        marks
    }

    /// D4: marks that wait for the store together say of each event what became of it last.
    #[test]
    fn the_newer_mark_of_an_event_replaces_the_older_one() {
        let mut merged = marks(7, &[14, 15], &[(11, 1), (12, 1), (13, 1)]);
        merge(&mut merged, marks(6, &[11], &[(12, 2), (14, 3)]));
        assert_eq!(merged, marks(7, &[15, 11], &[(13, 1), (12, 2), (14, 3)]));
    }
}
