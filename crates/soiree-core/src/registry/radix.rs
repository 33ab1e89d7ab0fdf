//! A persistent map from `u64`, ordered by key.

use std::sync::Arc;

/// An immutable map. A change makes another map that shares all nodes except those on the path to the change.
///
/// A radix tree with 16 children per node and compressed paths. A map with one element allocates nothing.
#[derive(Clone)]
pub(super) struct RadixMap<V> {
    root: Option<Node<V>>,
}

#[derive(Clone)]
enum Node<V> {
    Leaf(u64, V),
    /// Two or more keys.
    Branch {
        /// The bits that all keys below share: those above the four bits at `shift`.
        prefix: u64,
        shift: u8,
        /// Bit `n` is set if a child holds the keys whose four bits at `shift` are `n`.
        bitmap: u16,
        /// One for each bit that is set, in the order of the bits.
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
                    bitmap,
                    children,
                } => {
                    if prefix_of(key, *shift) != *prefix {
                        return None;
                    }
                    node = &children[child_index(*bitmap, key, *shift).ok()?];
                }
            }
        }
    }

    /// A copy in which `change` has replaced the value at `key`. `None` means no value, before and after.
    pub(super) fn alter(&self, key: u64, change: impl FnOnce(Option<&V>) -> Option<V>) -> Self {
        let root = match &self.root {
            None => change(None).map(|value| Node::Leaf(key, value)),
            Some(node) => node.alter(key, change),
        };
        Self { root }
    }

    /// Whether any value satisfies the predicate. Allocates nothing.
    pub(super) fn any(&self, mut predicate: impl FnMut(&V) -> bool) -> bool {
        self.root
            .as_ref()
            .is_some_and(|root| root.any(&mut predicate))
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

/// The bits above the four bits at `shift`.
fn prefix_of(key: u64, shift: u8) -> u64 {
    key >> shift >> 4
}

/// The index of the child for `key`, or the index to insert it at.
fn child_index(bitmap: u16, key: u64, shift: u8) -> Result<usize, usize> {
    let bit = 1_u16 << ((key >> shift) & 15);
    let index = (bitmap & (bit - 1)).count_ones() as usize;
    if bitmap & bit == 0 {
        Err(index)
    } else {
        Ok(index)
    }
}

impl<V: Clone> Node<V> {
    fn alter(&self, key: u64, change: impl FnOnce(Option<&V>) -> Option<V>) -> Option<Self> {
        match self {
            Node::Leaf(found, value) if *found == key => {
                change(Some(value)).map(|value| Node::Leaf(key, value))
            }
            Node::Branch {
                prefix,
                shift,
                bitmap,
                children,
            } if prefix_of(key, *shift) == *prefix => {
                let bit = 1_u16 << ((key >> shift) & 15);
                let (bitmap, children): (u16, Arc<[_]>) = match child_index(*bitmap, key, *shift) {
                    Ok(index) => match children[index].alter(key, change) {
                        Some(child) => {
                            let mut children = children.to_vec();
                            children[index] = child;
                            (*bitmap, children.into())
                        }
                        None if children.len() == 2 => return Some(children[1 - index].clone()),
                        None => {
                            let mut children = children.to_vec();
                            children.remove(index);
                            (bitmap & !bit, children.into())
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
                        (bitmap | bit, all.into())
                    }
                };
                Some(Node::Branch {
                    prefix: *prefix,
                    shift: *shift,
                    bitmap,
                    children,
                })
            }
            _ => Some(match change(None) {
                Some(value) => self.clone().joined_with(Node::Leaf(key, value)),
                None => self.clone(),
            }),
        }
    }

    fn any(&self, predicate: &mut dyn FnMut(&V) -> bool) -> bool {
        match self {
            Node::Leaf(_, value) => predicate(value),
            Node::Branch { children, .. } => children.iter().any(|child| child.any(predicate)),
        }
    }

    /// A branch over two nodes with different prefixes.
    fn joined_with(self, other: Self) -> Self {
        let (a, b) = (self.any_key(), other.any_key());
        let shift = (63 - (a ^ b).leading_zeros() as u8) & !3;
        let bit = |key: u64| 1_u16 << ((key >> shift) & 15);
        Node::Branch {
            prefix: prefix_of(a, shift),
            shift,
            bitmap: bit(a) | bit(b),
            children: if a < b {
                Arc::new([self, other])
            } else {
                Arc::new([other, self])
            },
        }
    }

    /// A key with the prefix that all keys below share.
    fn any_key(&self) -> u64 {
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
        /// L1, T3: the order of keys is the order of listeners, and a removed key leaves nothing behind.
        #[test]
        fn behaves_like_a_sorted_map(
            changes in prop::collection::vec((prop_oneof![0_u64..40, any::<u64>()], any::<bool>()), 0..200)
        ) {
            let mut map = RadixMap::default();
            let mut oracle = BTreeMap::new();
            for (step, (key, insert)) in changes.into_iter().enumerate() {
                let value = insert.then_some(step);
                map = map.alter(key, |old| {
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
