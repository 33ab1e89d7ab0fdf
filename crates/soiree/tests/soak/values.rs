//! The values that a round gives to its event pool. Some act when they are dropped.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use soiree::WeakEventPool;

use crate::ledger::{EmitResult, Ledger, Record};

/// Random bits that depend on the seed and the place alone, however threads interleave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, place: u64) -> Self {
        let mixed = (seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(place);
        Self(fastrand::Rng::with_seed(mixed).u64(..))
    }

    /// Another one, for this place.
    pub(crate) fn at(self, place: u64) -> Self {
        Self::new(self.0, place)
    }

    pub(crate) fn below(self, limit: u64) -> u64 {
        (self.0 >> 16) % limit
    }
}

/// A value that may act when it is dropped.
pub(crate) struct Hostile {
    ledger: Arc<Ledger>,
    /// Which act. Most do nothing.
    act: u64,
}

impl Hostile {
    pub(crate) fn new(ledger: &Arc<Ledger>, dice: Dice) -> Self {
        ledger.made.fetch_add(1, SeqCst);
        Self {
            ledger: Arc::clone(ledger),
            act: dice.below(40),
        }
    }

    fn calm(ledger: &Arc<Ledger>) -> Self {
        let mut value = Self::new(ledger, Dice(0));
        value.act = u64::MAX;
        value
    }

    /// Keeps it in the closure that calls this.
    pub(crate) fn hold(&self) {}

    fn act(&self) {
        if thread::panicking() {
            return;
        }
        let soiree = || self.ledger.soiree.get().and_then(WeakEventPool::upgrade);
        match self.act {
            // Without an allocation, as the payload of a panic while a payload is dropped is leaked.
            0..=4 => resume_unwind(Box::new(())),
            5 => {
                if let Some(soiree) = soiree() {
                    let item = Item::calm(&self.ledger, "leaf", "emit in a drop");
                    let record = Arc::clone(&item.record);
                    let emitted = soiree.emit("leaf", item);
                    record.set_result(result_of(&emitted));
                }
            }
            6 => {
                if let Some(soiree) = soiree() {
                    soiree.set_error_buffer(2);
                }
            }
            7 => {
                if let Some(soiree) = soiree() {
                    if let Ok(id) = soiree.on("p.*", |_| ()) {
                        let _ = soiree.off("p.*", &id);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.ledger.dropped.fetch_add(1, SeqCst);
        self.act();
    }
}

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        self.act();
    }
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hostile({})", self.act)
    }
}

/// A payload.
pub(crate) struct Item {
    pub(crate) record: Arc<Record>,
    pub(crate) dice: Dice,
    pub(crate) key: u64,
    /// The place among the items of its key.
    pub(crate) sequence: u64,
    _value: Hostile,
}

impl Item {
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        record: Arc<Record>,
        dice: Dice,
        key: u64,
        sequence: u64,
    ) -> Self {
        Self {
            record,
            dice,
            key,
            sequence,
            _value: Hostile::new(ledger, dice.at(0)),
        }
    }

    /// One that does nothing when it is dropped, and that no listener fails for.
    pub(crate) fn calm(ledger: &Arc<Ledger>, topic: &str, how: &'static str) -> Self {
        let record = ledger.add(topic, how);
        Self {
            record,
            dice: Dice(0),
            key: 0,
            sequence: 0,
            _value: Hostile::calm(ledger),
        }
    }
}

pub(crate) fn result_of<T, E>(emitted: &Result<T, E>) -> EmitResult {
    match emitted {
        Ok(_) => EmitResult::Accepted,
        Err(_) => EmitResult::Rejected,
    }
}

/// The error of a listener.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) _value: Hostile,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as planned")
    }
}

impl std::error::Error for Failure {}

/// A waker that acts when it is called and when it is dropped.
pub(crate) fn hostile_waker(ledger: &Arc<Ledger>, dice: Dice) -> Waker {
    Arc::new(Hostile::new(ledger, dice)).into()
}

/// Calls and drops a value of the round, which may panic.
pub(crate) fn caught<T>(act: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(act)).ok()
}

/// Work that takes so long.
pub(crate) fn pause(duration: Duration) {
    thread::park_timeout(duration);
}
