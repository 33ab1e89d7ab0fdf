//! Whose turn it is to write.
//!
//! SQLite lets one connection write at a time, and those that wait look again and again, in no order: with many effects, the writer
//! would find its chance too late. So the connections of a store take turns before they ask SQLite.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(crate) struct Turns {
    line: Mutex<Line>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    is_taken: bool,
    /// Whether the store's own writer waits. It goes before the effects, but not twice in a row.
    writer_waits: bool,
    writer_was_last: bool,
    /// The number of the effect that comes next, and of the one after the last.
    next: u64,
    end: u64,
}

/// The right to write. It ends when this is dropped.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// The store's own writer, which holds a lock of its own: one at a time asks. `None` after the timeout: an effect that emits waits
    /// for the writer, and must not do so for ever.
    pub(crate) fn for_writer(&self, timeout: Duration) -> Option<Turn<'_>> {
        let start = Instant::now();
        let mut line = self.line();
        line.writer_waits = true;
        let must_wait =
            |line: &Line| line.is_taken || (line.writer_was_last && line.next < line.end);
        while must_wait(&line) && start.elapsed() < timeout {
            let remaining = timeout.saturating_sub(start.elapsed());
            let waited = self.moved.wait_timeout(line, remaining);
            (line, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        line.writer_waits = false;
        if must_wait(&line) {
            drop(line);
            self.moved.notify_all();
            return None;
        }
        line.writer_was_last = true;
        line.is_taken = true;
        Some(Turn(self))
    }

    /// An effect. Effects go in the order in which they ask.
    pub(crate) fn for_effect(&self) -> Turn<'_> {
        let mut line = self.line();
        let own = line.end;
        line.end += 1;
        while line.is_taken || line.next != own || (line.writer_waits && !line.writer_was_last) {
            line = self
                .moved
                .wait(line)
                .unwrap_or_else(PoisonError::into_inner);
        }
        line.next += 1;
        line.writer_was_last = false;
        line.is_taken = true;
        Turn(self)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.line().is_taken = false;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// Waits until so many effects, and perhaps the writer, have asked.
    fn until(turns: &Turns, effects: u64, writer: bool) {
        while turns.line().end < effects || turns.line().writer_waits != writer {
            thread::yield_now();
        }
    }

    /// D12: the writer waits for one effect at most, and effects for the writer once each.
    #[test]
    fn the_writer_and_the_effects_take_turns() {
        let turns = Arc::new(Turns::default());
        let (sender, order) = channel();
        let first = turns.for_effect();
        let mut threads = Vec::new();
        for effect in 1..=3_u64 {
            let (turns, sender) = (Arc::clone(&turns), sender.clone());
            let wanted = Arc::clone(&turns);
            threads.push(thread::spawn(move || {
                let _turn = turns.for_effect();
                sender.send(effect).unwrap();
            }));
            until(&wanted, effect + 1, false);
        }
        let writer = Arc::clone(&turns);
        threads.push(thread::spawn(move || {
            for _ in 0..2 {
                let turn = writer.for_writer(Duration::from_secs(60));
                sender.send(0).unwrap();
                drop(turn.expect("its turn comes"));
            }
        }));
        until(&turns, 4, true);
        drop(first);
        for thread in threads {
            thread.join().unwrap();
        }
        let order: Vec<u64> = order.iter().collect();
        assert_eq!(order[..2], [0, 1], "{order:?}");
        let effects: Vec<u64> = order.iter().copied().filter(|turn| *turn > 0).collect();
        assert_eq!(effects, [1, 2, 3]);
        assert_eq!(order.len(), 5);
    }

    /// D12: an effect that does not end does not hold the writer for ever, and goes before it no more than once.
    #[test]
    fn the_writer_waits_no_longer_than_it_may() {
        let turns = Turns::default();
        let effect = turns.for_effect();
        assert!(turns.for_writer(Duration::from_millis(1)).is_none());
        drop(effect);
        assert!(turns.for_writer(Duration::ZERO).is_some());
        drop(turns.for_effect());
    }
}
