//! A map from rising numbers, as fast as a queue.

use std::collections::VecDeque;

use crate::sequence::Seq;

/// Where a value is, or was.
pub(crate) struct Slot<T> {
    seq: Seq,
    value: Option<T>,
}

/// Values by their numbers, in a row that mostly grows at its end and shrinks at its start.
///
/// A value that is taken from the middle leaves its slot behind, because moving the others would take as long as there are many.
/// Neither the first nor the last slot is empty.
pub(crate) struct SeqMap<T> {
    slots: VecDeque<Slot<T>>,
    /// How many slots have a value.
    len: usize,
}

impl<T> SeqMap<T> {
    pub(crate) fn new(slots: VecDeque<Slot<T>>) -> Self {
        Self { slots, len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        self.slots.front()?.value.as_ref()
    }

    #[inline]
    pub(crate) fn first_seq(&self) -> Option<Seq> {
        Some(self.slots.front()?.seq)
    }

    pub(crate) fn last_seq(&self) -> Option<Seq> {
        Some(self.slots.back()?.seq)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, seq: Seq) -> Option<&mut T> {
        let at = self.position(seq).ok()?;
        self.slots[at].value.as_mut()
    }

    /// Adds a value. Its number is a new one, mostly the highest.
    #[inline]
    pub(crate) fn insert(&mut self, seq: Seq, value: T) {
        self.len += 1;
        let value = Some(value);
        match self.slots.back() {
            Some(last) if last.seq > seq => match self.position(seq) {
                Ok(at) => self.slots[at].value = value,
                Err(at) => self.slots.insert(at, Slot { seq, value }),
            },
            _ => self.slots.push_back(Slot { seq, value }),
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let first = self.slots.pop_front()?.value;
        self.len -= 1;
        self.trim();
        first
    }

    pub(crate) fn remove(&mut self, seq: Seq) -> Option<T> {
        let at = self.position(seq).ok()?;
        let value = self.slots[at].value.take()?;
        self.len -= 1;
        self.trim();
        if self.slots.len() > 2 * self.len + 32 {
            self.slots.retain(|slot| slot.value.is_some());
        }
        Some(value)
    }

    /// Removes all values, in order.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Seq, T)> + use<T> {
        self.len = 0;
        let slots = std::mem::take(&mut self.slots);
        slots
            .into_iter()
            .filter_map(|slot| Some((slot.seq, slot.value?)))
    }

    #[inline]
    fn trim(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.value.is_none()) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(|slot| slot.value.is_none()) {
            self.slots.pop_back();
        }
    }

    #[inline]
    fn position(&self, seq: Seq) -> Result<usize, usize> {
        // Mostly it is the newest or the oldest.
        if self.slots.back().is_some_and(|last| last.seq == seq) {
            return Ok(self.slots.len() - 1);
        }
        if self.slots.front().is_some_and(|first| first.seq == seq) {
            return Ok(0);
        }
        self.search(seq)
    }

    #[inline(never)]
    fn search(&self, seq: Seq) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&seq, |slot| slot.seq)
    }
}
