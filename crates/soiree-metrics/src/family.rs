//! Series by label values, for a bounded number of label sets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};

/// The label value shared by all label sets beyond the limit.
///
/// A listener, pattern or pool with this very name shares it too.
pub const OTHER: &str = "_other";

/// The label `listener` of a listener without a name.
pub const UNNAMED: &str = "unnamed";

/// The value of the label `listener`.
pub(crate) fn listener_label(name: Option<&str>) -> &str {
    // To Prometheus an empty label is no label.
    name.filter(|name| !name.is_empty()).unwrap_or(UNNAMED)
}

/// Series `V` for each combination of `N` label values, up to a limit. All later combinations share one more, [`OTHER`].
pub(crate) struct BoundedFamily<V, const N: usize> {
    max_label_sets: usize,
    make: Box<dyn Fn() -> V + Send + Sync>,
    members: RwLock<Members<V, N>>,
    overflowed: AtomicU64,
}

type Members<V, const N: usize> = HashMap<LabelValues<N>, Arc<V>, RandomState>;

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Clone, Debug)]
pub(crate) struct LabelValues<const N: usize>([Arc<str>; N]);

/// Label values to look up, without an allocation.
#[derive(Hash)]
struct BorrowedLabelValues<'a, const N: usize>([&'a str; N]);

impl<const N: usize> Equivalent<LabelValues<N>> for BorrowedLabelValues<'_, N> {
    fn equivalent(&self, key: &LabelValues<N>) -> bool {
        self.0
            .iter()
            .zip(&key.0)
            .all(|(borrowed, owned)| **borrowed == **owned)
    }
}

impl<const N: usize> LabelValues<N> {
    pub(crate) fn as_strs(&self) -> [&str; N] {
        std::array::from_fn(|index| &*self.0[index])
    }
}

impl<V, const N: usize> BoundedFamily<V, N> {
    pub(crate) fn new(max_label_sets: usize, make: impl Fn() -> V + Send + Sync + 'static) -> Self {
        Self {
            max_label_sets,
            make: Box::new(make),
            members: RwLock::default(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// The series for these label values; those of [`OTHER`] if the limit is reached.
    pub(crate) fn get(&self, values: [&str; N]) -> Arc<V> {
        {
            let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(series) = members.get(&BorrowedLabelValues(values)) {
                return Arc::clone(series);
            }
            if members.len() >= self.max_label_sets {
                if let Some(series) = members.get(&BorrowedLabelValues([OTHER; N])) {
                    self.overflowed.fetch_add(1, Ordering::Relaxed);
                    return Arc::clone(series);
                }
            }
        }
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        let has_room = members.len() < self.max_label_sets
            || members.contains_key(&BorrowedLabelValues(values));
        let values = if has_room { values } else { [OTHER; N] };
        if !has_room {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        let series = members
            .entry(LabelValues(values.map(Arc::from)))
            .or_insert_with(|| Arc::new((self.make)()));
        Arc::clone(series)
    }

    /// How often [`get`](Self::get) found the limit reached.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// All label values with their series, in the order of the label values.
    pub(crate) fn all(&self) -> Vec<(LabelValues<N>, Arc<V>)> {
        let mut all: Vec<_> = {
            let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
            let all = members.iter();
            all.map(|(values, series)| (values.clone(), Arc::clone(series)))
                .collect()
        };
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_all(max_label_sets: usize, observed: &[[&str; 2]]) -> (Vec<(String, u64)>, u64) {
        let family = BoundedFamily::<AtomicU64, 2>::new(max_label_sets, AtomicU64::default);
        for values in observed {
            family.get(*values).fetch_add(1, Ordering::Relaxed);
        }
        let all = family.all().into_iter();
        let all =
            all.map(|(values, count)| (values.as_strs().join("/"), count.load(Ordering::Relaxed)));
        (all.collect(), family.overflowed())
    }

    #[test]
    fn each_label_set_below_the_limit_has_its_own_series() {
        let (all, overflowed) = count_all(3, &[["b", "x"], ["a", "y"], ["a", "x"], ["a", "y"]]);
        assert_eq!(
            all,
            [("a/x".into(), 1), ("a/y".into(), 2), ("b/x".into(), 1)]
        );
        assert_eq!(overflowed, 0);
    }

    #[test]
    fn label_sets_beyond_the_limit_share_one_and_are_counted() {
        let observed = [["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"], ["a", "1"]];
        let (all, overflowed) = count_all(2, &observed);
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
    fn label_values_equal_to_the_shared_ones_share_its_series() {
        let observed = [[OTHER, OTHER], ["a", "1"], ["b", "2"], ["c", "3"]];
        let (all, overflowed) = count_all(2, &observed);
        assert_eq!(all, [("_other/_other".into(), 3), ("a/1".into(), 1)]);
        assert_eq!(overflowed, 2);
    }
}
