//! Topics whose listeners are known already.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::registration::Registration;
use crate::listener::Listener;

const WAYS: usize = 2;
/// Sets of the first table and of the largest one.
pub(super) const SMALLEST: usize = 32;
const LARGEST: usize = 2048;

/// The listeners of recently emitted topics, in calling order, for one snapshot.
///
/// Of fixed size, filled as topics are emitted and never changed afterwards: whoever reads it touches no shared counter.
/// A topic is taken up when it is seen for the second time, so that topics emitted once leave nothing. When topics that
/// were seen twice find no place, the registry publishes the snapshot anew with a larger, empty table.
pub(super) struct TopicCache {
    sets: OnceLock<Box<[Set]>>,
    size: usize,
    turned_away: AtomicU32,
}

#[derive(Default)]
struct Set {
    /// A tag of the topic seen last that is not in the set.
    seen: AtomicU32,
    ways: [OnceLock<CachedTopic>; WAYS],
}

/// The listeners of one topic.
pub struct CachedTopic {
    hash: u64,
    topic: Box<str>,
    /// In calling order.
    pub calls: Box<[CachedListener]>,
    /// There is nothing to ask before any of them is called, and there is one.
    pub plain: bool,
}

/// One of them, and beside it what is called, which is found faster here than there.
pub struct CachedListener {
    /// What is called.
    pub listener: Arc<dyn Listener>,
    /// How it is called.
    pub entry: Arc<Registration>,
}

impl TopicCache {
    pub(super) fn new(size: usize) -> Self {
        Self {
            sets: OnceLock::new(),
            size,
            turned_away: AtomicU32::new(0),
        }
    }

    pub(super) fn next_size(&self) -> usize {
        (self.size * 4).min(LARGEST)
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    // Every emission on the caller's thread does this, and the call takes a part of it that can be measured.
    #[inline(always)]
    pub(super) fn get(&self, hash: u64, topic: &str) -> Option<&CachedTopic> {
        let set = &self.sets.get()?[hash as usize & (self.size - 1)];
        for way in &set.ways {
            let known = way.get()?;
            if known.hash == hash && is_same(&known.topic, topic) {
                return Some(known);
            }
        }
        None
    }

    /// Whether the topic was seen before, so that its listeners are worth keeping; notes that it was seen.
    pub(super) fn seen_before(&self, hash: u64) -> bool {
        let sets = self.sets.get_or_init(|| {
            std::iter::repeat_with(Set::default)
                .take(self.size)
                .collect()
        });
        let tag = (hash >> 32) as u32 | 1;
        sets[hash as usize & (self.size - 1)]
            .seen
            .swap(tag, Ordering::Relaxed)
            == tag
    }

    /// Keeps the listeners of a topic that was [`seen_before`](Self::seen_before) twice. Says whether the table is too saturated.
    pub(super) fn keep(&self, hash: u64, topic: &str, listeners: &[&Arc<Registration>]) -> bool {
        let Some(sets) = self.sets.get() else {
            return false;
        };
        let set = &sets[hash as usize & (self.size - 1)];
        if let Some(free) = set.ways.iter().find(|way| way.get().is_none()) {
            free.get_or_init(|| CachedTopic::new(hash, topic, listeners));
            return false;
        }
        let turned_away = self.turned_away.fetch_add(1, Ordering::Relaxed);
        turned_away as usize >= self.size * WAYS
    }
}

/// As `==`, without the call into the C library that takes longer than comparing so few bytes.
#[inline]
fn is_same(one: &str, other: &str) -> bool {
    const WORD: usize = size_of::<u64>();
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
    if one.len() != other.len() {
        return false;
    }
    let (a, b) = (one.chunks_exact(WORD), other.chunks_exact(WORD));
    let (x, y) = (a.remainder(), b.remainder());
    a.zip(b).all(|(a, b)| word(a) == word(b)) && x.iter().zip(y).all(|(x, y)| x == y)
}

impl CachedTopic {
    fn new(hash: u64, topic: &str, listeners: &[&Arc<Registration>]) -> Self {
        let call = |entry: &&Arc<Registration>| CachedListener {
            listener: Arc::clone(&entry.listener),
            entry: Arc::clone(entry),
        };
        Self {
            hash,
            topic: topic.into(),
            calls: listeners.iter().map(call).collect(),
            plain: !listeners.is_empty() && listeners.iter().all(|entry| entry.plain),
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Registration>> {
        self.calls.iter().map(|call| &call.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::{SMALLEST, TopicCache, WAYS};

    /// T3: a topic that is emitted once leaves nothing.
    #[test]
    fn a_topic_is_kept_when_it_is_met_for_the_second_time() {
        let table = TopicCache::new(SMALLEST);
        assert!(!table.seen_before(1 << 32), "nothing was seen yet");
        assert!(!table.seen_before(7 << 32));
        assert!(!table.seen_before(9 << 32), "another topic of the same set");
        assert!(!table.seen_before(7 << 32), "which was seen in between");
        assert!(table.seen_before(7 << 32));
        assert!(table.get(7 << 32, "t").is_none());
        assert!(!table.keep(7 << 32, "t", &[]));
        assert!(
            table
                .get(7 << 32, "t")
                .is_some_and(|known| known.calls.is_empty())
        );
        assert!(table.get(7 << 32, "u").is_none(), "hashes may collide");
    }

    /// T3: however many topics there are, the table keeps its size, and says so.
    #[test]
    fn a_full_table_takes_no_more_and_asks_for_a_larger_one() {
        let table = TopicCache::new(SMALLEST);
        table.seen_before(0);
        let saturated = (0..SMALLEST * WAYS + WAYS + 1)
            .filter(|number| table.keep(0, &number.to_string(), &[]))
            .count();
        assert_eq!(saturated, 1);
        assert!(table.get(0, "1").is_some() && table.get(0, "2").is_none());
        assert_eq!(table.next_size(), 4 * SMALLEST);
    }
}
