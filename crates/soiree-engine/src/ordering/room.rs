//! Waiting for room behind the events of a key.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use soiree_core::panic::Contained;
use soiree_core::sync::thread;

use super::key_queue::HashedKey;
use super::line::Wake;
use super::queue::{KeyQueues, Position, QueueEntry, QueueFull};

impl<E: QueueEntry + ?Sized> KeyQueues<E> {
    /// Blocks until the entry is in the queue of its key, or until the deadline if there is one. With it comes how long that is.
    pub(super) fn wait_for_room(
        &self,
        key: &HashedKey,
        entry: &Arc<E>,
        capacity: usize,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Position, QueueFull> {
        let place = self.join_line(key);
        loop {
            self.line()
                .set_wake(place.number, Wake::Thread(thread::current()));
            if let Some(position) =
                self.try_enter(key, || Arc::clone(entry), capacity, Some(place.number))
            {
                return Ok(position);
            }
            let Some((deadline, longest)) = deadline else {
                thread::park();
                continue;
            };
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                let waited = Some(longest);
                return Err(QueueFull { waited });
            };
            thread::park_timeout(rest);
        }
    }

    fn join_line(&self, key: &HashedKey) -> PlaceInLine<'_, E> {
        PlaceInLine {
            queues: self,
            number: self.line().join(key),
        }
    }

    fn leave_line(&self, number: u64) {
        let key = self.line().leave(number);
        // The next one moves up. If the key is idle, the one that has left would have been its head.
        let idle = key.as_ref().filter(|key| self.is_idle(key));
        self.wake_line(idle.map(|key| &key.key));
    }
}

/// A thread's place in the line, until this is dropped.
struct PlaceInLine<'a, E: QueueEntry + ?Sized> {
    queues: &'a KeyQueues<E>,
    number: u64,
}

impl<E: QueueEntry + ?Sized> Drop for PlaceInLine<'_, E> {
    fn drop(&mut self) {
        self.queues.leave_line(self.number);
    }
}

/// One that waits for room without a thread, until this is dropped.
pub(crate) struct RoomWaiter<E: QueueEntry + ?Sized> {
    queues: Arc<KeyQueues<E>>,
    number: u64,
}

impl<E: QueueEntry + ?Sized> RoomWaiter<E> {
    pub(crate) fn new(queues: &Arc<KeyQueues<E>>, key: &HashedKey) -> Self {
        Self {
            number: queues.line().join(key),
            queues: Arc::clone(queues),
        }
    }

    /// Its place in the line, for [`KeyQueues::try_enter`].
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Wakes this task once, when there may be room. To be called before the caller looks for room.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let wake = Wake::Task(Contained::new(waker.clone()));
        self.queues.line().set_wake(self.number, wake);
    }
}

impl<E: QueueEntry + ?Sized> Drop for RoomWaiter<E> {
    fn drop(&mut self) {
        self.queues.leave_line(self.number);
    }
}
