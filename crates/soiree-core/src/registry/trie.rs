//! A persistent trie over the segments of the patterns that have wildcards.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::hash_map::HashMap;

/// What a pattern leads to. Knows its pattern.
pub(super) trait Leaf: Clone {
    fn pattern(&self) -> &Arc<str>;
}

/// A node of the trie. All patterns below it start with the same segments.
///
/// Paths are compressed: a pattern has nodes of its own only for the segments that it shares with another pattern.
#[derive(Clone)]
pub(super) struct Node<L> {
    /// The segment that leads to this node. Inside it, so that a search finds both in the same place of memory.
    segment: SmallVec<[u8; 16]>,
    /// The byte at which the next segment starts, in every pattern below.
    pub(super) offset: usize,
    children: HashMap<Child<L>>,
    /// What `*` leads to.
    pub(super) single_wildcard: Option<Child<L>>,
    /// What `**` leads to.
    pub(super) multi_wildcard: Option<Child<L>>,
    /// What the pattern that ends here leads to.
    pub(super) leaf: Option<L>,
}

#[derive(Clone)]
pub(super) enum Child<L> {
    /// The only pattern below. The rest of it is read from its own text.
    Leaf(L),
    /// Two or more patterns.
    Node(Arc<Node<L>>),
}

impl<L> Default for Node<L> {
    fn default() -> Self {
        Self {
            segment: SmallVec::new(),
            offset: 0,
            children: HashMap::default(),
            single_wildcard: None,
            multi_wildcard: None,
            leaf: None,
        }
    }
}

impl<L: Leaf> Child<L> {
    /// Whether `segment` leads to this child. The segment starts at byte `offset` of the child's patterns.
    fn has_segment(&self, offset: usize, segment: &str) -> bool {
        match self {
            Self::Leaf(leaf) => strip_segment(suffix(leaf.pattern(), offset), segment).is_some(),
            Self::Node(node) => *node.segment == *segment.as_bytes(),
        }
    }
}

impl<L: Leaf> Node<L> {
    pub(super) fn is_empty(&self) -> bool {
        self.leaf.is_none()
            && self.children.is_empty()
            && self.single_wildcard.is_none()
            && self.multi_wildcard.is_none()
    }

    /// What the only pattern below leads to, if there is exactly one.
    fn single(&self) -> Option<&L> {
        let child = match (&self.leaf, &self.single_wildcard, &self.multi_wildcard) {
            (Some(only), None, None) if self.children.is_empty() => return Some(only),
            (None, Some(only), None) | (None, None, Some(only)) if self.children.is_empty() => only,
            (None, None, None) => self.children.single()?,
            _ => return None,
        };
        match child {
            Child::Leaf(leaf) => Some(leaf),
            Child::Node(_) => None,
        }
    }

    /// A copy in which `change` has replaced what `pattern` leads to. `None` means nothing, before and after.
    pub(super) fn alter(
        &self,
        hasher: &RandomState,
        pattern: &str,
        change: &mut dyn FnMut(Option<&L>) -> Option<L>,
    ) -> Self {
        let mut altered = self.clone();
        let (segment, _) = split_first_segment(suffix(pattern, self.offset));
        let mut alter_child = |child: Option<&Child<L>>| {
            let node = match child {
                None => return change(None).map(Child::Leaf),
                Some(Child::Leaf(leaf)) if **leaf.pattern() == *pattern => {
                    return change(Some(leaf)).map(Child::Leaf);
                }
                Some(Child::Node(node)) => node.alter(hasher, pattern, change),
                Some(Child::Leaf(leaf)) => {
                    let node = Self {
                        segment: SmallVec::from_slice(segment.as_bytes()),
                        offset: self.offset + segment.len() + 1,
                        ..Self::default()
                    };
                    let mut keep = |_: Option<&L>| Some(leaf.clone());
                    node.alter(hasher, leaf.pattern(), &mut keep)
                        .alter(hasher, pattern, change)
                }
            };
            Some(match node.single() {
                Some(only) => Child::Leaf(only.clone()),
                None => Child::Node(Arc::new(node)),
            })
        };
        match segment {
            "" => altered.leaf = change(self.leaf.as_ref()),
            "*" => altered.single_wildcard = alter_child(self.single_wildcard.as_ref()),
            "**" => altered.multi_wildcard = alter_child(self.multi_wildcard.as_ref()),
            _ => {
                let hash = hasher.hash_one(segment);
                let eq = |child: &Child<L>| child.has_segment(self.offset, segment);
                altered.children = self.children.alter(hash, eq, alter_child);
            }
        }
        altered
    }

    /// What exactly this pattern leads to.
    pub(super) fn get(&self, hasher: &RandomState, pattern: &str) -> Option<&L> {
        let mut node = self;
        loop {
            let child = match split_first_segment(suffix(pattern, node.offset)).0 {
                "" => return node.leaf.as_ref(),
                "*" => node.single_wildcard.as_ref()?,
                "**" => node.multi_wildcard.as_ref()?,
                segment => node.child(hasher.hash_one(segment), segment)?,
            };
            match child {
                Child::Leaf(leaf) => return (**leaf.pattern() == *pattern).then_some(leaf),
                Child::Node(below) => node = below,
            }
        }
    }

    /// The child that a segment without a wildcard leads to.
    pub(super) fn child(&self, hash: u64, segment: &str) -> Option<&Child<L>> {
        let eq = |child: &Child<L>| child.has_segment(self.offset, segment);
        self.children.get(hash, eq)
    }

