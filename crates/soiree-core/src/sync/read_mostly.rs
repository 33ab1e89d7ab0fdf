//! A value that is read all the time and seldom replaced.

use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crossbeam_utils::CachePadded;

#[cfg(soiree_model)]
use super::model::{AtomicBool, Mutex, MutexGuard, TryMutex, TryMutexGuard, read_slots};
#[cfg(not(soiree_model))]
use super::real::{AtomicBool, Mutex, MutexGuard, TryMutex, TryMutexGuard, read_slots};
use super::{barrier, thread_number};
use crate::panic::{caught, contained};

/// A value that is read all the time and seldom replaced.
///
/// Reading takes one atomic read-modify-write, on memory that few threads share. Replacing looks at those slots that were read since the
/// value was replaced before, and there are few, however many threads there are or were.
///
/// A value that was replaced lives as long as somebody reads it, and no longer: threads that read no more keep nothing.
pub struct ReadMostly<T> {
    now: Mutex<Now<T>>,
    /// Their number is a power of two.
    slots: Box<[CachePadded<Slot<T>>]>,
}

struct Now<T> {
    value: Arc<T>,
    /// One bit for each slot that may have a value.
    filled: u64,
}

/// Where threads find the value. Nobody waits for a slot: a thread that finds it locked goes elsewhere.
struct Slot<T> {
    index: usize,
    /// Locked while somebody reads the value.
    value: TryMutex<Option<Arc<T>>>,
    /// The value was replaced while the slot was locked. The thread that has locked it empties it. Written with `now` locked.
    is_revoked: AtomicBool,
}

/// A slot that the calling thread has locked.
type Held<'a, T> = TryMutexGuard<'a, Option<Arc<T>>>;

/// Values that were replaced. To be dropped while no lock is held that their drop may take.
pub struct Replaced<T> {
    /// The last one.
    pub value: Arc<T>,
    /// Those before it that were still in slots.
    pub former: Vec<Arc<T>>,
}

impl<T> ReadMostly<T> {
    pub fn new(value: Arc<T>) -> Self {
        barrier::register();
        Self {
            now: Mutex::new(Now { value, filled: 0 }),
            slots: (0..read_slots())
                .map(|index| CachePadded::new(Slot::new(index)))
                .collect(),
        }
    }

    /// Calls `see` with the value.
    ///
    /// It may take any time, and may read and replace the value. If the value was replaced meanwhile, and nobody else reads it, it is
    /// dropped before this returns; a panic of that drop is caught. A former value that another thread is about to drop may be dropped
    /// here, before `see` is called.
    #[inline]
    pub fn read<R>(&self, see: impl FnOnce(&Arc<T>) -> R) -> R {
        let mine = self.slot(thread_number());
        let mut locked = match mine.value.try_lock() {
            Some(held) => Some((mine, held)),
            None => self.lock_another(mine),
        };
        if let Some((slot, held)) = &mut locked {
            if held.is_none() || slot.is_revoked.load(Ordering::Acquire) {
                self.fill(slot, held);
            }
        }
        // `see` is called in one place only, to be inlined there.
        let mut apart = None;
        let value = match locked.as_ref().and_then(|(_, held)| held.as_ref()) {
            Some(value) => value,
            None => apart.insert(self.get()),
        };
        // Not a guard with a `Drop`, which is not inlined: that costs as much as calling a listener.
        let result = caught(|| see(value));
        if let Some((slot, held)) = locked {
            drop(held);
            // Either this thread sees that the value was replaced, or who replaces it sees that the slot is unlocked.
            barrier::light();
            if slot.is_revoked.load(Ordering::Relaxed) {
                self.empty(slot);
            }
        }
        if apart.is_some() {
            contained(move || drop(apart));
        }
        result.unwrap_or_else(|panic| resume_unwind(panic.into_inner()))
    }

