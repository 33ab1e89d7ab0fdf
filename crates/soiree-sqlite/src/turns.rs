//! Whose turn it is to write.
//!
//! SQLite lets one connection write at a time, and those that wait look again and again, in no order: with many effects, the writer
//! would find its chance too late. So the connections of a store take turns before they ask SQLite.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
    /// The store's own writer, which holds a lock of its own: one at a time asks.
    pub(crate) fn for_writer(&self) -> Turn<'_> {
        let mut line = self.line();
        line.writer_waits = true;
        while line.is_taken || (line.writer_was_last && line.next < line.end) {
            line = self.wait(line);
        }
        line.writer_waits = false;
        line.writer_was_last = true;
        line.is_taken = true;
        Turn(self)
    }

    /// An effect. Effects go in the order in which they ask.
    pub(crate) fn for_effect(&self) -> Turn<'_> {
        let mut line = self.line();
        let own = line.end;
        line.end += 1;
        while line.is_taken || line.next != own || (line.writer_waits && !line.writer_was_last) {
            line = self.wait(line);
        }
        line.next += 1;
        line.writer_was_last = false;
        line.is_taken = true;
        Turn(self)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, line: MutexGuard<'a, Line>) -> MutexGuard<'a, Line> {
        let waited = self.moved.wait(line);
        waited.unwrap_or_else(PoisonError::into_inner)
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
                let _turn = writer.for_writer();
                sender.send(0).unwrap();
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
}
