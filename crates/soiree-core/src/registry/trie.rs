//! Patterns with wildcards, by segment.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::hash_map::HashMap;
use super::pattern_listeners::PatternListeners;

/// A persistent tree of segments, of which all patterns below a node have the same up to that node.
///
/// A pattern is spelled out in nodes no further than it shares its segments with another one.
#[derive(Clone, Default)]
pub(super) struct Node {
    segment: Box<str>,
    /// Where in the patterns below the segments of the children begin.
    pub(super) start: usize,
    children: HashMap<Child>,
    pub(super) star: Option<Child>,
    pub(super) globstar: Option<Child>,
    pub(super) here: Option<PatternListeners>,
}

#[derive(Clone)]
pub(super) enum Child {
    /// There is one pattern, which has its own text.
    Lone(PatternListeners),
    /// There are several.
    Node(Arc<Node>),
}

impl Child {
    /// Whether this segment leads to it from a node whose children's segments begin at `start`.
    fn is_at(&self, start: usize, segment: &str) -> bool {
        match self {
            Self::Lone(group) => behind(rest(group.pattern(), start), segment).is_some(),
            Self::Node(node) => *node.segment == *segment,
        }
    }
}

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_none()
            && self.children.is_empty()
            && self.star.is_none()
            && self.globstar.is_none()
    }

    /// The only group in this tree, if there is exactly one.
    fn single(&self) -> Option<&PatternListeners> {
        let child = match (&self.here, &self.star, &self.globstar) {
            (Some(here), None, None) if self.children.is_empty() => return Some(here),
            (None, Some(only), None) | (None, None, Some(only)) if self.children.is_empty() => only,
            (None, None, None) => self.children.single()?,
            _ => return None,
        };
        match child {
            Child::Lone(group) => Some(group),
            Child::Node(_) => None,
        }
    }

    /// This tree with the group of the pattern changed.
    pub(super) fn updated(
        &self,
        hasher: &RandomState,
        pattern: &str,
        change: &mut dyn FnMut(Option<&PatternListeners>) -> Option<PatternListeners>,
    ) -> Self {
        let mut this = self.clone();
        let (segment, _) = split(rest(pattern, self.start));
        let mut below = |child: Option<&Child>| {
            let node = match child {
                None => return change(None).map(Child::Lone),
                Some(Child::Lone(group)) if **group.pattern() == *pattern => {
                    return change(Some(group)).map(Child::Lone);
                }
                Some(Child::Node(node)) => node.updated(hasher, pattern, change),
                Some(Child::Lone(group)) => {
                    let node = Self {
                        segment: segment.into(),
                        start: self.start + segment.len() + 1,
                        ..Self::default()
                    };
                    let mut same = |_: Option<&PatternListeners>| Some(group.clone());
                    node.updated(hasher, group.pattern(), &mut same)
                        .updated(hasher, pattern, change)
                }
            };
            Some(match node.single() {
                Some(group) => Child::Lone(group.clone()),
                None => Child::Node(Arc::new(node)),
            })
        };
        match segment {
            "" => this.here = change(self.here.as_ref()),
            "*" => this.star = below(self.star.as_ref()),
            "**" => this.globstar = below(self.globstar.as_ref()),
            _ => {
                let hash = hasher.hash_one(segment);
                let is_meant = |child: &Child| child.is_at(self.start, segment);
                this.children = self.children.updated(hash, is_meant, below);
            }
        }
        this
    }

    /// The group of exactly this pattern.
    pub(super) fn group(&self, hasher: &RandomState, pattern: &str) -> Option<&PatternListeners> {
        let mut node = self;
        loop {
            let child = match split(rest(pattern, node.start)).0 {
                "" => return node.here.as_ref(),
                "*" => node.star.as_ref()?,
                "**" => node.globstar.as_ref()?,
                segment => node.child(hasher.hash_one(segment), segment)?,
            };
            match child {
                Child::Lone(group) => return (**group.pattern() == *pattern).then_some(group),
                Child::Node(below) => node = below,
            }
        }
    }

    pub(super) fn child(&self, hash: u64, segment: &str) -> Option<&Child> {
        let is_meant = |child: &Child| child.is_at(self.start, segment);
        self.children.get(hash, is_meant)
    }

    /// Calls `found` with the group of every pattern, in no order.
    pub(super) fn each<'a>(&'a self, found: &mut dyn FnMut(&'a PatternListeners)) {
        self.here.iter().for_each(&mut *found);
        let wildcards = self.star.iter().chain(&self.globstar);
        for child in self.children.values().chain(wildcards) {
            match child {
                Child::Lone(group) => found(group),
                Child::Node(node) => node.each(found),
            }
        }
    }
}