    /// For a thread that reads while it reads, or at the same time as another thread that has the same slot.
    #[cold]
    #[inline(never)]
    fn lock_another(&self, taken: &Slot<T>) -> Option<(&Slot<T>, Held<'_, T>)> {
        let half = self.slots.len() / 2;
        // Threads that started one after another have slots next to each other: those that are far away are more often free.
        let steps = (half..self.slots.len()).chain(1..half);
        let mut others = steps.map(|step| self.slot(taken.index ^ step));
        others.find_map(|slot| Some((slot, slot.value.try_lock()?)))
    }

    #[inline]
    fn slot(&self, number: usize) -> &Slot<T> {
        &self.slots[number & (self.slots.len() - 1)]
    }

    /// A handle to the value.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.lock().value)
    }

    /// Replaces the value. Who reads from now on sees the next one. Drops nothing.
    pub fn replace(&self, next: Arc<T>) -> Replaced<T> {
        let mut now = self.lock();
        let mut replaced = Replaced {
            value: std::mem::replace(&mut now.value, next),
            former: Vec::new(),
        };
        if self.revoke(&mut now, &mut replaced) {
            barrier::heavy();
            self.revoke(&mut now, &mut replaced);
        }
        replaced
    }

    /// Empties the slots that nobody reads. Returns whether there are others, which have not been revoked before.
    fn revoke(&self, now: &mut Now<T>, replaced: &mut Replaced<T>) -> bool {
        let mut rest = now.filled;
        let mut is_news = false;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let slot = &*self.slots[index];
            let was_revoked = slot.is_revoked.swap(true, Ordering::SeqCst);
            let Some(mut held) = slot.value.try_lock() else {
                is_news |= !was_revoked;
                continue;
            };
            let found = slot.take(&mut held, now);
            drop(held);
            // Only a handle, unless it is another value.
            replaced
                .former
                .extend(found.filter(|found| !Arc::ptr_eq(found, &replaced.value)));
        }
        is_news
    }

    #[cold]
    #[inline(never)]
    fn fill(&self, slot: &Slot<T>, held: &mut Option<Arc<T>>) {
        let mut now = self.lock();
        let former = slot.take(held, &mut now);
        *held = Some(Arc::clone(&now.value));
        now.filled |= 1 << slot.index;
        drop(now);
        contained(move || drop(former));
    }

    /// Empties a slot that was read while its value was replaced.
    #[cold]
    #[inline(never)]
    fn empty(&self, slot: &Slot<T>) {
        let mut now = self.lock();
        // If somebody has locked it again, that one finds it revoked.
        let Some(mut held) = slot.value.try_lock() else {
            return;
        };
        let is_revoked = slot.is_revoked.load(Ordering::Relaxed);
        let former = is_revoked.then(|| slot.take(&mut held, &mut now));
        drop(held);
        drop(now);
        contained(move || drop(former));
    }

    fn lock(&self) -> MutexGuard<'_, Now<T>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Replaced<T> {
    /// The last value. Drops the others, and catches panics of their drops.
    pub fn into_last(self) -> Arc<T> {
        for former in self.former {
            contained(move || drop(former));
        }
        self.value
    }
}

impl<T> Slot<T> {
    fn new(index: usize) -> Self {
        Self {
            index,
            value: TryMutex::new(None),
            is_revoked: AtomicBool::new(false),
        }
    }

