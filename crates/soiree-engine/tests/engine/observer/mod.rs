//! Observers: what they are notified of, and that they harm nothing.

mod counts;
mod events;
mod pools;
mod user_code;
