//! A persistent map from text, over hashes.

use std::sync::Arc;

use super::radix::RadixMap;

/// What lies in a [`StrMap`] knows its own key.
pub(super) trait Keyed {
    fn key(&self) -> &str;
}

/// A persistent map of values by the hash of their keys. The caller brings the hash.
#[derive(Clone)]
pub(super) struct StrMap<V> {
    by_hash: RadixMap<Bucket<V>>,
}

#[derive(Clone)]
enum Bucket<V> {
    One(V),
    /// Different keys of one hash.
    Many(Arc<[V]>),
}

impl<V> Default for StrMap<V> {
    fn default() -> Self {
        Self {
            by_hash: RadixMap::default(),
        }
    }
}

impl<V: Clone + Keyed> StrMap<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    pub(super) fn get(&self, hash: u64, key: &str) -> Option<&V> {
        self.by_hash
            .get(hash)?
            .as_slice()
            .iter()
            .find(|value| value.key() == key)
    }

    /// All values, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.by_hash.iter().flat_map(Bucket::as_slice)
    }

    /// This map with what `change` makes of the value of `key`.
    pub(super) fn updated(
        &self,
        hash: u64,
        key: &str,
        change: impl FnOnce(Option<&V>) -> Option<V>,
    ) -> Self {
        let by_hash = self.by_hash.updated(hash, |bucket| {
            let old = bucket.map_or(&[][..], Bucket::as_slice);
            let at = old.iter().position(|value| value.key() == key);
            let new = change(at.map(|at| &old[at]));
            match (old.len(), new) {
                (0, None) => None,
                (0, Some(value)) => Some(Bucket::One(value)),
                (1, new) if at == Some(0) => new.map(Bucket::One),
                (_, new) => {
                    let others = old
                        .iter()
                        .enumerate()
                        .filter(|(index, _)| Some(*index) != at);
                    let all: Arc<[V]> = others.map(|(_, value)| value.clone()).chain(new).collect();
                    Some(if all.len() == 1 {
                        Bucket::One(all[0].clone())
                    } else {
                        Bucket::Many(all)
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
    use super::{Keyed, StrMap};
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::sync::Arc;

    impl Keyed for Arc<(String, usize)> {
        fn key(&self) -> &str {
            &self.0
        }
    }

    proptest! {
        /// T3: also where all hashes collide.
        #[test]
        fn behaves_like_a_map_even_if_hashes_collide(
            changes in prop::collection::vec(("[a-d]{1,2}", any::<bool>()), 0..100),
            hashes in 1_u64..4,
        ) {
            let mut map: StrMap<Arc<(String, usize)>> = StrMap::default();
            let mut oracle = HashMap::new();
            for (step, (key, insert)) in changes.into_iter().enumerate() {
                let hash = u64::from(key.as_bytes()[0]) % hashes;
                let value = insert.then(|| Arc::new((key.clone(), step)));
                map = map.updated(hash, &key, |old| {
                    assert_eq!(old.map(|v| v.1), oracle.get(&key).copied());
                    value
                });
                if insert { oracle.insert(key.clone(), step); } else { oracle.remove(&key); }
                prop_assert_eq!(map.is_empty(), oracle.is_empty());
                let mut values: Vec<_> = map.values().map(|value| (value.0.clone(), value.1)).collect();
                values.sort();
                let mut expected: Vec<_> = oracle.clone().into_iter().collect();
                expected.sort();
                prop_assert_eq!(values, expected);
                for (key, value) in &oracle {
                    let hash = u64::from(key.as_bytes()[0]) % hashes;
                    prop_assert_eq!(map.get(hash, key).map(|v| v.1), Some(*value));
                }
            }
        }
    }
}
