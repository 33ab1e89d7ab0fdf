//! Inboxes and threads that read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use fastrand::Rng;
use soiree::{EventPool, Inbox, InboxOptions, Received, WhenFull};

use crate::ledger::Ledger;
use crate::values::{caught, pause};

/// An inbox, and what it should yield in the end.
pub(crate) struct Reader {
    inbox: Inbox,
    matched: Arc<AtomicU64>,
    when_full: WhenFull,
}

/// The inboxes of a round, of every policy.
pub(crate) fn inboxes(soiree: &EventPool) -> Vec<Reader> {
    let policies = [WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Block];
    let inbox = |when_full| {
        let matched = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&matched);
        let options = soiree::ListenerOptions::new().filter(move |_| {
            counter.fetch_add(1, SeqCst);
            true
        });
        let options = InboxOptions::new(3).when_full(when_full).listener(options);
        let inbox = soiree
            .inbox("i.**", options)
            .expect("the event pool is open");
        Reader {
            inbox,
            matched,
            when_full,
        }
    };
    policies.map(inbox).into()
}

impl Reader {
    /// Receives until the event pool is closed. What is received and what is missed has to be what matched, unless the inbox may end
    /// before the last emission.
    pub(crate) fn run(self, ledger: &Ledger, mut rng: Rng, is_exact: bool) {
        let (mut received, mut missed) = (0, 0);
        let until = rng.u64(..400);
        while let Ok(item) = self.inbox.recv() {
            ledger.step();
            match item {
                Received::Event(event) => {
                    received += 1;
                    caught(|| drop(event));
                }
                Received::Missed(more) => missed += more,
            }
            if rng.u8(..8) == 0 {
                pause(Duration::from_micros(rng.u64(..500)));
            }
            if received == until {
                // Dropped with what it holds.
                caught(|| drop(self.inbox));
                return;
            }
        }
        let matched = self.matched.load(SeqCst);
        let is_right = match is_exact {
            true => received + missed == matched,
            false => received + missed <= matched,
        };
        if !is_right || (self.when_full == WhenFull::Block && missed != 0) {
            ledger.fail(format!(
                "inbox {:?}: {received} received, {missed} missed, {matched} matched",
                self.when_full
            ));
        }
    }
}

/// Waits for single events until the event pool is closed.
pub(crate) fn wait_for_events(
    ledger: &Ledger,
    soiree: &soiree::WeakEventPool,
    thread: usize,
    mut rng: Rng,
) {
    while !ledger.is_closing.load(SeqCst) {
        let Some(soiree) = soiree.upgrade() else {
            return;
        };
        ledger.set_activity(thread, "wait_for");
        let limit = Duration::from_micros(rng.u64(..3_000));
        let wait = soiree.wait_for("p.*").timeout(limit);
        drop(soiree);
        let waited = if rng.bool() {
            wait.wait()
        } else {
            pollster::block_on(wait.into_future())
        };
        caught(|| drop(waited));
    }
}