/// What is left of a pattern from `start` on, where one of its segments begins or it has ended.
pub(super) fn rest(pattern: &str, start: usize) -> &str {
    pattern.get(start..).unwrap_or_default()
}

/// What is left of it behind its first segment, if that is this one.
pub(super) fn behind<'a>(pattern: &'a str, segment: &str) -> Option<&'a str> {
    let others = pattern.strip_prefix(segment)?;
    if others.is_empty() {
        return Some(others);
    }
    others.strip_prefix('.')
}

/// The first segment and the others, if there are any.
///
/// As `split_once('.')`, which is made for longer texts: its search takes longer to begin than most segments are long.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == b'.') {
        Some(dot) => (&text[..dot], Some(&text[dot + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::registration::Registration;
    use super::*;
    use crate::listener::ListenerId;
    use crate::options::ListenerOptions;
    use crate::topic::Pattern;

    fn entry(pattern: &str, seq: u64) -> Arc<Registration> {
        let pattern = Pattern::new(pattern).expect("the pattern is sound");
        let (id, options) = (ListenerId::new(seq.to_string()), ListenerOptions::new());
        let listener = Arc::new(|_: &dyn crate::Event| ());
        let entry =
            Registration::new(&pattern, id, options, listener).expect("the options are valid");
        entry.registered(seq)
    }

    fn patterns(node: &Node) -> BTreeSet<Arc<str>> {
        let mut patterns = BTreeSet::new();
        node.each(&mut |group| assert!(patterns.insert(Arc::clone(group.pattern()))));
        patterns
    }

    fn nodes_below(node: &Node) -> impl Iterator<Item = &Arc<Node>> {
        let wildcards = node.star.iter().chain(&node.globstar);
        let children = node.children.values().chain(wildcards);
        children.filter_map(|child| match child {
            Child::Lone(_) => None,
            Child::Node(node) => Some(node),
        })
    }

    fn every_node_serves_several(node: &Node) -> bool {
        nodes_below(node).all(|node| patterns(node).len() > 1 && every_node_serves_several(node))
    }

    proptest! {
        /// T3: what is taken off leaves no node that the others do not need.
        #[test]
        fn a_pattern_has_nodes_only_where_it_shares_them(
            changes in prop::collection::vec(
                (prop::collection::vec(prop::sample::select(&["a", "b", "*", "**"][..]), 1..5), any::<bool>()),
                0..60,
            )
        ) {
            let hasher = RandomState::default();
            let mut tree = Node::default();
            let mut oracle: BTreeMap<Arc<str>, Vec<Arc<Registration>>> = BTreeMap::new();
            for ((segments, insert), seq) in changes.into_iter().zip(0..) {
                let new = entry(&segments.join("."), seq);
                let pattern = Arc::clone(&new.pattern);
                let entries = oracle.entry(Arc::clone(&pattern)).or_default();
                let changed = if insert { Some(Arc::clone(&new)) } else { entries.pop() };
                // To take off what is not there changes nothing.
                let changed = changed.unwrap_or(new);
                tree = tree.updated(&hasher, &pattern, &mut |old| PatternListeners::updated(old, &changed, insert));
                if insert {
                    entries.push(changed);
                }
                oracle.retain(|_, entries| !entries.is_empty());
                prop_assert!(every_node_serves_several(&tree));
                prop_assert_eq!(tree.is_empty(), oracle.is_empty());
                prop_assert!(patterns(&tree).iter().eq(oracle.keys()));
                let ranks = |pattern| {
                    let group = tree.group(&hasher, pattern)?;
                    Some(group.iter().map(|entry| entry.rank).collect::<Vec<_>>())
                };
                let wanted = oracle.get(&pattern);
                let wanted = wanted.map(|entries| entries.iter().map(|entry| entry.rank).collect());
                prop_assert_eq!(ranks(&pattern), wanted);
            }
        }
    }
}
