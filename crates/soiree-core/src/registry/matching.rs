//! Finding the patterns of a topic in their tree.

use std::hash::BuildHasher;
use std::ptr;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::pattern_listeners::PatternListeners;
use super::trie::{Child, Node, behind, rest, split};

/// A point of the tree that was reached.
#[derive(Clone, Copy)]
enum Position<'a> {
    At(&'a Node),
    /// Within a pattern that has no nodes of its own; with what is left of it.
    Within(&'a PatternListeners, &'a str),
}

/// What is left comes first, as it tells more of them apart.
type Identity = (usize, *const ());

impl<'a> Position<'a> {
    fn of(child: &'a Child, start: usize) -> Self {
        match child {
            Child::Lone(group) => Self::Within(group, rest(group.pattern(), start)),
            Child::Node(node) => Self::At(node),
        }
    }

    /// Calls `reached` with where a segment leads from here, `**` left aside.
    fn step(self, hash: u64, segment: &str, mut reached: impl FnMut(Self)) {
        match self {
            Self::At(node) => {
                if let Some(child) = node.child(hash, segment) {
                    reached(Self::of(child, node.start + segment.len() + 1));
                }
                if let Some(star) = &node.star {
                    reached(Self::of(star, node.start + "*.".len()));
                }
            }
            Self::Within(group, left) => {
                let others = match left.bytes().next() {
                    Some(b'*') => behind(left, "*"),
                    Some(_) => behind(left, segment),
                    None => None,
                };
                if let Some(others) = others {
                    reached(Self::Within(group, others));
                }
            }
        }
    }

    /// Where a `**` leads from here.
    fn globstar(self) -> Option<Self> {
        match self {
            Self::At(node) => {
                let globstar = node.globstar.as_ref()?;
                Some(Self::of(globstar, node.start + "**.".len()))
            }
            Self::Within(group, left) => {
                let others = left.strip_prefix("**")?;
                Some(Self::Within(group, rest(others, ".".len())))
            }
        }
    }

    /// The group whose pattern ends here.
    fn group(self) -> Option<&'a PatternListeners> {
        match self {
            Self::At(node) => node.here.as_ref(),
            Self::Within(group, left) => left.is_empty().then_some(group),
        }
    }

    /// What no other position has.
    fn identity(self) -> Identity {
        match self {
            Self::At(node) => (usize::MAX, ptr::from_ref(node).cast()),
            Self::Within(group, left) => (left.len(), ptr::from_ref(group).cast()),
        }
    }
}

impl Node {
    /// Calls `found` with the group of every pattern that matches the topic.
    pub(super) fn walk<'a>(
        &'a self,
        hasher: &RandomState,
        topic: &str,
        mut found: impl FnMut(&'a PatternListeners),
    ) {
        let mut globstars = Globstars::default();
        let mut lists = [SmallVec::<[Position<'_>; 8]>::new(), SmallVec::new()];
        // They change places by their references: the lists themselves are large.
        let [frontier, next] = &mut lists;
        let (mut frontier, mut next) = (frontier, next);
        frontier.push(Position::At(self));
        globstars.add_below(Position::At(self), 0);
        let mut count = 0;
        for segment in segments(topic) {
            count += 1;
            let hash = hasher.hash_one(segment);
            // A `**` that was entered stays entered: it can take any number of segments.
            let entered = globstars.positions.len();
            for index in 0..frontier.len() + entered {
                let position = match frontier.get(index) {
                    Some(position) => *position,
                    None => globstars.positions[index - frontier.len()].0,
                };
                position.step(hash, segment, |reached| {
                    let by_globstar = globstars.add_below(reached, count);
                    // Within a pattern there is one way only.
                    if !(by_globstar && matches!(reached, Position::Within(..))) {
                        next.push(reached);
                    }
                });
            }
            frontier.clear();
            std::mem::swap(&mut frontier, &mut next);
            if frontier.is_empty() && globstars.positions.is_empty() {
                return;
            }
        }
        let trailing = globstars
            .positions
            .iter()
            .filter(|(_, since)| *since < count);
        let trailing = trailing.map(|(position, _)| position);
        let groups = frontier
            .iter()
            .chain(trailing)
            .filter_map(|position| position.group());
        groups.for_each(&mut found);
    }
}

fn segments(topic: &str) -> impl Iterator<Item = &str> {
    let mut left = Some(topic);
    std::iter::from_fn(move || {
        let (segment, others) = split(left?);
        left = others;
        Some(segment)
    })
}

/// What lies behind the `**` entered so far, each once, with the number of segments read when it was.
#[derive(Default)]
struct Globstars<'a> {
    positions: SmallVec<[(Position<'a>, usize); 16]>,
    /// The same, once they are many.
    seen: Option<HashSet<Identity, RandomState>>,
}

impl<'a> Globstars<'a> {
    /// Enters the `**` that leads on from a position; says whether one does.
    fn add_below(&mut self, position: Position<'a>, count: usize) -> bool {
        const FEW: usize = 16;
        let Some(globstar) = position.globstar() else {
            return false;
        };
        let identity = globstar.identity();
        let mut known = self.positions.iter().map(|(known, _)| known.identity());
        let known = if self.positions.len() <= FEW {
            known.any(|known| known == identity)
        } else {
            !self
                .seen
                .get_or_insert_with(|| known.collect())
                .insert(identity)
        };
        if !known {
            self.positions.push((globstar, count));
        }
        true
    }
}