    fn take(&self, held: &mut Option<Arc<T>>, now: &mut Now<T>) -> Option<Arc<T>> {
        self.is_revoked.store(false, Ordering::Relaxed);
        now.filled &= !(1 << self.index);
        held.take()
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::thread;

    use super::*;

    fn replace(cell: &ReadMostly<usize>, next: usize) {
        drop(cell.replace(Arc::new(next)));
    }

    #[test]
    fn a_thread_that_reads_no_more_keeps_nothing() {
        let first = Arc::new(0);
        let weak = Arc::downgrade(&first);
        let cell = ReadMostly::new(first);
        let (read, replaced) = (Barrier::new(9), Barrier::new(9));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    cell.read(|value| assert_eq!(**value, 0));
                    read.wait();
                    // Alive, and idle.
                    replaced.wait();
                });
            }
            read.wait();
            replace(&cell, 1);
            assert_eq!(weak.strong_count(), 0);
            replaced.wait();
        });
    }

    #[test]
    fn a_value_that_is_read_lives_until_its_last_reader_returns() {
        let first = Arc::new(0);
        let weak = Arc::downgrade(&first);
        let cell = ReadMostly::new(first);
        cell.read(|value| {
            replace(&cell, 1);
            assert_eq!((**value, weak.strong_count()), (0, 1));
            cell.read(|value| assert_eq!(**value, 1));
            replace(&cell, 2);
            cell.read(|value| cell.read(|deeper| assert_eq!((**value, **deeper), (2, 2))));
            assert_eq!(weak.strong_count(), 1);
        });
        assert_eq!(weak.strong_count(), 0);
    }

    #[test]
    fn a_reader_that_panics_leaves_its_slot() {
        let first = Arc::new(0);
        let weak = Arc::downgrade(&first);
        let cell = ReadMostly::new(first);
        let panics = || {
            cell.read(|_| {
                replace(&cell, 1);
                panic!("while it reads");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(weak.strong_count(), 0);
        cell.read(|value| assert_eq!(**value, 1));
        assert_eq!(cell.lock().filled.count_ones(), 1);
    }

    #[test]
    fn a_panic_of_the_drop_of_a_value_is_caught() {
        struct Bomb(bool);
        impl Drop for Bomb {
            fn drop(&mut self) {
                assert!(!self.0, "the value's Drop");
            }
        }
        let cell = ReadMostly::new(Arc::new(Bomb(true)));
        cell.read(|_| drop(cell.replace(Arc::new(Bomb(false)))));
        cell.read(|value| assert!(!value.0));
    }

    /// As many threads as there are slots twice over, in the value at once.
    #[test]
    fn more_readers_than_slots_read_at_once() {
        let cell = ReadMostly::new(Arc::new(0));
        let weak = Arc::downgrade(&cell.get());
        let readers = 2 * cell.slots.len();
        let inside = Barrier::new(readers + 1);
        let (release, released) = (AtomicBool::new(false), Barrier::new(readers + 1));
        thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(|| {
                    cell.read(|value| {
                        inside.wait();
                        released.wait();
                        assert!(release.load(Ordering::SeqCst) && **value == 0);
                    });
                });
            }
            inside.wait();
            replace(&cell, 1);
            assert_eq!(weak.strong_count(), readers);
            cell.read(|value| assert_eq!(**value, 1));
            release.store(true, Ordering::SeqCst);
            released.wait();
        });
        assert_eq!(weak.strong_count(), 0);
    }

    /// Real threads, and the barrier of the system: the model checker knows neither.
    #[test]
    fn a_value_that_is_replaced_while_it_is_read_is_dropped() {
        const ROUNDS: usize = 20_000;
        let cell = ReadMostly::new(Arc::new(0));
        let (start, end) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let reach = |count: &AtomicUsize, round| {
            count.fetch_add(1, Ordering::SeqCst);
            while count.load(Ordering::SeqCst) < 2 * round {
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    reach(&start, round);
                    // So that some round ends each read at the worst moment.
                    for _ in 0..round % 50 {
                        cell.read(|value| assert!(**value == round - 1 || **value == round));
                    }
                    reach(&end, round);
                }
            });
            for round in 1..=ROUNDS {
                let former = Arc::downgrade(&cell.get());
                reach(&start, round);
                replace(&cell, round);
                cell.read(|value| assert_eq!(**value, round));
                reach(&end, round);
                assert_eq!(former.strong_count(), 0, "round {round}");
            }
        });
    }
}