    /// Calls `visit` with what each pattern leads to that may match a topic that `pattern` matches too, in no order.
    ///
    /// Compares the patterns up to the first `**` of either. All that go on from there are visited.
    pub(super) fn for_each_candidate<'a>(
        &'a self,
        hasher: &RandomState,
        pattern: &str,
        visit: &mut dyn FnMut(&'a L),
    ) {
        let (segment, rest) = split_first_segment(pattern);
        if segment == "**" {
            return self.for_each(visit);
        }
        match &self.multi_wildcard {
            Some(Child::Leaf(leaf)) => visit(leaf),
            Some(Child::Node(node)) => node.for_each(visit),
            None => {}
        }
        let mut follow = |child: &'a Child<L>| match child {
            Child::Leaf(leaf) => visit(leaf),
            Child::Node(node) => node.for_each_candidate(hasher, rest.unwrap_or_default(), visit),
        };
        match segment {
            "" => self.leaf.iter().for_each(visit),
            "*" => self
                .children
                .values()
                .chain(&self.single_wildcard)
                .for_each(follow),
            _ => {
                self.child(hasher.hash_one(segment), segment)
                    .map(&mut follow);
                self.single_wildcard.as_ref().map(follow);
            }
        }
    }

    /// Calls `visit` with what each pattern leads to, in no order.
    pub(super) fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a L)) {
        self.leaf.iter().for_each(&mut *visit);
        let wildcards = self.single_wildcard.iter().chain(&self.multi_wildcard);
        for child in self.children.values().chain(wildcards) {
            match child {
                Child::Leaf(leaf) => visit(leaf),
                Child::Node(node) => node.for_each(visit),
            }
        }
    }
}

/// The part of a pattern from byte `offset` on, which is the start of a segment or lies past the end.
pub(super) fn suffix(pattern: &str, offset: usize) -> &str {
    pattern.get(offset..).unwrap_or_default()
}

/// The rest of a pattern after its first segment, if that is `segment`.
pub(super) fn strip_segment<'a>(pattern: &'a str, segment: &str) -> Option<&'a str> {
    let rest = pattern.strip_prefix(segment)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix('.')
}

/// The first segment, and the rest if there is more than one.
///
/// Does what `split_once('.')` does. That is made for long texts: setting up its search costs more than reading a segment.
pub(super) fn split_first_segment(text: &str) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == b'.') {
        Some(dot) => (&text[..dot], Some(&text[dot + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::pattern_listeners::PatternListeners;
    use super::super::registration::Registration;
    use super::*;
    use crate::listener::ListenerId;
    use crate::options::ListenerOptions;
    use crate::topic::Pattern;

    type Trie = Node<PatternListeners>;

    fn registration(pattern: &str, seq: u64) -> Arc<Registration> {
        let pattern = Pattern::new(pattern).expect("the pattern is valid");
        let (id, options) = (ListenerId::new(seq.to_string()), ListenerOptions::new());
        let listener = Arc::new(|_: &dyn crate::Event| ());
        let registration =
            Registration::new(&pattern, id, options, listener).expect("the options are valid");
        registration.registered(seq)
    }

    fn patterns(node: &Trie) -> BTreeSet<Arc<str>> {
        let mut patterns = BTreeSet::new();
        node.for_each(&mut |listeners| assert!(patterns.insert(Arc::clone(listeners.pattern()))));
        patterns
    }

    fn inner_nodes(node: &Trie) -> impl Iterator<Item = &Arc<Trie>> {
        let wildcards = node.single_wildcard.iter().chain(&node.multi_wildcard);
        let children = node.children.values().chain(wildcards);
        children.filter_map(|child| match child {
            Child::Leaf(_) => None,
            Child::Node(node) => Some(node),
        })
    }

    fn every_node_is_shared(node: &Trie) -> bool {
        inner_nodes(node).all(|node| patterns(node).len() > 1 && every_node_is_shared(node))
    }

    proptest! {
        /// T3: a pattern that is removed leaves no node that the others do not need.
        #[test]
        fn a_pattern_has_nodes_only_where_it_shares_them(
            changes in prop::collection::vec(
                (prop::collection::vec(prop::sample::select(&["a", "b", "*", "**"][..]), 1..5), any::<bool>()),
                0..60,
            )
        ) {
            let hasher = RandomState::default();
            let mut trie = Trie::default();
            let mut oracle: BTreeMap<Arc<str>, Vec<Arc<Registration>>> = BTreeMap::new();
            for ((segments, insert), seq) in changes.into_iter().zip(0..) {
                let new = registration(&segments.join("."), seq);
                let pattern = Arc::clone(&new.pattern);
                let registrations = oracle.entry(Arc::clone(&pattern)).or_default();
                let changed = if insert { Some(Arc::clone(&new)) } else { registrations.pop() };
                // Removing a registration that is not there changes nothing.
                let changed = changed.unwrap_or(new);
                trie = trie.alter(&hasher, &pattern, &mut |old| PatternListeners::alter(old, &changed, insert));
                if insert {
                    registrations.push(changed);
                }
                oracle.retain(|_, registrations| !registrations.is_empty());
                prop_assert!(every_node_is_shared(&trie));
                prop_assert_eq!(trie.is_empty(), oracle.is_empty());
                prop_assert!(patterns(&trie).iter().eq(oracle.keys()));
                let ranks = |pattern| {
                    let listeners = trie.get(&hasher, pattern)?;
                    Some(listeners.iter().map(|registration| registration.rank).collect::<Vec<_>>())
                };
                let wanted = oracle.get(&pattern);
                let wanted = wanted.map(|registrations| registrations.iter().map(|registration| registration.rank).collect());
                prop_assert_eq!(ranks(&pattern), wanted);
            }
        }
    }
}
