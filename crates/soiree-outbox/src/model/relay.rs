//! The relay itself, between emitters, the writer, a pool, and the end of its process.

use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use soiree_testkit::model::{Threads, explore};
use soiree_testkit::{MemoryStore, StoreFault, StoreMethod};

use super::ledger::{End, Ledger};
use super::process::Process;
use super::{Parts, one_of, record};

/// The first three are of one key, and the first of them fails at first.
const EVENTS: [u128; 5] = [1, 2, 3, 11, 12];
/// As many answers and calls as there are, so that something may happen after each of them.
const STEPS: usize = 17;

impl Parts {
    /// Emits events together, and enters the answer.
    fn emit_all(&self, ids: &[u128], ledger: &Ledger) {
        let records = ids.iter().map(|id| record(*id)).collect();
        let ticket = self.queue.append(records, true);
        let is_stored = ticket.is_ok_and(|ticket| ticket.wait().is_ok());
        ids.iter().for_each(|id| ledger.answered(*id, is_stored));
    }

    fn start_emitters(&self, emitters: &mut Threads, ledger: &Arc<Ledger>) {
        let batches: [&[&[u128]]; 2] = [&[&[1], &[2], &[3]], &[&[11, 12]]];
        for batches in batches {
            let (parts, ledger) = (self.clone(), Arc::clone(ledger));
            emitters.start(move || {
                for ids in batches {
                    parts.emit_all(ids, &ledger);
                }
            });
        }
    }
}

/// Waits for any moment, at the latest until nothing happens any more.
fn wait_for_a_moment(ledger: &Ledger) {
    let steps = thread_rng().gen_range(0..=STEPS);
    while ledger.steps() < steps && !ledger.is_settled() {
        thread::yield_now();
    }
}

/// D1, D3, D4, D5, D9, D13, D18: whenever a process is closed or killed, or its outbox dropped, what it has accepted is handled by then or
/// after the next start: in the order of its key, and again only if it was killed or given up before the store knew. What is marked as
/// ended was handled, and what ran at a kill is suspected, and nothing else.
#[test]
fn deliveries_race_the_end_of_their_process() {
    explore(|| {
        let medium = MemoryStore::new();
        let ledger = Ledger::of(&medium, &EVENTS);
        let first = Process::new(&medium, &ledger);
        let running = first.start(false);
        let mut others = Threads::default();
        first.parts.start_emitters(&mut others, &ledger);
        let how = one_of(&[End::Closed, End::Abandoned, End::Dropped, End::Killed]);
        let (times, seen) = (one_of(&[0, 1, 2]), Arc::clone(&ledger));
        others.start(move || {
            wait_for_a_moment(&seen);
            let (store, fault) = (&first.parts.store, StoreFault::full());
            store.fail_next(StoreMethod::Commit, times, fault);
            wait_for_a_moment(&seen);
            first.end(how);
        });
        others.join();
        running.end(how);
        ledger.ended(how);

        let next = Process::new(&medium, &ledger);
        let running = next.start(false);
        next.drain();
        assert!(ledger.is_settled());
        check_suspects(&next, &ledger, how == End::Killed);
        next.end(End::Closed);
        running.end(End::Closed);
        ledger.ended(End::Closed);
    });
}

/// D3, D4, D5, D9, D14: a listener that leaves its process, or whose process is killed, goes on in another one that waits for it. No event is
/// handled in both, unless the first one was killed before the store knew.
#[test]
fn another_process_waits_for_a_listener() {
    explore(|| {
        let medium = MemoryStore::new();
        let ledger = Ledger::of(&medium, &EVENTS);
        let (first, next) = (
            Process::new(&medium, &ledger),
            Process::new(&medium, &ledger),
        );
        let (running, next_running) = (first.start(true), next.start(true));
        let mut others = Threads::default();
        first.parts.start_emitters(&mut others, &ledger);
        let how = one_of(&[End::Closed, End::Killed]);
        let is_killed = how == End::Killed;
        let (leaving, seen) = (first.clone(), Arc::clone(&ledger));
        others.start(move || {
            wait_for_a_moment(&seen);
            match is_killed {
                true => leaving.end(how),
                false => leaving.remove_listener(),
            }
        });
        others.join();
        if !is_killed {
            first.wait_until_left();
        }
        next.drain();
        assert!(ledger.is_settled());
        check_suspects(&next, &ledger, is_killed);
        if !is_killed {
            first.end(how);
        }
        running.end(how);
        next.end(End::Closed);
        next_running.end(End::Closed);
        ledger.ended(End::Closed);
    });
}

/// Events that may have ended the process before are tried as such, and after an end without a crash there are none.
fn check_suspects(process: &Process, ledger: &Ledger, is_killed: bool) {
    let (tried, killed) = (process.tried_after_crashes(), ledger.killed());
    assert!(tried >= killed, "{tried} of {killed} are suspected");
    assert!(is_killed || tried == 0, "it has not crashed");
}
