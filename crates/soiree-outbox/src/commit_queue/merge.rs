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
