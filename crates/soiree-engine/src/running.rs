//! Which emissions run on which threads, for a close that does not wait for them.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use soiree_core::sync::thread_local;
use soiree_core::{EventId, MAX_TOPIC_LEN};

const WORD: usize = size_of::<u64>();
const PAIR: usize = 2 * WORD;

/// What one thread runs. Written by that thread alone, and read by others without a lock.
///
/// It is a copy, since keeping the emission would cost several locked operations for each emission.
#[derive(Default)]
#[repr(align(128))]
struct Slot {
    /// Odd while an emission runs. The rest changes only while it is even.
    version: AtomicU64,
    emitter: AtomicUsize,
    emission: AtomicUsize,
    /// Whether anybody has asked for the ID; then its halves.
    has_id: AtomicBool,
    id: [AtomicU64; 2],
    length: AtomicUsize,
    /// The topic: its first words, and its last two, which may overlap them. If it has less than two words, its first word if it has one,
    /// and its last bytes.
    words: [AtomicU64; MAX_TOPIC_LEN / WORD],
    end: [AtomicU64; 2],
}

/// All slots, and those that no thread uses. There are as many as threads have run emissions at once, and emissions inside one another.
struct Slots {
    all: Vec<&'static Slot>,
    free: Vec<&'static Slot>,
}

static SLOTS: Mutex<Slots> = Mutex::new(Slots {
    all: Vec::new(),
    free: Vec::new(),
});

thread_local! {
    /// Apart from its owner because it has no destructor, which makes it cheap to read.
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    static OWNED: OwnedSlot = OwnedSlot(acquire());
}

/// A thread's slot. Another thread gets it when this one ends.
struct OwnedSlot(&'static Slot);

impl Drop for OwnedSlot {
    fn drop(&mut self) {
        // Under the model checker it may have ended before.
        let _ = MINE.try_with(|mine| mine.set(None));
        release(self.0);
    }
}

/// An emission is listed until this is dropped.
#[must_use]
pub(crate) struct ListedEmission {
    slot: &'static Slot,
    /// It is not the thread's own slot, and free afterwards.
    is_extra: bool,
}

/// An emission that runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RunningEmission {
    emission: usize,
    pub(crate) topic: Box<str>,
    pub(crate) id: Option<EventId>,
}

/// Lists an emission as running on this thread. `emission` is the address of its [`Attributes`](crate::emission::Attributes), and `id`
/// that of its event, if it `may_have` one.
#[inline(always)]
pub(crate) fn list_emission(
    emitter: usize,
    emission: usize,
    topic: &str,
    may_have_id: bool,
    id: impl FnOnce() -> Option<EventId>,
) -> ListedEmission {
    match MINE.with(Cell::get) {
        Some(slot) if !slot.is_running() && !may_have_id => {
            slot.start(emitter, emission, topic);
            ListedEmission {
                slot,
                is_extra: false,
            }
        }
        mine => list_rare(mine, emitter, emission, topic, id()),
    }
}

/// As [`list_emission`], on a thread that has no slot yet or runs an emission inside another one, or with an ID.
#[cold]
fn list_rare(
    mine: Option<&'static Slot>,
    emitter: usize,
    emission: usize,
    topic: &str,
    id: Option<EventId>,
) -> ListedEmission {
    let (slot, is_extra) = match mine {
        Some(slot) if !slot.is_running() => (slot, false),
        mine => other_slot(mine),
    };
    slot.start(emitter, emission, topic);
    if let Some(id) = id {
        slot.set_id(id);
    }
    ListedEmission { slot, is_extra }
}

/// A slot for a thread that has none yet, or that runs an emission inside another one.
fn other_slot(mine: Option<&'static Slot>) -> (&'static Slot, bool) {
    if mine.is_none() {
        // While a thread ends, its locals are gone.
        if let Ok(slot) = OWNED.try_with(|owned| owned.0) {
            MINE.with(|mine| mine.set(Some(slot)));
            return (slot, false);
        }
    }
    (acquire(), true)
}

