//! A bounded queue of events that the program receives when it is ready.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use soiree_core::{BoxError, Event, InboxInfo, MAX_CAPACITY, SubscribeError};
use soiree_engine::{Soiree, Unsubscriber, copy_event};

use crate::item::{Closed, Queued, Received, RecvTimeoutError, TryRecvError};
use crate::listener::InboxListener;
use crate::options::InboxOptions;
use crate::shared::{Next, Shared};

/// A bounded queue of the events of a pattern. Made by `EventPool::inbox`, or by [`Inbox::subscribe`] for any [`Soiree`].
///
/// - It holds at most its capacity. What happens to further events is the choice of [`WhenFull`](crate::WhenFull). Those that it
///   misses are an item in the sequence, [`Received::Missed`], at their place: so received plus missed is what matched.
/// - Dropping it unsubscribes it, and drops what it holds. The emissions that wait for room in it go on.
/// - It does not keep its `EventPool` alive. When that is closed, the inbox ends after what it holds.
/// - Several threads and tasks may receive from it. Each item goes to one of them.
/// - It holds copies: a handle to the payload, the ID, the topic, and the properties. An abort after that does not take them back.
///
/// ```
/// use soiree::EventPool;
/// use soiree_inbox::{Inbox, InboxOptions, Received};
///
/// let soiree = EventPool::new();
/// let inbox = Inbox::subscribe(&soiree, "order.**", InboxOptions::new(2))?;
/// for number in 1..=3_u64 {
///     soiree.emit_sync("order.paid", number)?;
/// }
/// assert!(matches!(inbox.recv(), Ok(Received::Missed(1))));
/// let Ok(Received::Event(event)) = inbox.recv() else { panic!("there is one") };
/// assert_eq!(*event.payload_as::<u64>().unwrap(), 2);
/// soiree.close()?;
/// assert!(matches!(inbox.recv(), Ok(Received::Event(_))));
/// assert!(inbox.recv().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the inbox is unsubscribed when this is dropped"]
pub struct Inbox<E = Arc<dyn Event>> {
    pub(crate) shared: Arc<Shared<E>>,
    /// `None` once it was called.
    unsubscribe: Option<Unsubscriber>,
}

impl Inbox {
    /// Makes an inbox of the events that match the pattern.
    ///
    /// # Errors
    /// If the pattern is malformed, the capacity is 0 or above [`MAX_CAPACITY`], the listener's options are invalid, or the `EventPool`
    /// is closed.
    #[track_caller]
    pub fn subscribe(
        soiree: &dyn Soiree,
        pattern: &str,
        options: InboxOptions,
    ) -> Result<Self, SubscribeError> {
        Self::subscribe_with(soiree, pattern, options, |event| Ok(copy_event(event)))
    }
}

impl<E: Send + 'static> Inbox<E> {
    /// Makes an inbox that holds what `convert` makes of each event. If it returns an error, the listener fails with it, and the inbox
    /// neither holds nor misses the event.
    ///
    /// # Errors
    /// As [`Inbox::subscribe`].
    #[track_caller]
    pub fn subscribe_with(
        soiree: &dyn Soiree,
        pattern: &str,
        options: InboxOptions,
        convert: impl Fn(&dyn Event) -> Result<E, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, SubscribeError> {
        let (capacity, when_full) = (options.capacity, options.when_full);
        if !(1..=MAX_CAPACITY).contains(&capacity) {
            return Err(SubscribeError::InvalidInboxCapacity { capacity });
        }
        let shared = Shared::new(capacity, when_full);
        let listener = InboxListener {
            shared: Arc::clone(&shared),
            convert: Box::new(convert),
        };
        let place = std::panic::Location::caller();
        let options = options.into_listener().registered_at(place);
        let id = soiree.subscribe(pattern, options, Arc::new(listener))?;
        Ok(Self {
            shared,
            unsubscribe: Some(soiree.unsubscriber(pattern, &id)),
        })
    }
}

