//! The listeners of recently emitted topics.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::registration::Registration;
use crate::listener::Listener;

const WAYS: usize = 2;
/// The number of sets of the smallest cache, which every registry starts with.
pub(super) const MIN_SETS: usize = 32;
/// The number of sets of the largest cache.
const MAX_SETS: usize = 2048;

/// A set-associative cache of the listeners of topics, in calling order, for one snapshot.
///
/// The cache has a fixed size. A filled place never changes, so a hit writes to no memory that threads share. A topic
/// enters the cache when it is emitted for the second time, so topics that are emitted once leave nothing behind. When too
/// many topics find their set full, the registry publishes the snapshot again with a larger, empty cache.
pub(super) struct TopicCache {
    /// Allocated at the first emit.
    sets: OnceLock<Box<[Set]>>,
    set_count: usize,
    /// How many topics found their set full.
    conflicts: AtomicU32,
}

#[derive(Default)]
struct Set {
    /// A tag of the last topic that was looked for and not found.
    last_miss: AtomicU32,
    ways: [OnceLock<CachedTopic>; WAYS],
}

/// A topic and its listeners.
pub struct CachedTopic {
    hash: u64,
    topic: Box<str>,
    /// The listeners, in calling order.
    pub calls: Box<[CachedListener]>,
    /// The topic has listeners, all of them are [`plain`](Registration::plain) but for filters and timeouts, and the topic is not
    /// reserved.
    pub plain: bool,
    /// Some of the listeners have filters or timeouts.
    pub has_checks: bool,
    /// Some of the listeners have timeouts, or say after which time they are slow.
    pub is_timed: bool,
    /// The topic is reserved: only those may emit it who have reserved it.
    pub is_reserved: bool,
}

/// One listener of a cached topic.
pub struct CachedListener {
    /// The listener. A copy of the one in `registration`, which saves a pointer per call. Dropped before that one, so never the
    /// last.
    pub listener: Arc<dyn Listener>,
    /// The listener's registration.
    pub registration: Arc<Registration>,
}

impl TopicCache {
    pub(super) fn new(set_count: usize) -> Self {
        Self {
            sets: OnceLock::new(),
            set_count,
            conflicts: AtomicU32::new(0),
        }
    }

    /// An empty cache of the same size.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.set_count)
    }

    /// An empty cache of four times the size, up to [`MAX_SETS`].
    pub(super) fn enlarged(&self) -> Self {
        Self::new((self.set_count * 4).min(MAX_SETS))
    }

    // `always`, because every `emit_sync` calls this, and the call itself takes a measurable part of it.
    #[inline(always)]
    pub(super) fn get(&self, hash: u64, topic: &str) -> Option<&CachedTopic> {
        let set = &self.sets.get()?[hash as usize & (self.set_count - 1)];
        for way in &set.ways {
            let cached = way.get()?;
            if cached.hash == hash && short_eq(&cached.topic, topic) {
                return Some(cached);
            }
        }
        None
    }

    /// Records a miss. Returns whether the last miss in the same set was the same topic, which is then worth caching.
    pub(super) fn seen_before(&self, hash: u64) -> bool {
        let sets = self.sets.get_or_init(|| {
            std::iter::repeat_with(Set::default)
                .take(self.set_count)
                .collect()
        });
        let tag = (hash >> 32) as u32 | 1;
        sets[hash as usize & (self.set_count - 1)]
            .last_miss
            .swap(tag, Ordering::Relaxed)
            == tag
    }

    /// Caches the listeners of a topic, if its set has a free way. Returns whether the cache is too small.
    pub(super) fn insert(
        &self,
        hash: u64,
        topic: &str,
        listeners: &[&Arc<Registration>],
        is_reserved: bool,
    ) -> bool {
        let Some(sets) = self.sets.get() else {
            return false;
        };
        let set = &sets[hash as usize & (self.set_count - 1)];
        if let Some(free) = set.ways.iter().find(|way| way.get().is_none()) {
            free.get_or_init(|| CachedTopic::new(hash, topic, listeners, is_reserved));
            return false;
        }
        let conflicts = self.conflicts.fetch_add(1, Ordering::Relaxed);
        conflicts as usize >= self.set_count * WAYS
    }
}