/// A listener has asked for the ID of an event for the first time.
pub(crate) fn set_id(emission: usize, id: EventId) {
    let slot = MINE.with(Cell::get).filter(|slot| slot.is_running());
    if let Some(slot) = slot {
        if slot.emission.load(Ordering::Relaxed) == emission {
            slot.set_id(id);
        }
    }
}

/// The emissions of an emitter that run on some thread.
pub(crate) fn running_emissions(emitter: usize) -> Vec<RunningEmission> {
    let mut running: Vec<RunningEmission> = Vec::new();
    for slot in &lock().all {
        let found = slot.read(emitter);
        let is_new =
            |found: &RunningEmission| running.iter().all(|it| it.emission != found.emission);
        running.extend(found.filter(is_new));
    }
    running
}

impl Slot {
    fn is_running(&self) -> bool {
        self.version.load(Ordering::Relaxed) % 2 == 1
    }

    #[inline(always)]
    fn start(&self, emitter: usize, emission: usize, topic: &str) {
        let version = self.version.load(Ordering::Relaxed);
        // Who sees anything of what follows sees that the emission before has ended.
        fence(Ordering::Release);
        self.emitter.store(emitter, Ordering::Relaxed);
        self.emission.store(emission, Ordering::Relaxed);
        self.has_id.store(false, Ordering::Relaxed);
        self.store_topic(topic.as_bytes());
        self.version.store(version + 1, Ordering::Release);
    }

    #[inline(always)]
    fn store_topic(&self, topic: &[u8]) {
        self.length.store(topic.len(), Ordering::Relaxed);
        match (topic.first_chunk(), topic.last_chunk()) {
            (Some(first), Some(last)) if topic.len() < 2 * WORD => {
                store(&self.end[0], first);
                store(&self.end[1], last);
            }
            _ => self.store_long_topic(topic),
        }
    }

    /// For topics of two to four words without a loop.
    #[inline(never)]
    fn store_long_topic(&self, topic: &[u8]) {
        match (topic.first_chunk::<PAIR>(), topic.last_chunk::<PAIR>()) {
            (Some(first), Some(last)) if topic.len() <= 2 * PAIR => {
                store_pair(&self.words[0], &self.words[1], first);
                store_pair(&self.end[0], &self.end[1], last);
            }
            _ => self.store_any_topic(topic),
        }
    }

    #[inline(never)]
    fn store_any_topic(&self, topic: &[u8]) {
        for (word, bytes) in self.words.iter().zip(topic.chunks_exact(WORD)) {
            if let Ok(bytes) = bytes.try_into() {
                store(word, bytes);
            }
        }
        let mut end = [0; PAIR];
        match topic.last_chunk() {
            Some(last) => end = *last,
            None => end[PAIR - topic.len()..].copy_from_slice(topic),
        }
        store_pair(&self.end[0], &self.end[1], &end);
    }

    #[cold]
    fn set_id(&self, id: EventId) {
        let bits = u128::from(id);
        self.id[0].store((bits >> 64) as u64, Ordering::Relaxed);
        self.id[1].store(bits as u64, Ordering::Relaxed);
        self.has_id.store(true, Ordering::Release);
    }

    #[inline]
    fn end(&self) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
    }

    /// The emission that runs, if it is one of this emitter and does not end meanwhile.
    fn read(&self, emitter: usize) -> Option<RunningEmission> {
        // A thread that runs another emission each time is not the one that a close has waited for.
        (0..8)
            .find_map(|_| {
                let version = self.version.load(Ordering::Acquire);
                let is_running = version % 2 == 1;
                let found =
                    (is_running && self.emitter.load(Ordering::Relaxed) == emitter).then(|| {
                        (
                            self.emission.load(Ordering::Relaxed),
                            self.topic(),
                            self.id(),
                        )
                    });
                fence(Ordering::Acquire);
                let is_same = self.version.load(Ordering::Relaxed) == version;
                is_same.then_some(found)
            })?
            .map(|(emission, topic, id)| RunningEmission {
                emission,
                topic: String::from_utf8_lossy(&topic).into(),
                id,
            })
    }

    fn topic(&self) -> Vec<u8> {
        let length = self.length.load(Ordering::Relaxed);
        let [first, last] = &self.end;
        let [first, last] = [first, last].map(|word| word.load(Ordering::Relaxed).to_ne_bytes());
        let mut topic = Vec::with_capacity(length + PAIR);
        if (WORD..PAIR).contains(&length) {
            topic.extend(first);
        } else if length > PAIR {
            let leading = (length - PAIR).div_ceil(WORD);
            let words = self.words.iter().take(leading);
            topic.extend(words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()));
        }
        let rest = length - topic.len();
        topic.extend(&[first, last].concat()[PAIR - rest..]);
        topic
    }

    fn id(&self) -> Option<EventId> {
        let [high, low] = &self.id;
        self.has_id.load(Ordering::Acquire).then(|| {
            let [high, low] = [high, low].map(|half| u128::from(half.load(Ordering::Relaxed)));
            EventId::from(high << 64 | low)
        })
    }
}