impl<E> Inbox<E> {
    /// Receives the next item. Blocks until there is one.
    ///
    /// # Errors
    /// If the inbox has ended.
    pub fn recv(&self) -> Result<Received<E>, Closed> {
        loop {
            match self.shared.wait_next(None) {
                Next::Item(received) => return Ok(received),
                Next::Ended => return Err(Closed),
                Next::Empty => {}
                Next::InChannel => {
                    let queued = self.receiver().recv().map_err(|_| Closed)?;
                    if let Some(received) = self.take(queued) {
                        return Ok(received);
                    }
                }
            }
        }
    }

    /// Receives the next item, if there is one now.
    ///
    /// # Errors
    /// If there is none, or the inbox has ended.
    pub fn try_recv(&self) -> Result<Received<E>, TryRecvError> {
        match self.shared.next() {
            Next::Item(received) => return Ok(received),
            Next::Ended => return Err(TryRecvError::Closed),
            Next::Empty => return Err(TryRecvError::Empty),
            Next::InChannel => {}
        }
        loop {
            let queued = self.receiver().try_recv().map_err(|error| match error {
                crossbeam_channel::TryRecvError::Empty => TryRecvError::Empty,
                crossbeam_channel::TryRecvError::Disconnected => TryRecvError::Closed,
            })?;
            if let Some(received) = self.take(queued) {
                return Ok(received);
            }
        }
    }

    /// Receives the next item. Blocks until there is one, and no longer than `timeout`.
    ///
    /// # Errors
    /// If none comes in time, or the inbox has ended.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received<E>, RecvTimeoutError> {
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            return self.recv().map_err(|Closed| RecvTimeoutError::Closed);
        };
        match self.shared.wait_next(Some(deadline)) {
            Next::Item(received) => return Ok(received),
            Next::Ended => return Err(RecvTimeoutError::Closed),
            Next::Empty => return Err(RecvTimeoutError::TimedOut),
            Next::InChannel => {}
        }
        loop {
            let received = self.receiver().recv_deadline(deadline);
            let queued = received.map_err(|error| match error {
                crossbeam_channel::RecvTimeoutError::Timeout => RecvTimeoutError::TimedOut,
                crossbeam_channel::RecvTimeoutError::Disconnected => RecvTimeoutError::Closed,
            })?;
            if let Some(received) = self.take(queued) {
                return Ok(received);
            }
        }
    }

    /// The channel of the inbox, for `select!`. Pass what it yields to [`take`](Inbox::take). What is dropped instead is in the channel
    /// again. The channel ends when the inbox has ended and everything was taken.
    ///
    /// The first call makes the inbox use the channel, for all that receive from it: that costs each item a little more.
    ///
    /// ```
    /// use crossbeam_channel::{after, select};
    /// use soiree::EventPool;
    /// use soiree_inbox::{Inbox, InboxOptions, Received};
    /// use std::time::{Duration, Instant};
    ///
    /// let soiree = EventPool::new();
    /// let inbox = Inbox::subscribe(&soiree, "order.*", InboxOptions::new(8))?;
    /// soiree.emit("order.paid", 17_u64)?;
    /// select! {
    ///     recv(inbox.receiver()) -> queued => match inbox.take(queued?) {
    ///         Some(Received::Event(event)) => println!("{}", event.topic()),
    ///         Some(Received::Missed(missed)) => println!("missed {missed}"),
    ///         None => {}
    ///     },
    ///     recv(after(Duration::from_secs(60))) -> _ => println!("nothing for a minute"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receiver(&self) -> &Receiver<Queued> {
        self.shared.channel()
    }

    /// What an item of the [channel](Inbox::receiver) stands for. `None` only if it came from another inbox, which has it again.
    pub fn take(&self, queued: Queued) -> Option<Received<E>> {
        self.shared.take(queued)
    }

    /// How many events the inbox holds.
    pub fn len(&self) -> usize {
        self.info().waiting
    }

    /// Whether the inbox holds no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The figures of the inbox.
    pub fn info(&self) -> InboxInfo {
        self.shared.info()
    }
}

impl<E> Drop for Inbox<E> {
    fn drop(&mut self) {
        // First, so that an emission that waits for room goes on.
        self.shared.drop_inbox();
        if let Some(unsubscribe) = self.unsubscribe.take() {
            unsubscribe();
        }
    }
}

impl<E> fmt::Debug for Inbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("info", &self.info()).finish()
    }
}
