//! Inboxes and waits, as their users see them.

mod accounting;
mod async_receive;
mod blocking;
mod closing;
mod receiving;
mod support;
mod visible;
mod wait_for;