#[inline]
fn store(word: &AtomicU64, bytes: &[u8; WORD]) {
    word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
}

#[inline]
fn store_pair(first: &AtomicU64, second: &AtomicU64, bytes: &[u8; PAIR]) {
    let (one, two) = bytes.split_at(WORD);
    if let (Ok(one), Ok(two)) = (one.try_into(), two.try_into()) {
        store(first, one);
        store(second, two);
    }
}

impl Drop for ListedEmission {
    #[inline]
    fn drop(&mut self) {
        self.slot.end();
        if self.is_extra {
            release(self.slot);
        }
    }
}

fn lock() -> MutexGuard<'static, Slots> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn acquire() -> &'static Slot {
    let mut slots = lock();
    if let Some(slot) = slots.free.pop() {
        return slot;
    }
    let slot: &Slot = Box::leak(Box::default());
    slots.all.push(slot);
    slot
}

#[cold]
fn release(slot: &'static Slot) {
    lock().free.push(slot);
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::thread;

    use super::*;

    const EMITTER: usize = 1;

    /// What is read is never a mixture of two emissions.
    #[test]
    fn an_emission_is_read_whole() {
        let alphabet = "abcdefghijklmnopqrstuvwxyz.".repeat(10);
        let topics: Vec<&str> = (1..=255).map(|length| &alphabet[..length]).collect();
        let topics = &topics;
        let slot = &Slot::default();
        let expected = move |emission: usize| RunningEmission {
            emission,
            topic: topics[emission % topics.len()].into(),
            id: (emission % 3 == 0).then(|| EventId::from(emission as u128 * (1 << 64 | 1))),
        };
        thread::scope(|scope| {
            let writing = scope.spawn(move || {
                for emission in 0..100_000 {
                    let RunningEmission { topic, id, .. } = expected(emission);
                    slot.start(EMITTER, emission, &topic);
                    if let Some(id) = id {
                        slot.set_id(id);
                    }
                    slot.end();
                }
            });
            while !writing.is_finished() {
                if let Some(mut found) = slot.read(EMITTER) {
                    let expected = expected(found.emission);
                    // It may not be there yet.
                    found.id = found.id.or(expected.id);
                    assert_eq!(found, expected);
                }
                assert_eq!(slot.read(EMITTER + 1), None);
            }
        });
        assert_eq!(slot.read(EMITTER), None);
    }

    /// The slots of threads that have ended are used again, and so are those of emissions inside one another.
    #[test]
    fn slots_are_used_again() {
        const ROUNDS: usize = 100;
        for _ in 0..ROUNDS {
            let listing = thread::spawn(|| {
                let emissions =
                    [3, 4].map(|emission| list_emission(2, emission, "a", false, || None));
                assert_eq!(running_emissions(2).len(), 2);
                set_id(3, EventId::from(5));
                set_id(4, EventId::from(6));
                drop(emissions);
                assert_eq!(running_emissions(2), []);
                let listed = list_emission(2, 7, "b", false, || None);
                assert_eq!(running_emissions(2)[0].id, None);
                drop(listed);
            });
            listing.join().unwrap();
        }
        assert!(lock().all.len() < ROUNDS, "other tests use some");
    }
}
