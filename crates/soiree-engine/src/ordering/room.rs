//! Waiting for room behind the events of a key, without a thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::queue::{KeyQueues, QueueEntry};

/// One that waits for room without a thread, until this is dropped.
pub(crate) struct RoomWaiter<E: QueueEntry + ?Sized> {
    queues: Arc<KeyQueues<E>>,
    number: u64,
}

impl<E: QueueEntry + ?Sized> RoomWaiter<E> {
    pub(crate) fn new(queues: &Arc<KeyQueues<E>>) -> Self {
        queues.blocked.fetch_add(1, Ordering::SeqCst);
        Self {
            number: queues.room_wakers.add(),
            queues: Arc::clone(queues),
        }
    }

    /// Wakes this task once, when there may be room. To be called before the caller looks for room.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        self.queues.room_wakers.set(self.number, waker);
    }
}

impl<E: QueueEntry + ?Sized> Drop for RoomWaiter<E> {
    fn drop(&mut self) {
        self.queues.blocked.fetch_sub(1, Ordering::SeqCst);
        self.queues.room_wakers.remove(self.number);
    }
}
