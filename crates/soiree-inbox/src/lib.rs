//! The pull side of soiree: events that a program receives when it is ready for them, instead of in a listener.
//!
//! To use it, depend on the crate `soiree`, which re-exports it as `EventPool::inbox` and `EventPool::wait_for`.
//!
//! | to | see |
//! |---|---|
//! | receive every event of a pattern, from a bounded queue | [`Inbox`], [`InboxOptions`], [`WhenFull`] |
//! | wait for the next event that matches | [`WaitFor`] |

mod async_receive;
mod first_match;
mod inbox;
mod item;
mod listener;
mod options;
mod queue;
mod shared;
mod wait_for;
mod waiting;
mod wakers;

pub use crate::async_receive::{RecvFuture, RecvStream};
pub use crate::inbox::Inbox;
pub use crate::item::{Closed, Queued, Received, RecvTimeoutError, TryRecvError};
pub use crate::options::{InboxOptions, WhenFull};
pub use crate::wait_for::{WaitFor, WaitForError, WaitForFuture};
