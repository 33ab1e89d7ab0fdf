//! Finds the patterns with wildcards that match a topic.

use std::hash::BuildHasher;
use std::ptr;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::trie::{Child, Leaf, Node, split_first_segment, strip_segment, suffix};

/// A place in the trie that the segments read so far lead to. The search is that of a nondeterministic automaton.
enum Position<'a, L> {
    Node(&'a Node<L>),
    /// Inside a pattern that is a leaf: the leaf, and the part of the pattern that is still unmatched.
    Leaf(&'a L, &'a str),
}

impl<L> Clone for Position<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Position<'_, L> {}

/// Identifies a position. The length comes first, as it differs more often than the address.
type PositionKey = (usize, *const ());

impl<'a, L: Leaf> Position<'a, L> {
    /// The position at a child whose next segment starts at byte `offset`.
    fn of(child: &'a Child<L>, offset: usize) -> Self {
        match child {
            Child::Leaf(leaf) => Self::Leaf(leaf, suffix(leaf.pattern(), offset)),
            Child::Node(node) => Self::Node(node),
        }
    }

    /// Reads one segment, and calls `reached` with each next position. Does not follow `**`.
    fn step(self, hash: u64, segment: &str, mut reached: impl FnMut(Self)) {
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
        match self {
            Self::Node(node) => {
                if let Some(child) = node.child(hash, segment) {
                    reached(Self::of(child, node.offset + segment.len() + 1));
                }
                if let Some(child) = &node.single_wildcard {
                    reached(Self::of(child, node.offset + "*.".len()));
                }
            }
            Self::Leaf(leaf, unmatched) => {
                let rest = match unmatched.bytes().next() {
                    Some(b'*') => strip_segment(unmatched, "*"),
                    Some(_) => strip_segment(unmatched, segment),
                    None => None,
                };
                if let Some(rest) = rest {
                    reached(Self::Leaf(leaf, rest));
                }
            }
        }
    }

    /// The position after the `**` that comes next, if one does.
    fn after_multi_wildcard(self) -> Option<Self> {
        match self {
            Self::Node(node) => {
                let child = node.multi_wildcard.as_ref()?;
                Some(Self::of(child, node.offset + "**.".len()))
            }
            Self::Leaf(leaf, unmatched) => {
                let rest = unmatched.strip_prefix("**")?;
                Some(Self::Leaf(leaf, suffix(rest, ".".len())))
            }
        }
    }

    /// What the pattern that ends here leads to.
    fn leaf(self) -> Option<&'a L> {
        match self {
            Self::Node(node) => node.leaf.as_ref(),
            Self::Leaf(leaf, unmatched) => unmatched.is_empty().then_some(leaf),
        }
    }

    fn key(self) -> PositionKey {
        match self {
            Self::Node(node) => (usize::MAX, ptr::from_ref(node).cast()),
            Self::Leaf(leaf, unmatched) => (unmatched.len(), ptr::from_ref(leaf).cast()),
        }
    }
}

impl<L: Leaf> Node<L> {
    /// Calls `found` with what each pattern that matches the topic leads to, in no order.
    pub(super) fn for_each_match<'a>(
        &'a self,
        hasher: &RandomState,
        topic: &str,
        mut found: impl FnMut(&'a L),
    ) {
        let mut wildcards = MultiWildcards {
            positions: SmallVec::new(),
            seen: None,
        };
        let mut buffers = [SmallVec::<[Position<'_, L>; 8]>::new(), SmallVec::new()];
        // The references are swapped below, not the buffers: those are large.
        let [current, next] = &mut buffers;
        let (mut current, mut next) = (current, next);
        current.push(Position::Node(self));
        wildcards.enter(Position::Node(self), 0);
        let mut segments_read = 0;
        for segment in segments(topic) {
            segments_read += 1;
            let hash = hasher.hash_one(segment);
            // A `**` stays entered, as it matches any number of segments. One entered by this segment takes part from the next on.
            let entered = wildcards.positions.len();
            for index in 0..current.len() + entered {
                let position = match current.get(index) {
                    Some(position) => *position,
                    None => wildcards.positions[index - current.len()].0,
                };
                position.step(hash, segment, |reached| {
                    let entered = wildcards.enter(reached, segments_read);
                    // A leaf goes on through its `**` only, a node through its other children as well.
                    if !(entered && matches!(reached, Position::Leaf(..))) {
                        next.push(reached);
                    }
                });
            }
            current.clear();
            std::mem::swap(&mut current, &mut next);
            if current.is_empty() && wildcards.positions.is_empty() {
                return;
            }
        }
        // At the end of a pattern, `**` matches one segment at least.
        let trailing = wildcards
            .positions
            .iter()
            .filter(|(_, entered_at)| *entered_at < segments_read);
        let trailing = trailing.map(|(position, _)| position);
        let matching = current
            .iter()
            .chain(trailing)
            .filter_map(|position| position.leaf());
        matching.for_each(&mut found);
    }
}

fn segments(topic: &str) -> impl Iterator<Item = &str> {
    let mut unread = Some(topic);
    std::iter::from_fn(move || {
        let (segment, rest) = split_first_segment(unread?);
        unread = rest;
        Some(segment)
    })
}

/// The positions after each `**` that the search has entered, each once.
struct MultiWildcards<'a, L> {
    /// With the number of segments read when the `**` was entered.
    positions: SmallVec<[(Position<'a, L>, usize); 16]>,
    /// The keys of the positions, once there are too many to scan.
    seen: Option<HashSet<PositionKey, RandomState>>,
}

impl<'a, L: Leaf> MultiWildcards<'a, L> {
    /// Enters the `**` that comes next at a position. Returns whether one does.
    fn enter(&mut self, position: Position<'a, L>, segments_read: usize) -> bool {
        const MAX_SCANNED: usize = 16;
        let Some(after) = position.after_multi_wildcard() else {
            return false;
        };
        let key = after.key();
        let mut keys = self.positions.iter().map(|(position, _)| position.key());
        let is_known = if self.positions.len() <= MAX_SCANNED {
            keys.any(|known| known == key)
        } else {
            !self.seen.get_or_insert_with(|| keys.collect()).insert(key)
        };
        if !is_known {
            self.positions.push((after, segments_read));
        }
        true
    }
}

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many steps searches take inside `search`, on this thread.
#[cfg(test)]
pub(super) fn steps_of(search: impl FnOnce()) -> usize {
    let before = STEPS.get();
    search();
    STEPS.get() - before
}
