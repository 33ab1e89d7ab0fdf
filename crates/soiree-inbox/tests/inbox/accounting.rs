//! Received plus missed is what matched, whatever happens.

use std::thread;

use proptest::prelude::*;
use soiree::{EventPool, Inbox, InboxOptions, Received, WhenFull};

use crate::support::number;

#[derive(Debug, Clone, Copy)]
enum Step {
    Emit(u8),
    Receive(u8),
    /// Receives from the channel, and takes the items later.
    Hold(u8),
    TakeHeld,
    /// Drops the items that were received from the channel.
    DropHeld,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..12_u8).prop_map(Step::Emit),
        (1..8_u8).prop_map(Step::Receive),
        (1..4_u8).prop_map(Step::Hold),
        Just(Step::TakeHeld),
        Just(Step::DropHeld),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What a bounded sequence holds that nobody holds items of.
struct Oracle {
    items: Vec<i64>,
    capacity: usize,
    when_full: WhenFull,
}

impl Oracle {
    fn emit(&mut self, number: i64) {
        let events = self.items.iter().filter(|item| **item > 0).count();
        if events < self.capacity {
            return self.items.push(number);
        }
        match self.when_full {
            WhenFull::DropNewest => match self.items.last_mut() {
                Some(last) if *last < 0 => *last -= 1,
                _ => self.items.push(-1),
            },
            _ => {
                let oldest = self.items.iter().position(|item| *item > 0).unwrap();
                self.items[oldest] = -1;
                if oldest > 0 {
                    let before = self.items.remove(oldest - 1);
                    self.items[oldest - 1] += before;
                }
                self.items.push(number);
            }
        }
    }

    fn receive(&mut self) -> Option<i64> {
        (!self.items.is_empty()).then(|| self.items.remove(0))
    }
}

fn policy() -> impl Strategy<Value = WhenFull> {
    prop_oneof![Just(WhenFull::DropOldest), Just(WhenFull::DropNewest)]
}

proptest! {
    /// A4: the sequence is that of the oracle, item by item, as long as nobody holds items.
    #[test]
    fn an_inbox_yields_what_a_bounded_sequence_yields(
        capacity in 1..6_usize,
        when_full in policy(),
        steps in steps(),
    ) {
        let soiree = EventPool::new();
        let options = InboxOptions::new(capacity).when_full(when_full);
        let inbox = soiree.inbox("a", options).unwrap();
        let mut oracle = Oracle { items: Vec::new(), capacity, when_full };
        let mut last = 0;
        for step in steps {
            match step {
                Step::Emit(count) => for _ in 0..count {
                    last += 1;
                    soiree.emit_sync("a", last).unwrap();
                    oracle.emit(last);
                },
                Step::Receive(count) | Step::Hold(count) => for _ in 0..count {
                    prop_assert_eq!(inbox.try_recv().ok().map(number), oracle.receive());
                },
                Step::TakeHeld | Step::DropHeld => {}
            }
        }
        soiree.close().unwrap();
        while let Some(expected) = oracle.receive() {
            prop_assert_eq!(inbox.recv().map(number), Ok(expected));
        }
        prop_assert!(inbox.recv().is_err());
    }

    /// A4: readers that hold items for a while, or drop them, lose count of nothing.
    #[test]
    fn received_plus_missed_is_what_matched(
        capacity in 1..6_usize,
        when_full in policy(),
        steps in steps(),
    ) {
        let soiree = EventPool::new();
        let options = InboxOptions::new(capacity).when_full(when_full);
        let inbox = soiree.inbox("a", options).unwrap();
        let (mut matched, mut received, mut missed) = (0_i64, 0, 0);
        let mut held = Vec::new();
        let mut count = |item: Option<Received>| match item.map(number) {
            Some(number) if number > 0 => received += 1,
            Some(number) => missed -= number,
            None => panic!("an item was lost"),
        };
        for step in steps {
            match step {
                Step::Emit(count) => for _ in 0..count {
                    matched += 1;
                    soiree.emit_sync("a", matched).unwrap();
                },
                Step::Receive(times) => for _ in 0..times {
                    if let Ok(item) = inbox.try_recv() {
                        count(Some(item));
                    }
                },
                Step::Hold(times) => {
                    held.extend((0..times).filter_map(|_| inbox.receiver().try_recv().ok()));
                }
                Step::TakeHeld => held.drain(..).for_each(|queued| count(inbox.take(queued))),
                Step::DropHeld => held.clear(),
            }
        }
        soiree.close().unwrap();
        held.drain(..).for_each(|queued| count(inbox.take(queued)));
        while let Ok(item) = inbox.recv() {
            count(Some(item));
        }
        prop_assert_eq!(received + missed, matched);
        let info = inbox.info();
        prop_assert_eq!((info.received as i64, info.missed as i64), (received, missed));
    }
}

/// A4: with emitters and readers at the same time.
#[test]
fn nothing_is_lost_count_of_while_many_emit_and_receive() {
    for when_full in [WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Block] {
        let soiree = EventPool::new();
        let options = InboxOptions::new(3).when_full(when_full);
        let inbox = soiree.inbox("a", options).unwrap();
        let sum = |inbox: &Inbox| {
            let (mut received, mut missed) = (0, 0);
            while let Ok(item) = inbox.recv() {
                match item {
                    Received::Event(_) => received += 1,
                    Received::Missed(count) => missed += count,
                }
            }
            (received, missed)
        };
        let (received, missed) = thread::scope(|scope| {
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| sum(&inbox))).collect();
            let emitters: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..500 {
                            soiree.emit_sync("a", 1_i64).unwrap();
                        }
                    })
                })
                .collect();
            emitters.into_iter().for_each(|one| one.join().unwrap());
            soiree.close().unwrap();
            let sums = readers.into_iter().map(|reader| reader.join().unwrap());
            sums.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
        });
        assert_eq!(received + missed, 2_000, "{when_full:?}");
        assert!(when_full != WhenFull::Block || missed == 0);
    }
}
