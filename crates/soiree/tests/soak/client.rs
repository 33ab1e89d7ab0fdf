//! Emitters: threads outside, and listeners.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use soiree::{Emission, EmitError, EventPool, Report, WeakEventPool};

use crate::ledger::{EmitResult, Ledger, Record, lock};
use crate::values::{Dice, Item, caught, hostile_waker, pause, result_of};

const TOPICS: [&str; 9] = [
    "k.a", "k.b", "p.x", "p.y", "p.z", "l.a", "l.b", "i.x", "nobody",
];

pub(crate) struct Client {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) soiree: EventPool,
    pub(crate) rng: Rng,
    /// The number of its thread, which is the only one that emits for its keys.
    pub(crate) thread: usize,
    pub(crate) seed: u64,
    pub(crate) sequence: u64,
}

impl Client {
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        soiree: &EventPool,
        rng: Rng,
        thread: usize,
        seed: u64,
    ) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            soiree: soiree.clone(),
            rng,
            thread,
            seed,
            sequence: 0,
        }
    }

    /// Emits once, and does something with the emission. Returns whether the event pool is still open.
    pub(crate) fn step(&mut self) -> bool {
        let topic = TOPICS[self.rng.usize(..TOPICS.len())];
        self.sequence += 1;
        let key = self.thread as u64 * 4 + self.rng.u64(..4);
        let place = (self.thread as u64) << 32 | self.sequence;
        let dice = Dice::new(self.seed, place);
        let how = self.rng.u8(..16);
        let (how, record, emitted) = match how {
            0 | 1 => return self.emit_sync(topic, key, dice),
            2..=4 => ("emit_async", self.ledger.add(topic, "emit_async"), None),
            5 | 6 => ("try_emit", self.ledger.add(topic, "try_emit"), Some(true)),
            _ => ("emit", self.ledger.add(topic, "emit"), Some(false)),
        };
        self.ledger.set_activity(self.thread, how);
        let item = Item::new(&self.ledger, Arc::clone(&record), dice, key, self.sequence);
        let emitted = match emitted {
            None => self.emit_async(topic, item, &record, dice),
            Some(true) => caught(|| self.soiree.try_emit(topic, item)),
            Some(false) => caught(|| self.soiree.emit(topic, item)),
        };
        self.take(&record, emitted)
    }

    fn emit_sync(&mut self, topic: &str, key: u64, dice: Dice) -> bool {
        self.ledger.set_activity(self.thread, "emit_sync");
        let record = self.ledger.add(topic, "emit_sync");
        let item = Item::new(&self.ledger, Arc::clone(&record), dice, key, self.sequence);
        match caught(|| self.soiree.emit_sync(topic, item)) {
            Some(Ok(report)) => {
                record.set_result(EmitResult::Accepted);
                self.ledger.compare(&record, &report);
                caught(|| drop(report));
                true
            }
            Some(Err(error)) => self.reject(&record, error),
            None => {
                self.ledger.fail(format!("{record}: it panicked"));
                true
            }
        }
    }

    /// Polls the future a few times; then drops it, or waits for it.
    fn emit_async(
        &mut self,
        topic: &str,
        item: Item,
        record: &Arc<Record>,
        dice: Dice,
    ) -> Option<Result<Emission, EmitError>> {
        let waker = hostile_waker(&self.ledger, dice.at(7));
        let mut future = Box::pin(self.soiree.emit_async(topic, item));
        let mut emitted = None;
        for _ in 0..self.rng.u8(..3) {
            let polled = caught(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
            match polled {
                Some(Poll::Ready(ready)) => {
                    emitted = Some(ready);
                    break;
                }
                Some(Poll::Pending) => pause(Duration::from_micros(200)),
                None => {
                    self.ledger.fail(format!("{record}: its poll panicked"));
                    break;
                }
            }
        }
        if emitted.is_none() && self.rng.bool() {
            emitted = caught(|| pollster::block_on(future.as_mut()));
        }
        if emitted.is_none() {
            record.set_result(EmitResult::Cancelled);
        }
        caught(|| drop(future));
        caught(|| drop(waker));
        emitted
    }

    /// Does something with an emission, or with the payload that came back.
    fn take(&mut self, record: &Arc<Record>, emitted: Option<Result<Emission, EmitError>>) -> bool {
        let emission = match emitted {
            Some(Ok(emission)) => emission,
            Some(Err(error)) => return self.reject(record, error),
            None if record.how == "emit_async" => return true,
            None => {
                self.ledger.fail(format!("{record}: it panicked"));
                return true;
            }
        };
        record.set_result(EmitResult::Accepted);
        match self.rng.u8(..8) {
            0..=2 => drop(caught(|| drop(emission))),
            3 => {
                self.ledger.set_activity(self.thread, "wait");
                self.read(record, emission.wait());
                caught(|| drop(emission));
            }
            4 => {
                self.ledger.set_activity(self.thread, "wait_timeout");
                if let Some(report) = emission.wait_timeout(Duration::from_millis(1)) {
                    self.read(record, report);
                }
                lock(&self.ledger.kept).push((Arc::clone(record), emission));
            }
            5 | 6 => self.poll(record, emission),
            _ => lock(&self.ledger.kept).push((Arc::clone(record), emission)),
        }
        true
    }

    fn poll(&mut self, record: &Arc<Record>, emission: Emission) {
        self.ledger.set_activity(self.thread, "awaits an emission");
        let waker = hostile_waker(&self.ledger, Dice::new(self.seed, self.sequence));
        let mut future = Box::pin(emission.into_future());
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(report) => self.read(record, report),
            Poll::Pending if self.rng.bool() => {
                let report = pollster::block_on(future.as_mut());
                self.read(record, report);
            }
            Poll::Pending => {}
        }
        caught(|| drop(future));
        caught(|| drop(waker));
    }

    fn read(&self, record: &Record, report: Report) {
        self.ledger.compare(record, &report);
        caught(|| drop(report));
    }

    /// Checks that the payload came back.
    fn reject(&self, record: &Arc<Record>, error: EmitError) -> bool {
        record.set_result(EmitResult::Rejected);
        let is_open = !matches!(error, EmitError::Closed { .. });
        let payload = error.into_payload();
        let is_same = payload
            .downcast_ref::<Item>()
            .is_some_and(|item| Arc::ptr_eq(&item.record, record));
        if !is_same {
            self.ledger
                .fail(format!("{record}: another payload came back"));
        }
        caught(|| drop(payload));
        is_open
    }
}

