//! What an inbox holds, in order: events, and how many it has missed in between.

use std::collections::VecDeque;

use soiree_core::panic::Contained;

use crate::options::WhenFull;

/// An event, or a number of events that were missed.
pub(crate) enum Item<E> {
    Event(Contained<E>),
    Missed(u64),
}

/// A bounded queue. Items are [popped](Queue::pop), until the inbox uses a channel. From then on each item has a *token* with its number
/// in the channel, until somebody receives it. Then the item is [taken](Queue::take) out here. In between, an event may be dropped, and the
/// item becomes a number of missed events.
///
/// Plain data: dropped events are returned, to be dropped without a lock.
pub(crate) struct Queue<E> {
    /// With their numbers, which grow.
    items: Items<E>,
    /// The number of the next item.
    next: u64,
    events: usize,
    capacity: usize,
    received: u64,
    missed: u64,
}

type Items<E> = VecDeque<(u64, Item<E>)>;

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
            next: 0,
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
            return Pushed::Queued(self.append_event(event));
        }
        match when_full {
            WhenFull::Block => Pushed::Full(event),
            WhenFull::DropNewest => {
                self.missed += 1;
                if let Some((_, Item::Missed(missed))) = self.items.back_mut() {
                    *missed += 1;
                    return Pushed::Missed(event, None);
                }
                let number = self.append(Item::Missed(1));
                Pushed::Missed(event, Some(number))
            }
            WhenFull::DropOldest => match self.drop_oldest(receive) {
                Some(dropped) => Pushed::Replaced(dropped, self.append_event(event)),
                // It holds no event: its capacity is 0.
                None => Pushed::Full(event),
            },
        }
    }

    fn append_event(&mut self, event: Contained<E>) -> u64 {
        self.events += 1;
        self.append(Item::Event(event))
    }

    fn append(&mut self, item: Item<E>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.items.push_back((number, item));
        number
    }

    /// Makes the oldest event a missed one.
    fn drop_oldest(&mut self, receive: impl FnOnce(u64) -> Option<u64>) -> Option<Dropped<E>> {
        let (first, _) = self.items.front()?;
        let first = *first;
        let is_event = |(_, item): &(u64, Item<E>)| matches!(item, Item::Event(_));
        let oldest = self.items.iter().position(is_event)?;
        let dropped = self.make_missed(oldest)?;
        let mut second = None;
        // Two items of missed events in a row become one, if one of their tokens is still in the channel.
        if let Some(before) = oldest.checked_sub(1) {
            if let Some(joined) = receive(first).and_then(|token| self.index(token)) {
                if joined > oldest {
                    // Readers have received the tokens of both, and not taken the items yet. So the event behind them is missed, too.
                    second = self.make_missed(joined);
                }
                let into = if joined == oldest { before } else { oldest };
                self.join(joined, into);
            }
        }
        Some((dropped, second))
    }

    fn make_missed(&mut self, index: usize) -> Option<Contained<E>> {
        let (_, item) = self.items.get_mut(index)?;
        match std::mem::replace(item, Item::Missed(1)) {
            Item::Event(event) => {
                self.events -= 1;
                self.missed += 1;
                Some(event)
            }
            former => {
                *item = former;
                None
            }
        }
    }

    /// Adds the missed events at `joined`, whose token is gone, to those at `into`.
    fn join(&mut self, joined: usize, into: usize) {
        let more = match self.items.get(joined) {
            Some((_, Item::Missed(more))) => *more,
            _ => return,
        };
        if let Some((_, Item::Missed(missed))) = self.items.get_mut(into) {
            *missed += more;
            self.items.remove(joined);
        }
    }

    fn index(&self, number: u64) -> Option<usize> {
        let (first, _) = self.items.front()?;
        match *first == number {
            true => Some(0),
            false => self.items.binary_search_by_key(&number, |item| item.0).ok(),
        }
    }

    /// The numbers of its items, in order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.items.iter().map(|(number, _)| *number)
    }

    /// Takes the first item.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Item<E>> {
        let (_, item) = self.items.pop_front()?;
        self.count_received(&item);
        Some(item)
    }

    /// Whether it holds the item of a token.
    pub(crate) fn has(&self, token: u64) -> bool {
        self.index(token).is_some()
    }

    /// Takes the item of a token that was received.
    pub(crate) fn take(&mut self, token: u64) -> Option<Item<E>> {
        let (_, item) = self.items.remove(self.index(token)?)?;
        self.count_received(&item);
        Some(item)
    }

    #[inline]
    fn count_received(&mut self, item: &Item<E>) {
        if let Item::Event(_) = item {
            self.events -= 1;
            self.received += 1;
        }
    }

    /// Removes everything, to be dropped without a lock.
    pub(crate) fn clear(&mut self) -> Items<E> {
        self.events = 0;
        std::mem::take(&mut self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A4: an item that a reader has received and does not take makes the queue no longer, however many events come.
    #[test]
    fn the_length_is_bounded_while_readers_hold_items() {
        const CAPACITY: usize = 3;
        for held in 1..=CAPACITY {
            let mut queue = Queue::new(CAPACITY);
            let mut channel = VecDeque::new();
            for event in 0..10_000_u64 {
                let receive = |_| channel.pop_front();
                match queue.push(Contained::new(event), WhenFull::DropOldest, receive) {
                    Pushed::Queued(number) | Pushed::Replaced(_, number) => {
                        channel.push_back(number);
                    }
                    Pushed::Missed(..) | Pushed::Full(_) => panic!("the oldest is dropped"),
                }
                if event + 1 == CAPACITY as u64 {
                    channel.drain(..held);
                }
                assert!(queue.item_count() <= CAPACITY + held, "{event}");
            }
            let mut all = 0;
            for number in queue.numbers().collect::<Vec<_>>() {
                match queue.take(number) {
                    Some(Item::Event(_)) => all += 1,
                    Some(Item::Missed(missed)) => all += missed,
                    None => panic!("it was listed"),
                }
            }
            assert_eq!((all, queue.item_count()), (10_000, 0));
        }
    }
}
