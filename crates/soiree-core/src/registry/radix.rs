//! A persistent map from `u64`, ordered by key.

use std::sync::Arc;

/// A map that is changed by making another one, which shares all but the path to the change.
///
/// A radix tree with 16 ways and compressed paths. A map of one element allocates nothing.
#[derive(Clone)]
pub(super) struct RadixMap<V> {
    root: Option<Node<V>>,
}

#[derive(Clone)]
enum Node<V> {
    Leaf(u64, V),
    /// `prefix` is what all keys below have above the four bits at `shift`; `present` says which children there are.
    Branch {
        prefix: u64,
        shift: u8,
        present: u16,
        children: Arc<[Node<V>]>,
    },
}

impl<V> Default for RadixMap<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: Clone> RadixMap<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The only value, if there is exactly one.
    pub(super) fn single(&self) -> Option<&V> {
        match &self.root {
            Some(Node::Leaf(_, value)) => Some(value),
            _ => None,
        }
    }

    /// The value of the lowest key.
    pub(super) fn first(&self) -> Option<&V> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(_, value) => return Some(value),
                Node::Branch { children, .. } => node = children.first()?,
            }
        }
    }

    pub(super) fn get(&self, key: u64) -> Option<&V> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(found, value) => return (*found == key).then_some(value),
                Node::Branch {
                    prefix,
                    shift,
                    present,
                    children,
                } => {
                    if above(key, *shift) != *prefix {
                        return None;
                    }
                    node = &children[slot(*present, key, *shift).ok()?];
                }
            }
        }
    }

    /// This map with what `change` makes of the value at `key`; `None` stands for no value, on both sides.
    pub(super) fn updated(&self, key: u64, change: impl FnOnce(Option<&V>) -> Option<V>) -> Self {
        let root = match &self.root {
            None => change(None).map(|value| Node::Leaf(key, value)),
            Some(node) => node.updated(key, change),
        };
        Self { root }
    }

    /// Whether this holds of one of the values. Allocates nothing.
    pub(super) fn any(&self, mut holds: impl FnMut(&V) -> bool) -> bool {
        self.root.as_ref().is_some_and(|root| root.any(&mut holds))
    }

    /// All values in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = &V> {
        let mut pending: Vec<&Node<V>> = self.root.iter().collect();
        std::iter::from_fn(move || {
            loop {
                match pending.pop()? {
                    Node::Leaf(_, value) => return Some(value),
                    Node::Branch { children, .. } => pending.extend(children.iter().rev()),
                }
            }
        })
    }
}

fn above(key: u64, shift: u8) -> u64 {
    key >> shift >> 4
}

/// Where the child for `key` is, or where it would have to be put.
fn slot(present: u16, key: u64, shift: u8) -> Result<usize, usize> {
    let bit = 1_u16 << ((key >> shift) & 15);
    let index = (present & (bit - 1)).count_ones() as usize;
    if present & bit == 0 {
        Err(index)
    } else {
        Ok(index)
    }
}

impl<V: Clone> Node<V> {
    fn updated(&self, key: u64, change: impl FnOnce(Option<&V>) -> Option<V>) -> Option<Self> {
        match self {
            Node::Leaf(found, value) if *found == key => {
                change(Some(value)).map(|value| Node::Leaf(key, value))
            }
            Node::Branch {
                prefix,
                shift,
                present,
                children,
            } if above(key, *shift) == *prefix => {
                let bit = 1_u16 << ((key >> shift) & 15);
                let (present, children): (u16, Arc<[_]>) = match slot(*present, key, *shift) {
                    Ok(index) => match children[index].updated(key, change) {
                        Some(child) => {
                            let mut children = children.to_vec();
                            children[index] = child;
                            (*present, children.into())
                        }
                        None if children.len() == 2 => return Some(children[1 - index].clone()),
                        None => {
                            let mut children = children.to_vec();
                            children.remove(index);
                            (present & !bit, children.into())
                        }
                    },
                    Err(index) => {
                        let Some(value) = change(None) else {
                            return Some(self.clone());
                        };
                        let mut all = Vec::with_capacity(children.len() + 1);
                        all.extend_from_slice(&children[..index]);
                        all.push(Node::Leaf(key, value));
                        all.extend_from_slice(&children[index..]);
                        (present | bit, all.into())
                    }
                };
                Some(Node::Branch {
                    prefix: *prefix,
                    shift: *shift,
                    present,
                    children,
                })
            }
            _ => Some(match change(None) {
                Some(value) => self.clone().joined(Node::Leaf(key, value)),
                None => self.clone(),
            }),
        }
    }

    fn any(&self, holds: &mut dyn FnMut(&V) -> bool) -> bool {
        match self {
            Node::Leaf(_, value) => holds(value),
            Node::Branch { children, .. } => children.iter().any(|child| child.any(holds)),
        }
    }

    /// A branch over two nodes whose keys differ above both.
    fn joined(self, other: Self) -> Self {
        let (a, b) = (self.some_key(), other.some_key());
        let shift = (63 - (a ^ b).leading_zeros() as u8) & !3;
        let bit = |key: u64| 1_u16 << ((key >> shift) & 15);
        Node::Branch {
            prefix: above(a, shift),
            shift,
            present: bit(a) | bit(b),
            children: if a < b {
                Arc::new([self, other])
            } else {
                Arc::new([other, self])
            },
        }
    }

    fn some_key(&self) -> u64 {
        match self {
            Node::Leaf(key, _) => *key,
            Node::Branch { prefix, shift, .. } => prefix << 4 << shift,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RadixMap;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// L1, T3: the order of keys is the order of listeners, and what is taken out leaves nothing.
        #[test]
        fn behaves_like_a_sorted_map(
            changes in prop::collection::vec((prop_oneof![0_u64..40, any::<u64>()], any::<bool>()), 0..200)
        ) {
            let mut map = RadixMap::default();
            let mut oracle = BTreeMap::new();
            for (step, (key, insert)) in changes.into_iter().enumerate() {
                let value = insert.then_some(step);
                map = map.updated(key, |old| {
                    assert_eq!(old, oracle.get(&key));
                    value
                });
                match value {
                    Some(value) => oracle.insert(key, value),
                    None => oracle.remove(&key),
                };
                prop_assert_eq!(map.get(key), oracle.get(&key));
                prop_assert!(map.iter().eq(oracle.values()));
                prop_assert_eq!(map.first(), oracle.values().next());
                prop_assert_eq!(map.is_empty(), oracle.is_empty());
                for sought in 0..=step {
                    prop_assert_eq!(map.any(|found| *found == sought), oracle.values().any(|found| *found == sought));
                }
            }
        }
    }
}
