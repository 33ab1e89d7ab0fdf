//! The listeners of one pattern.

use std::sync::Arc;

use super::radix::RadixMap;
use super::registration::Registration;

/// The listeners of one pattern, by rank. There is no group without any.
#[derive(Clone)]
pub(super) enum PatternListeners {
    One(Arc<Registration>),
    /// Behind one pointer, so that it takes no more room where there is only one.
    Many(Arc<RadixMap<Arc<Registration>>>),
}

impl PatternListeners {
    /// A group with one entry more (`insert`) or fewer.
    pub(super) fn updated(
        old: Option<&Self>,
        entry: &Arc<Registration>,
        insert: bool,
    ) -> Option<Self> {
        let map = match old {
            None => return insert.then(|| Self::One(Arc::clone(entry))),
            Some(Self::One(only)) => {
                &RadixMap::default().updated(only.rank, |_| Some(Arc::clone(only)))
            }
            Some(Self::Many(map)) => &**map,
        };
        let map = map.updated(entry.rank, |_| insert.then(|| Arc::clone(entry)));
        match map.single() {
            Some(only) => Some(Self::One(Arc::clone(only))),
            None => (!map.is_empty()).then(|| Self::Many(Arc::new(map))),
        }
    }

    /// The pattern that they all have.
    pub(super) fn pattern(&self) -> &Arc<str> {
        &self.first().pattern
    }

    pub(super) fn first(&self) -> &Arc<Registration> {
        match self {
            Self::One(only) => only,
            Self::Many(map) => map.first().expect("there is no group without an entry"),
        }
    }

    /// In calling order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Registration>> {
        let (one, many) = match self {
            Self::One(only) => (Some(only), None),
            Self::Many(map) => (None, Some(map.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether this holds of one of them. Allocates nothing.
    pub(super) fn any(&self, mut holds: impl FnMut(&Arc<Registration>) -> bool) -> bool {
        match self {
            Self::One(only) => holds(only),
            Self::Many(map) => map.any(holds),
        }
    }
}
