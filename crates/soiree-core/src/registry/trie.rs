//! Patterns with wildcards, by segment.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::entry::Group;
use super::str_map::{Keyed, StrMap};

/// A persistent tree of segments. Nodes without a listener below them do not exist.
#[derive(Clone, Default)]
pub(super) struct Node {
    segment: Box<str>,
    children: StrMap<Arc<Node>>,
    star: Option<Arc<Node>>,
    globstar: Option<Arc<Node>>,
    here: Group,
}

impl Keyed for Arc<Node> {
    fn key(&self) -> &str {
        &self.segment
    }
}

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty()
            && self.children.is_empty()
            && self.star.is_none()
            && self.globstar.is_none()
    }

    /// This tree with the group of the pattern changed.
    pub(super) fn updated(
        &self,
        hasher: &RandomState,
        pattern: &str,
        change: &mut dyn FnMut(&Group) -> Group,
    ) -> Self {
        let (segment, rest) = match pattern.split_once('.') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (pattern, None),
        };
        let mut below = |child: Option<&Arc<Self>>| {
            let mut child = match child {
                Some(child) => Self::clone(child),
                None => Self {
                    segment: segment.into(),
                    ..Self::default()
                },
            };
            match rest {
                Some(rest) => child = child.updated(hasher, rest, change),
                None => child.here = change(&child.here),
            }
            (!child.is_empty()).then(|| Arc::new(child))
        };
        let mut this = self.clone();
        match segment {
            "*" => this.star = below(self.star.as_ref()),
            "**" => this.globstar = below(self.globstar.as_ref()),
            _ => {
                let hash = hasher.hash_one(segment);
                this.children = self.children.updated(hash, segment, below);
            }
        }
        this
    }

    /// The group of exactly this pattern.
    pub(super) fn group(&self, hasher: &RandomState, pattern: &str) -> Option<&Group> {
        let mut node = self;
        for segment in pattern.split('.') {
            node = match segment {
                "*" => node.star.as_ref()?,
                "**" => node.globstar.as_ref()?,
                _ => node.children.get(hasher.hash_one(segment), segment)?,
            };
        }
        Some(&node.here)
    }

    /// Calls `found` with the group of every pattern, in no order.
    pub(super) fn each<'a>(&'a self, found: &mut dyn FnMut(&'a Group)) {
        if !self.here.is_empty() {
            found(&self.here);
        }
        let wildcards = self.star.iter().chain(&self.globstar);
        for child in self.children.values().chain(wildcards) {
            child.each(found);
        }
    }

    /// Calls `found` with the group of every pattern that matches the topic.
    pub(super) fn walk<'a>(
        &'a self,
        hasher: &RandomState,
        topic: &str,
        mut found: impl FnMut(&'a Group),
    ) {
        let mut globstars = Globstars::default();
        let mut lists = [SmallVec::<[&Node; 8]>::new(), SmallVec::new()];
        // They change places by their references: the lists themselves are large.
        let [frontier, next] = &mut lists;
        let (mut frontier, mut next) = (frontier, next);
        frontier.push(self);
        globstars.add_below(self, 0);
        let mut count = 0;
        for segment in segments(topic) {
            count += 1;
            let hash = hasher.hash_one(segment);
            // A `**` that was entered stays entered: it can take any number of segments.
            let entered = globstars.nodes.len();
            for index in 0..frontier.len() + entered {
                let node = match frontier.get(index) {
                    Some(node) => node,
                    None => globstars.nodes[index - frontier.len()].0,
                };
                let literal = node.children.get(hash, segment);
                for child in literal.into_iter().chain(&node.star) {
                    next.push(child);
                    globstars.add_below(child, count);
                }
            }
            frontier.clear();
            std::mem::swap(&mut frontier, &mut next);
            if frontier.is_empty() && globstars.nodes.is_empty() {
                return;
            }
        }
        let trailing = globstars.nodes.iter().filter(|(_, since)| *since < count);
        for node in frontier
            .iter()
            .copied()
            .chain(trailing.map(|(node, _)| *node))
        {
            if !node.here.is_empty() {
                found(&node.here);
            }
        }
    }
}

/// As `split('.')`, which is made for longer texts: its search takes longer to begin than most segments are long.
fn segments(topic: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(topic);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(dot) = text.bytes().position(|byte| byte == b'.') else {
            return rest.take();
        };
        rest = Some(&text[dot + 1..]);
        Some(&text[..dot])
    })
}

/// The `**` nodes entered so far, each once, with the number of segments read when it was.
#[derive(Default)]
struct Globstars<'a> {
    nodes: SmallVec<[(&'a Node, usize); 16]>,
    /// The same, once they are many.
    seen: Option<HashSet<*const Node, RandomState>>,
}

impl<'a> Globstars<'a> {
    fn add_below(&mut self, node: &'a Node, count: usize) {
        const FEW: usize = 16;
        let Some(globstar) = node.globstar.as_deref() else {
            return;
        };
        let known = if self.nodes.len() <= FEW {
            self.nodes
                .iter()
                .any(|(known, _)| std::ptr::eq(*known, globstar))
        } else {
            let nodes = self.nodes.iter().map(|(known, _)| *known as *const Node);
            let seen = self.seen.get_or_insert_with(|| nodes.collect());
            !seen.insert(globstar)
        };
        if !known {
            self.nodes.push((globstar, count));
        }
    }
}
