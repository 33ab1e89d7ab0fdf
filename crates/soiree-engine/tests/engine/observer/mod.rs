//! Observers: what they are notified of, and that they harm nothing.

mod counts;
pub(crate) mod events;
mod user_code;
