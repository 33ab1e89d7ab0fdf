//! Observers: what they are notified of, and that they harm nothing.

mod aborts;
mod behavior;
mod counts;
mod events;
mod interest;
mod many_listeners;
mod numbers;
mod paths;
mod pools;
mod user_code;
