//! Listeners that end in different ways.

use soiree::EventPool;
use soiree_core::{BoxError, Event, IntoListenerResult, Reply};

use crate::support::named;

/// What a listener does, or its filter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behavior {
    Succeeds,
    Fails,
    Panics,
    Replies,
    Aborts,
    IsFiltered,
    FilterPanics,
}

use Behavior::*;

const ALL: [Behavior; 7] = [
    Succeeds,
    Fails,
    Panics,
    Replies,
    Aborts,
    IsFiltered,
    FilterPanics,
];

impl Behavior {
    /// All lists of at most so many.
    pub(super) fn histories(most: usize) -> Vec<Vec<Self>> {
        let mut histories = vec![vec![]];
        for length in 0..most {
            let longest = histories.iter().filter(|history| history.len() == length);
            let longer = longest.flat_map(|history: &Vec<_>| {
                ALL.map(|next| [history.clone(), vec![next]].concat())
            });
            let longer: Vec<_> = longer.collect();
            histories.extend(longer);
        }
        histories
    }

    /// Subscribes it to `a.b`.
    pub(super) fn subscribe(self, soiree: &EventPool, name: &str) {
        let options = match self {
            IsFiltered => named(name).filter(|_| false),
            FilterPanics => named(name).filter(|_| panic!("a filter")),
            _ => named(name),
        };
        let listener = move |event: &dyn Event| -> Result<(), BoxError> {
            match self {
                Fails => Err("no".into()),
                Panics => panic!("a listener"),
                Replies => Reply(7_u64).into_result(),
                Aborts => {
                    event.abort("enough");
                    Ok(())
                }
                Succeeds | IsFiltered | FilterPanics => Ok(()),
            }
        };
        soiree.on_with("a.b", options, listener).unwrap();
    }
}