/// What a listener emits, and how it waits. It waits only for `leaf`, whose listeners wait for nothing.
pub(crate) fn emit_inside(ledger: &Arc<Ledger>, dice: Dice) {
    let Some(soiree) = ledger.soiree.get().and_then(WeakEventPool::upgrade) else {
        return;
    };
    let act = dice.below(12);
    if act > 4 {
        return;
    }
    if act == 0 {
        let item = Item::calm(ledger, "leaf", "emit_sync in a listener");
        let record = Arc::clone(&item.record);
        let emitted = soiree.emit_sync("leaf", item);
        record.set_result(result_of(&emitted));
        if let Ok(report) = emitted {
            ledger.compare(&record, &report);
        }
        return;
    }
    let topic = if act < 3 { "leaf" } else { "k.nested" };
    let item = Item::calm(ledger, topic, "emit in a listener");
    let record = Arc::clone(&item.record);
    let emitted = match act {
        2 => soiree.try_emit(topic, item),
        _ => soiree.emit(topic, item),
    };
    record.set_result(result_of(&emitted));
    if let (1 | 2, Ok(emission)) = (act, &emitted) {
        ledger.compare(&record, &emission.wait());
    }
}

/// As [`emit_inside`], in a future.
pub(crate) async fn emit_inside_async(ledger: &Arc<Ledger>, dice: Dice) {
    let Some(soiree) = ledger.soiree.get().and_then(WeakEventPool::upgrade) else {
        return;
    };
    if dice.below(2) == 0 || ledger.is_closing.load(SeqCst) {
        return;
    }
    let item = Item::calm(ledger, "leaf", "emit_async in a listener");
    let record = Arc::clone(&item.record);
    let emitted = soiree.emit_async("leaf", item).await;
    record.set_result(result_of(&emitted));
    if let Ok(emission) = emitted {
        let report = emission.await;
        ledger.compare(&record, &report);
    }
}
