//! What an inbox holds, in order: events, and how many it has missed in between.

use std::collections::VecDeque;

use soiree_core::panic::Contained;

use crate::options::WhenFull;

/// An event, or a number of events that were missed.
pub(crate) enum Item<E> {
    Event(Contained<E>),
    Missed(u64),
}

/// A bounded queue. Items are [popped](Queue::pop), until the inbox uses a channel. From then on each item has a number, and a *token*
/// with this number is in the channel until somebody receives it. Then the item is [taken](Queue::take) out here. In between, an event may
/// be dropped, and the item becomes a number of missed events.
///
/// Plain data: dropped events are returned, to be dropped without a lock.
pub(crate) struct Queue<E> {
    /// `None` where an item was taken before those in front of it, or was joined with another one.
    items: VecDeque<Option<Item<E>>>,
    /// The number of the first item.
    first: u64,
    events: usize,
    capacity: usize,
    received: u64,
    missed: u64,
}

/// What became of an event.
pub(crate) enum Pushed<E> {
    /// It is in the queue, with this number.
    Queued(u64),
    /// It was missed. If there is a number, it is that of a new item.
    Missed(Contained<E>, Option<u64>),
    /// It is in the queue with this number, and the dropped events were missed for it.
    Replaced(Dropped<E>, u64),
    /// It has to wait for room.
    Full(Contained<E>),
}

/// Events that were dropped for another one: one, or seldom two.
pub(crate) type Dropped<E> = (Contained<E>, Option<Contained<E>>);

impl<E> Queue<E> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            items: VecDeque::new(),
            first: 0,
            events: 0,
            capacity,
            received: 0,
            missed: 0,
        }
    }

    /// How many events it holds.
    pub(crate) fn len(&self) -> usize {
        self.events
    }

    /// How many items it holds: events, and numbers of missed ones.
    #[inline]
    pub(crate) fn item_count(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    /// Adds an event. `receive` takes the first token out of the channel, if there is one. Without a channel, it returns what it gets: the
    /// number of the first item.
    #[inline]
    pub(crate) fn push(
        &mut self,
        event: Contained<E>,
        when_full: WhenFull,
        receive: impl FnOnce(u64) -> Option<u64>,
    ) -> Pushed<E> {
        if self.events < self.capacity {
            return Pushed::Queued(self.append(event));
        }
        match when_full {
            WhenFull::Block => Pushed::Full(event),
            WhenFull::DropNewest => {
                self.missed += 1;
                if let Some(Some(Item::Missed(missed))) = self.items.back_mut() {
                    *missed += 1;
                    return Pushed::Missed(event, None);
                }
                self.items.push_back(Some(Item::Missed(1)));
                Pushed::Missed(event, Some(self.last()))
            }
            WhenFull::DropOldest => match self.drop_oldest(receive) {
                Some(dropped) => Pushed::Replaced(dropped, self.append(event)),
                // It holds no event: its capacity is 0.
                None => Pushed::Full(event),
            },
        }
    }

    fn append(&mut self, event: Contained<E>) -> u64 {
        self.items.push_back(Some(Item::Event(event)));
        self.events += 1;
        self.last()
    }

    fn last(&self) -> u64 {
        self.first + self.items.len() as u64 - 1
    }

    /// Makes the oldest event a missed one.
    fn drop_oldest(&mut self, receive: impl FnOnce(u64) -> Option<u64>) -> Option<Dropped<E>> {
        let (mut before, mut oldest) = (None, None);
        for (index, item) in self.items.iter().enumerate() {
            match item {
                Some(Item::Missed(_)) => before = Some(index),
                Some(Item::Event(_)) => {
                    oldest = Some(index);
                    break;
                }
                None => {}
            }
        }
        let oldest = oldest?;
        let dropped = self.make_missed(oldest)?;
        let mut second = None;
        // Two items of missed events in a row become one, if one of their tokens is still in the channel.
        if let (Some(before), Some(token)) = (before, before.and_then(|_| receive(self.first))) {
            let joined = (token - self.first) as usize;
            if joined > oldest {
                // Readers have received the tokens of both, and not taken the items yet. So the event behind them is missed, too.
                second = self.make_missed(joined);
            }
            let into = if joined == oldest { before } else { oldest };
            self.join(joined, into);
        }
        Some((dropped, second))
    }

    fn make_missed(&mut self, index: usize) -> Option<Contained<E>> {
        let item = self.items.get_mut(index)?;
        let Some(Item::Event(_)) = item else {
            return None;
        };
        let dropped = item.replace(Item::Missed(1));
        self.events -= 1;
        self.missed += 1;
        match dropped {
            Some(Item::Event(event)) => Some(event),
            _ => None,
        }
    }

    /// Adds the missed events at `joined`, whose token is gone, to those at `into`.
    fn join(&mut self, joined: usize, into: usize) {
        let joined = self.items.get_mut(joined).and_then(Option::take);
        if let (Some(Item::Missed(more)), Some(Some(Item::Missed(missed)))) =
            (joined, self.items.get_mut(into))
        {
            *missed += more;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while let Some(None) = self.items.front() {
            self.items.pop_front();
            self.first += 1;
        }
    }

    /// The numbers of its items, in order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        let items = self.items.iter().zip(self.first..);
        items.filter_map(|(item, number)| item.is_some().then_some(number))
    }

    /// Takes the first item. As long as there is no channel, none was taken before those in front of it.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Item<E>> {
        let item = self.items.pop_front()?;
        self.first += 1;
        if let Some(Item::Event(_)) = item {
            self.events -= 1;
            self.received += 1;
        }
        item
    }

    /// Takes the item of a token that was received.
    pub(crate) fn take(&mut self, token: u64) -> Option<Item<E>> {
        let index = usize::try_from(token.checked_sub(self.first)?).ok()?;
        let item = self.items.get_mut(index)?.take()?;
        if let Item::Event(_) = item {
            self.events -= 1;
            self.received += 1;
        }
        self.trim();
        Some(item)
    }

    /// Removes everything, to be dropped without a lock.
    pub(crate) fn clear(&mut self) -> VecDeque<Option<Item<E>>> {
        self.events = 0;
        std::mem::take(&mut self.items)
    }
}
