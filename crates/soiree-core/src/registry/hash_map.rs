//! A persistent hash map.

use std::sync::Arc;

use super::radix::RadixMap;

/// An immutable hash map of values that contain their keys. The caller passes the hash of a key, and a test for equality.
#[derive(Clone)]
pub(super) struct HashMap<V> {
    by_hash: RadixMap<Bucket<V>>,
}

#[derive(Clone)]
enum Bucket<V> {
    One(V),
    /// Keys with the same hash. Behind a pointer, so that a bucket of one value, as nearly all are, stays small.
    Many(Arc<Vec<V>>),
}

impl<V> Default for HashMap<V> {
    fn default() -> Self {
        Self {
            by_hash: RadixMap::default(),
        }
    }
}

impl<V: Clone> HashMap<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// The only value, if there is exactly one.
    pub(super) fn single(&self) -> Option<&V> {
        match self.by_hash.single()? {
            Bucket::One(value) => Some(value),
            Bucket::Many(_) => None,
        }
    }

    pub(super) fn get(&self, hash: u64, eq: impl Fn(&V) -> bool) -> Option<&V> {
        self.by_hash
            .get(hash)?
            .as_slice()
            .iter()
            .find(|value| eq(value))
    }

    /// All values, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.by_hash.iter().flat_map(Bucket::as_slice)
    }

    /// A copy in which `change` has replaced the value that `eq` accepts. `None` means no value, before and after.
    pub(super) fn alter(
        &self,
        hash: u64,
        eq: impl Fn(&V) -> bool,
        change: impl FnOnce(Option<&V>) -> Option<V>,
    ) -> Self {
        let by_hash = self.by_hash.alter(hash, |bucket| {
            let old = bucket.map_or(&[][..], Bucket::as_slice);
            let index = old.iter().position(eq);
            let new = change(index.map(|index| &old[index]));
            match (old.len(), new) {
                (0, None) => None,
                (0, Some(value)) => Some(Bucket::One(value)),
                (1, new) if index == Some(0) => new.map(Bucket::One),
                (_, new) => {
                    let others = old
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| Some(*other) != index);
                    let all: Vec<V> = others.map(|(_, value)| value.clone()).chain(new).collect();
                    Some(match <[V; 1]>::try_from(all) {
                        Ok([only]) => Bucket::One(only),
                        Err(all) => Bucket::Many(Arc::new(all)),
                    })
                }
            }
        });
        Self { by_hash }
    }
}

impl<V> Bucket<V> {
    fn as_slice(&self) -> &[V] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HashMap;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    proptest! {
        /// T3: even if all hashes collide.
        #[test]
        fn behaves_like_a_map_even_if_hashes_collide(
            changes in prop::collection::vec(("[a-d]{1,2}", any::<bool>()), 0..100),
            hashes in 1_u64..4,
        ) {
            let mut map: HashMap<Arc<(String, usize)>> = HashMap::default();
            let mut oracle = BTreeMap::new();
            for (step, (key, insert)) in changes.into_iter().enumerate() {
                let hash = u64::from(key.as_bytes()[0]) % hashes;
                let value = insert.then(|| Arc::new((key.clone(), step)));
                map = map.alter(hash, |found| found.0 == key, |old| {
                    assert_eq!(old.map(|v| v.1), oracle.get(&key).copied());
                    value
                });
                if insert { oracle.insert(key.clone(), step); } else { oracle.remove(&key); }
                prop_assert_eq!(map.is_empty(), oracle.is_empty());
                prop_assert_eq!(map.single().is_some(), oracle.len() == 1);
                let mut values: Vec<_> = map.values().map(|value| (value.0.clone(), value.1)).collect();
                values.sort();
                let expected: Vec<_> = oracle.clone().into_iter().collect();
                prop_assert_eq!(values, expected);
                for (key, value) in &oracle {
                    let hash = u64::from(key.as_bytes()[0]) % hashes;
                    prop_assert_eq!(map.get(hash, |found| found.0 == *key).map(|v| v.1), Some(*value));
                }
            }
        }
    }
}
