//! The listeners of one pattern.

use std::sync::Arc;

use super::radix::RadixMap;
use super::registration::Registration;
use super::trie::Leaf;

/// The listeners of one pattern, ordered by rank. Never empty.
#[derive(Clone)]
pub(super) enum PatternListeners {
    One(Arc<Registration>),
    /// Behind a pointer, so that a pattern with one listener, as most have, stays small.
    Many(Arc<ManyListeners>),
}

pub(super) struct ManyListeners {
    map: RadixMap<Arc<Registration>>,
    len: usize,
}

impl PatternListeners {
    /// A copy with `registration` added (`insert`) or removed. `None` means no listeners, before and after.
    pub(super) fn alter(
        old: Option<&Self>,
        registration: &Arc<Registration>,
        insert: bool,
    ) -> Option<Self> {
        let one;
        let (map, len) = match old {
            None => return insert.then(|| Self::One(Arc::clone(registration))),
            Some(Self::One(only)) => {
                one = RadixMap::default().alter(only.rank, |_| Some(Arc::clone(only)));
                (&one, 1)
            }
            Some(Self::Many(many)) => (&many.map, many.len),
        };
        let mut had = false;
        let map = map.alter(registration.rank, |old| {
            had = old.is_some();
            insert.then(|| Arc::clone(registration))
        });
        match map.single() {
            Some(only) => Some(Self::One(Arc::clone(only))),
            None => (!map.is_empty()).then(|| {
                let len = len + usize::from(insert) - usize::from(had);
                Self::Many(Arc::new(ManyListeners { map, len }))
            }),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(many) => many.len,
        }
    }

    pub(super) fn first(&self) -> &Arc<Registration> {
        match self {
            Self::One(only) => only,
            Self::Many(many) => many
                .map
                .first()
                .expect("the listeners of a pattern are never empty"),
        }
    }

    /// In calling order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Registration>> {
        let (one, many) = match self {
            Self::One(only) => (Some(only), None),
            Self::Many(many) => (None, Some(many.map.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether any listener satisfies the predicate. Allocates nothing.
    pub(super) fn any(&self, mut predicate: impl FnMut(&Arc<Registration>) -> bool) -> bool {
        match self {
            Self::One(only) => predicate(only),
            Self::Many(many) => many.map.any(predicate),
        }
    }
}

impl Leaf for PatternListeners {
    /// The pattern that all of them are subscribed to.
    fn pattern(&self) -> &Arc<str> {
        &self.first().pattern
    }
}