/// `==` for short texts: without the call into the C library, which takes longer than comparing a topic.
#[inline]
fn short_eq(left: &str, right: &str) -> bool {
    const WORD: usize = size_of::<u64>();
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    // The last word first, which overlaps with the one before: so no rest is left to compare byte by byte.
    if let (Some((_, a)), Some((_, b))) = (
        left.split_last_chunk::<WORD>(),
        right.split_last_chunk::<WORD>(),
    ) {
        if u64::from_ne_bytes(*a) != u64::from_ne_bytes(*b) {
            return false;
        }
        // By chunks that are split off: without optimisation across crates, iterators that are zipped are not inlined.
        while let (Some((a, left_rest)), Some((b, right_rest))) = (
            left.split_first_chunk::<WORD>(),
            right.split_first_chunk::<WORD>(),
        ) {
            if u64::from_ne_bytes(*a) != u64::from_ne_bytes(*b) {
                return false;
            }
            (left, right) = (left_rest, right_rest);
        }
        return true;
    }
    while let (Some((a, left_rest)), Some((b, right_rest))) =
        (left.split_first(), right.split_first())
    {
        if a != b {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    true
}

impl CachedTopic {
    fn new(hash: u64, topic: &str, listeners: &[&Arc<Registration>], is_reserved: bool) -> Self {
        let cached = |registration: &&Arc<Registration>| CachedListener {
            listener: Arc::clone(&registration.listener),
            registration: Arc::clone(registration),
        };
        Self {
            hash,
            topic: topic.into(),
            calls: listeners.iter().map(cached).collect(),
            plain: !is_reserved
                && !listeners.is_empty()
                && listeners.iter().all(|one| one.is_plain_but_for_checks()),
            has_checks: listeners.iter().any(|one| one.has_checks()),
            is_timed: listeners
                .iter()
                .any(|one| one.timeout().is_some() || one.slow_after().is_some()),
            is_reserved,
        }
    }

    pub(super) fn registrations(&self) -> impl Iterator<Item = &Arc<Registration>> {
        self.calls.iter().map(|call| &call.registration)
    }
}

#[cfg(test)]
mod tests {
    use super::{MIN_SETS, TopicCache, WAYS, short_eq};

    /// T3: a topic that is emitted once leaves nothing behind.
    #[test]
    fn a_topic_is_worth_caching_when_it_is_missed_twice_in_a_row() {
        let cache = TopicCache::new(MIN_SETS);
        assert!(!cache.seen_before(1 << 32), "the first miss of all");
        assert!(!cache.seen_before(7 << 32));
        assert!(!cache.seen_before(9 << 32), "another topic of the same set");
        assert!(!cache.seen_before(7 << 32), "the other topic came between");
        assert!(cache.seen_before(7 << 32));
        assert!(cache.get(7 << 32, "t").is_none());
        assert!(!cache.insert(7 << 32, "t", &[], false));
        assert!(
            cache
                .get(7 << 32, "t")
                .is_some_and(|cached| cached.calls.is_empty())
        );
        assert!(cache.get(7 << 32, "u").is_none(), "hashes may collide");
    }

    /// T3: the cache keeps its size however many topics are emitted, and reports when it is too small.
    #[test]
    fn a_full_cache_takes_no_more_topics_and_asks_for_a_larger_one() {
        let cache = TopicCache::new(MIN_SETS);
        cache.seen_before(0);
        let saturated = (0..MIN_SETS * WAYS + WAYS + 1)
            .filter(|number| cache.insert(0, &number.to_string(), &[], false))
            .count();
        assert_eq!(saturated, 1);
        assert!(cache.get(0, "1").is_some() && cache.get(0, "2").is_none());
        assert_eq!(cache.enlarged().set_count, 4 * MIN_SETS);
    }

    /// T1: each byte of a topic counts, however long it is.
    #[test]
    fn short_texts_are_equal_only_if_every_byte_is() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        for length in 0..=text.len() {
            let topic = &text[..length];
            assert!(short_eq(topic, topic));
            assert!(!short_eq(topic, &format!("{topic}.")));
            for changed in 0..length {
                let other = [&topic[..changed], "_", &topic[changed + 1..]].concat();
                assert!(!short_eq(topic, &other), "{topic} is not {other}");
            }
        }
    }
}
