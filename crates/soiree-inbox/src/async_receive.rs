//! Receiving from an inbox in async code.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use soiree_core::panic::Contained;

use crate::inbox::Inbox;
use crate::item::{Closed, Received, TryRecvError};

/// Receives the next item of an inbox. Returned by [`Inbox::recv_async`].
#[must_use = "futures do nothing unless polled"]
pub struct RecvFuture<'a, E>(Receiving<&'a Inbox<E>, E>);

/// The items of an inbox, until it ends. Returned by [`Inbox::into_stream`] and [`Inbox::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct RecvStream<I: AsRef<Inbox<E>>, E>(Receiving<I, E>);

/// A task that receives.
struct Receiving<I: AsRef<Inbox<E>>, E> {
    inbox: I,
    /// What its waker is registered under. `None` before the first poll.
    number: Option<u64>,
    of: std::marker::PhantomData<fn() -> E>,
}

impl<E> AsRef<Inbox<E>> for Inbox<E> {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl<I: AsRef<Inbox<E>>, E> Receiving<I, E> {
    fn new(inbox: I) -> Self {
        Self {
            inbox,
            number: None,
            of: std::marker::PhantomData,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Received<E>, Closed>> {
        let inbox = self.inbox.as_ref();
        let attempt = || match inbox.try_recv() {
            Ok(received) => Poll::Ready(Ok(received)),
            Err(TryRecvError::Closed) => Poll::Ready(Err(Closed)),
            Err(TryRecvError::Empty) => Poll::Pending,
        };
        if let Poll::Ready(ready) = attempt() {
            return Poll::Ready(ready);
        }
        let waker = Contained::new(context.waker().clone());
        let mut state = inbox.shared.lock();
        let number = *self
            .number
            .get_or_insert_with(|| state.wakers.next_number());
        let former = state.wakers.set(number, waker);
        drop(state);
        drop(former);
        // Something may have come before the waker was set.
        attempt()
    }

    fn forget(&mut self) {
        if let Some(number) = self.number.take() {
            let former = self.inbox.as_ref().shared.lock().wakers.remove(number);
            drop(former);
        }
    }
}

impl<I: AsRef<Inbox<E>>, E> Drop for Receiving<I, E> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl<E> Inbox<E> {
    /// Receives the next item, and holds no thread meanwhile. Any executor can poll it. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the inbox has ended.
    pub fn recv_async(&self) -> RecvFuture<'_, E> {
        RecvFuture(Receiving::new(self))
    }

    /// The items as a [`Stream`], until the inbox ends.
    pub fn stream(&self) -> RecvStream<&Self, E> {
        RecvStream(Receiving::new(self))
    }

    /// As [`stream`](Inbox::stream), for a stream that owns the inbox.
    pub fn into_stream(self) -> RecvStream<Self, E> {
        RecvStream(Receiving::new(self))
    }
}

impl<E> Future for RecvFuture<'_, E> {
    type Output = Result<Received<E>, Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ready = ready!(self.0.poll(context));
        self.0.forget();
        Poll::Ready(ready)
    }
}

impl<I: AsRef<Inbox<E>> + Unpin, E> Stream for RecvStream<I, E> {
    type Item = Received<E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Received<E>>> {
        self.0.poll(context).map(Result::ok)
    }
}

impl<E> fmt::Debug for RecvFuture<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvFuture").field(&self.0.inbox).finish()
    }
}

impl<I: AsRef<Inbox<E>>, E> fmt::Debug for RecvStream<I, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inbox = self.0.inbox.as_ref();
        f.debug_tuple("RecvStream").field(inbox).finish()
    }
}
