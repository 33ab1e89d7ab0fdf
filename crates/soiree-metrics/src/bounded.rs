//! Figures by label set, of which there is room for so many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};

/// The label value that all share for which there is no room.
///
/// A listener, pattern or pool that is called so shares it too.
pub const OTHER: &str = "_other";

/// Figures `V` for each combination of `N` label values, up to a limit. What comes later shares one more, [`OTHER`].
pub(crate) struct Bounded<V, const N: usize> {
    most: usize,
    make: Box<dyn Fn() -> V + Send + Sync>,
    known: RwLock<Known<V, N>>,
    overflowed: AtomicU64,
}

type Known<V, const N: usize> = HashMap<Key<N>, Arc<V>, RandomState>;

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Clone, Debug)]
pub(crate) struct Key<const N: usize>([Arc<str>; N]);

/// A key that is only looked for.
#[derive(Hash)]
struct Asked<'a, const N: usize>([&'a str; N]);

impl<const N: usize> Equivalent<Key<N>> for Asked<'_, N> {
    fn equivalent(&self, key: &Key<N>) -> bool {
        self.0
            .iter()
            .zip(&key.0)
            .all(|(asked, key)| **asked == **key)
    }
}

impl<const N: usize> Key<N> {
    pub(crate) fn values(&self) -> [&str; N] {
        std::array::from_fn(|index| &*self.0[index])
    }
}

impl<V, const N: usize> Bounded<V, N> {
    pub(crate) fn new(most: usize, make: impl Fn() -> V + Send + Sync + 'static) -> Self {
        Self {
            most,
            make: Box::new(make),
            known: RwLock::default(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// The figures for these values; those of [`OTHER`] if there is no room for more.
    pub(crate) fn get(&self, values: [&str; N]) -> Arc<V> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(figures) = known.get(&Asked(values)) {
                return Arc::clone(figures);
            }
            if known.len() >= self.most {
                if let Some(figures) = known.get(&Asked([OTHER; N])) {
                    self.overflowed.fetch_add(1, Ordering::Relaxed);
                    return Arc::clone(figures);
                }
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let room = known.len() < self.most || known.contains_key(&Asked(values));
        let values = if room { values } else { [OTHER; N] };
        if !room {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        let figures = known
            .entry(Key(values.map(Arc::from)))
            .or_insert_with(|| Arc::new((self.make)()));
        Arc::clone(figures)
    }

    /// How often [`get`](Self::get) found no room.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// All that there are, in the order of their label values.
    pub(crate) fn all(&self) -> Vec<(Key<N>, Arc<V>)> {
        let mut all: Vec<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let all = known.iter();
            all.map(|(key, figures)| (key.clone(), Arc::clone(figures)))
                .collect()
        };
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(most: usize, asked: &[[&str; 2]]) -> (Vec<(String, u64)>, u64) {
        let bounded = Bounded::<AtomicU64, 2>::new(most, AtomicU64::default);
        for values in asked {
            bounded.get(*values).fetch_add(1, Ordering::Relaxed);
        }
        let all = bounded.all().into_iter();
        let all = all.map(|(key, count)| (key.values().join("/"), count.load(Ordering::Relaxed)));
        (all.collect(), bounded.overflowed())
    }

    #[test]
    fn each_label_set_has_figures_of_its_own_while_there_is_room() {
        let (all, overflowed) = counts(3, &[["b", "x"], ["a", "y"], ["a", "x"], ["a", "y"]]);
        assert_eq!(
            all,
            [("a/x".into(), 1), ("a/y".into(), 2), ("b/x".into(), 1)]
        );
        assert_eq!(overflowed, 0);
    }

    #[test]
    fn what_comes_later_shares_one_label_set_and_is_counted() {
        let asked = [["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"], ["a", "1"]];
        let (all, overflowed) = counts(2, &asked);
        assert_eq!(
            all,
            [
                ("_other/_other".into(), 2),
                ("a/1".into(), 2),
                ("b/2".into(), 1)
            ]
        );
        assert_eq!(overflowed, 2);
    }

    #[test]
    fn what_is_called_like_the_shared_label_set_shares_it() {
        let asked = [[OTHER, OTHER], ["a", "1"], ["b", "2"], ["c", "3"]];
        let (all, overflowed) = counts(2, &asked);
        assert_eq!(all, [("_other/_other".into(), 3), ("a/1".into(), 1)]);
        assert_eq!(overflowed, 2);
    }
}
